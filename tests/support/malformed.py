"""Malformed objects, seeded: the same number gives the same object, so that what broke once breaks again.

A valid object is taken, and a few of its places are given something that does not belong there. Counts are
exact, which those of a property test are not.
"""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXTS = (
    "",
    " ",
    "\x00",
    "\ud800",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp",
    "ünïcödé",
    "../../etc/passwd",
    "http://r.io/app",
    "r.io/app@sha256:zz",
    "r.io/app:" + "t" * 300,
    "R.IO/APP",
    "a/b:c@d:e",
    "app@sha256:" + "0" * 64,
    "x" * 5_000,
    "{{template}}",
    "$(reboot)",
    "null",
    "-1",
    "1e400",
    "PT5M",
    '[{"from":',
)
_NUMBERS = (0, -1, 1.5, 2**31, 2**63, 2**70, float("inf"), float("-inf"), float("nan"))


def value(chance: random.Random, depth: int = 0) -> Any:
    """Make something that may stand anywhere in JSON."""
    kind = chance.randrange(8 if depth < 3 else 5)
    if kind < 5:
        return chance.choice((None, chance.random() < 0.5, chance.choice(_NUMBERS), chance.choice(_TEXTS)))
    if kind == 5:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 6:
        return {chance.choice(_TEXTS): value(chance, depth + 1) for _ in range(chance.randrange(4))}
    nested: Any = value(chance, depth + 1)
    for _ in range(chance.choice((1, 10, 200))):
        nested = [nested] if chance.random() < 0.5 else {"a": nested}
    return nested


def malformed(seed: int, valid: Any, *, keep: tuple[tuple[str, ...], ...] = ()) -> Any:
    """Give a valid object with one to three places broken; those below `keep` stay as they are."""
    chance = random.Random(seed)
    broken = copy.deepcopy(valid)
    for _ in range(chance.randint(1, 3)):
        places = [path for path in paths(broken) if not any(_within(path, kept) for kept in keep)]
        if not places:
            break
        _break(chance, broken, chance.choice(places))
    return broken


def paths(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every place of an object, inner ones last."""
    places = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for name, inner in places:
        if len(path) < 12:
            yield (*path, name)
            yield from paths(inner, (*path, name))


def _within(path: tuple[Any, ...], kept: tuple[str, ...]) -> bool:
    length = min(len(path), len(kept))
    return path[:length] == kept[:length]


def _break(chance: random.Random, content: Any, path: tuple[Any, ...]) -> None:
    for name in path[:-1]:
        content = content[name]
    last = path[-1]
    how = chance.randrange(5)
    if how == 0 and isinstance(content, dict):
        del content[last]
    elif how == 1 and isinstance(content, list):
        content.append(copy.deepcopy(content[last]))
    elif how == 2 and isinstance(content, dict):
        content[chance.choice(_TEXTS)] = content[last]
    else:
        content[last] = value(chance)


def mangled(seed: int, content: bytes) -> bytes:
    """Give bytes with some cut, changed or added."""
    chance = random.Random(seed)
    how = chance.randrange(5)
    if how == 0:
        return content[: chance.randrange(len(content) + 1)]
    if how == 1:
        return chance.randbytes(chance.randrange(2_000))
    if how == 2:
        return content + chance.randbytes(20)
    if how == 3:
        return b"[" * chance.choice((10, 100_000)) + content
    at = chance.randrange(max(len(content), 1))
    return content[:at] + chance.randbytes(chance.randrange(1, 9)) + content[at + 1 :]
