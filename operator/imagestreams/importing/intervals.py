"""How often a scheduled tag is asked for: its annotation, its stream's, the default. Pure.

Used by importing.plan, by whoever takes an answer that is young enough, and by importing.cautions.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError
from imagestreams.model.duration import parse_duration

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream, TagSpec

INTERVAL_LEAST = 5.0
"""A scheduled tag is asked for no more often than this, in seconds."""

_EARLY = 1.0
_EARLY_SHARE = 0.1


def pace(interval: float) -> float:
    """Say after how many seconds a tag may be asked for again, at the soonest.

    It is due after its interval; but where a stream is looked at anyway, what is due within the next moment
    is asked for with the rest: a look costs more than a request where a stream has many tags.
    """
    return interval - min(_EARLY, interval * _EARLY_SHARE)


# The same few texts are read for each tag at each look.
_parsed = functools.lru_cache(256)(parse_duration)


def interval_of(stream: Stream, tag: TagSpec, default: float) -> float:
    """Say how often a scheduled tag is asked for: the tag's annotation, else the stream's, else the default.

    One that cannot be read counts as not set; `interval_problem` tells the user.
    """
    return first_readable((tag.interval, stream.interval), default)


def interval_problem(stream: Stream) -> str:
    """Say which interval annotation of a stream cannot be read, "" if all can."""
    places = [
        ("the stream", stream.interval),
        *((f'tag "{tag.name}"', tag.interval) for tag in stream.tags),
    ]
    for place, text in places:
        if text:
            try:
                parse_duration(text)
            except InvalidError as error:
                return f"annotation imagestreams.dev/interval of {place}: {error}; the default is used"
    return ""


def first_readable(texts: tuple[str, ...], default: float) -> float:
    """Give the first interval that can be read, in seconds, none under the least; else the default."""
    for text in texts:
        if text:
            try:
                return max(_parsed(text), INTERVAL_LEAST)
            except InvalidError:
                continue
    return default
