"""The history of a tag: how one more event changes its items.

The rules are those of the original's AddTagEvent. Used by importing.record.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError

if TYPE_CHECKING:
    from imagestreams.model.status import TagEvent

KEEP_ITEMS = 50
"""How many items of a tag are kept, the current one among them, unless the stream says otherwise."""
_KEEP_MOST = 1000


def read_keep(text: str, default: int = KEEP_ITEMS) -> int:
    """Read `imagestreams.dev/keep`; "" is the default.

    Raises InvalidError, which says how to write it.
    """
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= _KEEP_MOST):
        raise InvalidError(f'"{text[:40]}" is not a number of items from 1 to {_KEEP_MOST}')
    return int(text)


def add_event(
    items: tuple[TagEvent, ...], event: TagEvent, *, keep: int = KEEP_ITEMS
) -> tuple[TagEvent, ...]:
    """Put an event in front of a tag's items, newest first, or merge it into the current one.

    Same image and reference: nothing but the generation changes. Only one of both differs: the
    current item is corrected in place, keeping its time. Both differ: the event comes in front.
    """
    if not items:
        return (event,)
    current, older = items[0], items[1:]
    if current.reference != event.reference and current.image != event.image:
        return (event, *items)[:keep]
    return (dataclasses.replace(event, created=current.created), *older)
