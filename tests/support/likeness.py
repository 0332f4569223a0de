"""Comparing what was recorded with what is answered now, where names, digests and times must differ.

Digests are matched one to one: the first time that a recorded digest meets another one, the two are the same
from then on. Generations are compared by their order within one object: what matters is which is older, and
which are equal.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MISSING = "(missing)"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_AGE = re.compile(
    r"(Less than a second|About an? (minute|hour)|\d+ (second|minute|hour|day|week|month|year)s?) ago"
)
_PRESENT = frozenset(
    {"uid", "resourceVersion", "dockerImageManifest", "dockerImageConfig", "dockerconfigjson"}
)
"""Only whether they are there is compared."""
_SIZES = frozenset({"size", "Size", "manifestSize"})


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """Where they differ; the path is keys joined by dots, and list items by what names them."""

    path: str
    recorded: Any
    answered: Any

    def __str__(self) -> str:
        return f"{self.path}: recorded {self.recorded!r}, answered {self.answered!r}"


class Likeness:
    """What was found to be the same thing under two names, in one scenario."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Begin with names that are known: as recorded, and as they are now."""
        self._names = dict(sorted(names.items(), key=lambda pair: -len(pair[0])))
        self._digests: dict[str, str] = {}

    def now(self, text: str) -> str:
        """Write a recorded text with the names of now; a digest may be shortened."""
        for recorded, name in self._names.items():
            text = text.replace(recorded, name)
        text = _DIGEST.sub(lambda found: self._digests.get(found[0], found[0]), text)
        return re.sub(r"(?<=@)(sha256:)?([0-9a-f]{5,63})\b", self._short, text)

    def then(self, text: str) -> str:
        """Write an answer with the names of the recording."""
        for recorded, name in self._names.items():
            text = text.replace(name, recorded)
        return text

    def differences(self, recorded: Any, answered: Any, path: str = "") -> list[Difference]:
        """Compare two values as they are in JSON."""
        return list(self._compared(ranked(recorded), ranked(answered), path))

    def lines(self, recorded: str, answered: str, path: str) -> list[Difference]:
        """Compare two texts, line by line."""
        then, now = recorded.splitlines(), answered.splitlines()
        pairs = [
            (then[at] if at < len(then) else MISSING, now[at] if at < len(now) else MISSING)
            for at in range(max(len(then), len(now)))
        ]
        return [each for at, pair in enumerate(pairs, 1) for each in self._compared(*pair, f"{path}.{at}")]

    def _short(self, found: re.Match[str]) -> str:
        kept = found[1] or ""
        for recorded, now in self._digests.items():
            if recorded.startswith(f"sha256:{found[2]}"):
                return f"{kept}{now.removeprefix('sha256:')[: len(found[2])]}"
        return found[0]

    def _compared(self, recorded: Any, answered: Any, path: str) -> Iterator[Difference]:
        if isinstance(recorded, dict) and isinstance(answered, dict):
            yield from self._dicts(recorded, answered, path)
        elif isinstance(recorded, list) and isinstance(answered, list):
            yield from self._lists(recorded, answered, path)
        elif not self._same(recorded, answered, path.rpartition(".")[2]):
            shown = self.then(answered) if isinstance(answered, str) else answered
            yield Difference(path, recorded, shown)

    def _dicts(self, recorded: dict[str, Any], answered: dict[str, Any], path: str) -> Iterator[Difference]:
        for key in sorted(recorded.keys() | answered.keys()):
            values = recorded.get(key, MISSING), answered.get(key, MISSING)
            yield from self._compared(*values, f"{path}.{key}" if path else key)

    def _lists(self, recorded: list[Any], answered: list[Any], path: str) -> Iterator[Difference]:
        then, now = _keyed(recorded), _keyed(answered)
        named: list[str] = []
        for key in then:
            named.append(self._now_of(key, {each: now[each] for each in now if each not in named}))
        for key, there in zip(then, named, strict=True):
            yield from self._compared(then[key], now.get(there, MISSING), f"{path}[{key}]")
        for key in now.keys() - set(named):
            yield Difference(f"{path}[{self.then(key)}]", MISSING, now[key])
        if sorted(map(str, named)) == sorted(now) and named != list(now):
            yield Difference(f"{path}[order]", list(then), [self.then(key) for key in now])

    def _now_of(self, key: str, now: dict[str, Any]) -> str:
        """Find the key that a recorded item has now: with its names of now, and any digest that fits."""
        there = self.now(key)
        if there in now or not _DIGEST.search(there):
            return there
        pattern = re.compile("[^/]*".join(re.escape(part) for part in _DIGEST.split(there)))
        taken = set(self._digests.values())
        free = [each for each in now if pattern.fullmatch(each) and not taken & set(_DIGEST.findall(each))]
        return free[0] if free else there

    def _same(self, recorded: Any, answered: Any, key: str) -> bool:
        if key in _PRESENT:
            return (recorded is MISSING) == (answered is MISSING) and bool(recorded) == bool(answered)
        if key in _SIZES and isinstance(recorded, int) and isinstance(answered, int):
            return (recorded > 0) == (answered > 0)
        if isinstance(recorded, str) and isinstance(answered, str):
            return self._texts(recorded, self.then(answered)) or self.now(recorded) == answered
        return type(recorded) is type(answered) and bool(recorded == answered)

    def _texts(self, recorded: str, answered: str) -> bool:
        then, now = _DIGEST.findall(recorded), _DIGEST.findall(answered)
        if len(then) != len(now):
            return False
        before = dict(self._digests)
        if all(map(self._matched, then, now)) and _plain(recorded) == _plain(answered):
            return True
        self._digests = before
        return False

    def _matched(self, recorded: str, answered: str) -> bool:
        if recorded not in self._digests and answered in self._digests.values():
            return False
        return self._digests.setdefault(recorded, answered) == answered


def ranked(value: Any) -> Any:
    """Replace the generations in each object of a value by their rank among those of the object."""
    if isinstance(value, dict) and "items" in value and str(value.get("kind", "")).endswith("List"):
        return {**value, "items": [ranked(item) for item in value["items"]]}
    found = sorted(set(_generations(value)))
    return _replaced(value, {each: f"generation {at}" for at, each in enumerate(found, 1)})


def _generations(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"generation", "observedGeneration"} and isinstance(inner, int):
                yield inner
            else:
                yield from _generations(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _generations(inner)


def _replaced(value: Any, ranks: dict[int, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(inner, ranks) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: ranks.get(inner, inner)
        if key in {"generation", "observedGeneration"} and isinstance(inner, int)
        else _replaced(inner, ranks)
        for key, inner in value.items()
    }


def _keyed(items: list[Any]) -> dict[str, Any]:
    """Name the items of a list: objects by kind and name, tags and rows by name, all else by place."""
    names = [_name(item) for item in items]
    if None in names or len(set(names)) < len(names):
        return {str(at): item for at, item in enumerate(items)}
    return {str(name): item for name, item in zip(names, items, strict=True)}


def _name(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("metadata"), dict) and "kind" in item and "name" in item["metadata"]:
        return f"{item['kind']} {item['metadata']['name']}"
    for key in ("NAME", "name", "tag", "type"):
        if isinstance(item.get(key), str):
            return str(item[key])
    return None


def _plain(text: str) -> str:
    return _AGE.sub("(age) ago", _TIME.sub("(time)", _DIGEST.sub("(digest)", text)))
