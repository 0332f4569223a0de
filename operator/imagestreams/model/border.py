"""Reading JSON whose shape nobody vouches for: a wrong type reads as absent, never as a crash.

The CRD's schema keeps most of it out; what is stored already, and other writers of status, it does not.
Used by the parse functions of model.stream, model.status and model.trigger only.
"""

from __future__ import annotations

import functools
from typing import Any

_SHORT = 300


def text(value: Any) -> str:
    """Read a string, else "".

    Equal ones are mostly one: kinds, modes, tags and times come again in each of ten thousand streams.
    """
    if not isinstance(value, str):
        return ""
    # Who writes a long text anew each second must not fill the table with it.
    return _once(value) if len(value) <= _SHORT else value


# What was read last only: a table of all texts takes more than it saves, as most digests come but once.
@functools.lru_cache(4096)
def _once(value: str) -> str:
    return value


def integer(value: Any) -> int:
    """Read an integer, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def mapping(value: Any) -> dict[str, Any]:
    """Read an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Read a list, else an empty one; null is how the original spells an empty list."""
    return value if isinstance(value, list) else []


def without_empty(**fields: Any) -> dict[str, Any]:
    """Spell an object without the fields that are empty, zero or false."""
    return {name: value for name, value in fields.items() if value}
