"""Text of a registry's making, made fit for a condition, an event and a log line. Pure.

A registry may answer anything: half a surrogate pair, which no JSON can carry, control characters that move
a terminal's cursor, a megabyte. What is shown of it passes through here first, so that the API server stores
exactly the text that we compare with later. Used by whatever in registry raises an error that quotes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 100
"""How many characters of one piece of foreign text are shown."""
_CUT = "..."
_TOLD = 3
_TOLD_MOST = 200
_STRANGE = "\N{REPLACEMENT CHARACTER}"


def shown(text: str, limit: int = SHOWN) -> str:
    """Give foreign text as it may be shown: printable, and at most `limit` characters of it."""
    # Cut before looking at each letter: the text may be very long.
    short = cut(text[: limit + 1], limit)
    if short.isprintable():
        return short
    return "".join(letter if letter.isprintable() else _STRANGE for letter in short)


def cut(text: str, limit: int) -> str:
    """Give a text, or its beginning with three dots where it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: max(limit - len(_CUT), 0)] + _CUT


def told(what: str, texts: Sequence[str]) -> str:
    """Give a sentence that says each of several things, as ". What: one; two"; "" where there is none."""
    if not texts:
        return ""
    more = f" and {len(texts) - _TOLD} more" if len(texts) > _TOLD else ""
    return f". {what}: {'; '.join(cut(text, _TOLD_MOST) for text in texts[:_TOLD])}{more}"
