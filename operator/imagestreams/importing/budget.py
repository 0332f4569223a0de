"""Keeping a status within what the API server stores. Pure.

etcd takes 1.5 MiB an object, spec and bookkeeping included. The oldest items of the longest histories go
first; the current item of a tag, held or not, never does. Called by importing.record.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.model.status import Condition

if TYPE_CHECKING:
    from imagestreams.model.status import StreamStatus, TagStatus

BUDGET = 900_000
"""How large the tags of a status may be, in bytes of JSON."""
TRIMMED = "HistoryTrimmed"

_MESSAGE_MOST = 1000
_MESSAGE_LEAST = 200
_MESSAGES_MOST = 400_000
_TAG_OVERHEAD = 200
_ITEM_OVERHEAD = 120
_STAYS_ABOVE = 0.8


def cut_message(message: str, tags: int) -> str:
    """Cut a condition's message so that one of each of so many tags fits.

    It depends on the number of tags alone: cut once this way and once that, it would be written again.
    """
    most = max(_MESSAGE_LEAST, min(_MESSAGE_MOST, _MESSAGES_MOST // max(tags, 1)))
    return message if len(message) <= most else f"{message[: most - 3]}..."


def fit(status: StreamStatus, before: StreamStatus, *, budget: int, now: str) -> StreamStatus:
    """Drop the oldest items until a status fits, and say so in a condition of type HistoryTrimmed.

    The condition stays until there is room again, so that it does not come and go with each item.
    """
    size = sum(_size(tag) for tag in status.tags)
    said = next((item for item in before.conditions if item.type == TRIMMED), None)
    longest = keep = max((len(tag.items) for tag in status.tags), default=0)
    if size > budget:
        while keep > 1 and sum(_size(tag, keep) for tag in status.tags) > budget:
            keep -= 1
        tags = tuple(dataclasses.replace(tag, items=tag.items[:keep]) for tag in status.tags)
        status = dataclasses.replace(status, tags=tags)
        if keep == longest and said is None:
            return status
    elif said is None or size < budget * _STAYS_ABOVE:
        return status
    message = f"the status would be too large to store; at most {keep} items of each tag's history are kept"
    since = said.last_transition if said is not None else now
    condition = Condition(TRIMMED, "True", "StatusTooLarge", message, since, status.observed_generation)
    return dataclasses.replace(status, conditions=(*status.conditions, condition))


def _size(tag: TagStatus, keep: int | None = None) -> int:
    items = sum(len(item.reference) + len(item.image) + _ITEM_OVERHEAD for item in tag.items[:keep])
    conditions = sum(len(item.message) + _TAG_OVERHEAD for item in tag.conditions)
    intent = len(tag.intent.name) + len(tag.intent.requested_at) + _TAG_OVERHEAD if tag.intent else 0
    spare = tag.available
    available = len(spare.reference) + len(spare.image) + _ITEM_OVERHEAD if spare else 0
    return len(tag.tag) + _TAG_OVERHEAD + items + available + conditions + intent
