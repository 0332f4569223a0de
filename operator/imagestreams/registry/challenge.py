"""Reading WWW-Authenticate (RFC 9110, 11.6.1): the challenges of a 401, with their parameters. Pure.

Used by registry.auth. Registries quote oddly; what cannot be read is skipped, not fatal. No letter is looked
at more than a few times, and of a very long header only the beginning.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT = 8 * 1024
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(rf"({_WORD})(?:\s+|$|(?=,))")
_GARBAGE = re.compile(rf'{_WORD}|"(?:[^"\\]|\\.)*"?|.', re.DOTALL)
_GAP = re.compile(r"[\s,]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: its scheme in lower case and its parameters, their names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Read a WWW-Authenticate header, which may hold several challenges; of 8 KiB at most."""
    header = header[:_LIMIT]
    challenges: list[Challenge] = []
    parameters: dict[str, str] = {}
    position = 0
    while position < len(header):
        if gap := _GAP.match(header, position):
            position = gap.end()
        elif parameter := _PARAMETER.match(header, position):
            name, quoted, bare = parameter.groups()
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
            parameters.setdefault(name.lower(), value)
            position = parameter.end()
        elif scheme := _SCHEME.match(header, position):
            parameters = {}
            challenges.append(Challenge(scheme.group(1).lower(), parameters))
            position = scheme.end()
        elif garbage := _GARBAGE.match(header, position):
            # A word or a quoted text at a time, be it closed or not: what is in quotes names no scheme, and
            # letter by letter a long header would be tried for a minute.
            position = garbage.end()
    return tuple(challenges)
