"""Which of a repository's tags come first where not all of them can: the newest versions.

The order is that of the original's PrioritizeTags, so that the same tags of a large repository are taken.
Used by importing.repository.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MINOR = re.compile(r"([0-9]+\.[0-9]+)(-[0-9A-Za-z]+)?")
_FULL = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?")
_NUMBER_MOST = 2**64 - 1

_Identifier = tuple[int, int, str]
_Version = tuple[int, int, int, int, tuple[_Identifier, ...]]


def in_order(tags: Iterable[str]) -> list[str]:
    """Put tags in order: "latest", versions such as 5.6 and 1.2-rc1, versions such as 5.6.1, all others.

    Versions descend (of two that are equal, the one without "v" comes first), others ascend by their letters.
    """
    minor: list[tuple[_Version, bool, str]] = []
    full: list[tuple[_Version, bool, str]] = []
    latest: list[str] = []
    others: list[str] = []
    for tag in tags:
        bare = tag.removeprefix("v")
        if tag == "latest":
            latest.append(tag)
        elif (version := _version(bare)) is not None:
            full.append((version, bare == tag, tag))
        elif (shape := _MINOR.fullmatch(bare)) and (version := _version(f"{shape[1]}.0{shape[2] or ''}")):
            minor.append((version, bare == tag, tag))
        else:
            others.append(tag)
    versions = [*sorted(minor, reverse=True), *sorted(full, reverse=True)]
    return [*latest, *(tag for _, _, tag in versions), *sorted(others)]


def _version(text: str) -> _Version | None:
    """Read a version by Semantic Versioning 2.0 as something that sorts; None for what is none."""
    shape = _FULL.fullmatch(text)
    if shape is None:
        return None
    numbers = [_number(shape[part]) for part in (1, 2, 3)]
    identifiers = [_identifier(part) for part in shape[4].split(".")] if shape[4] else []
    major, minor, patch = numbers
    if major is None or minor is None or patch is None or None in identifiers:
        return None
    # A version comes after its own pre-releases.
    return major, minor, patch, not identifiers, tuple(part for part in identifiers if part is not None)


def _identifier(text: str) -> _Identifier | None:
    if not text.isdigit():
        return 1, 0, text
    number = _number(text)
    return None if number is None else (0, number, "")


def _number(digits: str) -> int | None:
    if (len(digits) > 1 and digits[0] == "0") or len(digits) > 20 or int(digits) > _NUMBER_MOST:
        return None
    return int(digits)
