"""Who follows whom: which streams take images of which others. No clock, no cluster.

Kept by importing.work, so that a stream that changed wakes those that follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagestreams.model.stream import StreamKey


class Followers:
    """Streams by what they follow, and by who follows them."""

    def __init__(self) -> None:
        self._followed: dict[StreamKey, frozenset[StreamKey]] = {}
        self._followers: dict[StreamKey, set[StreamKey]] = {}

    def set(self, key: StreamKey, streams: frozenset[StreamKey]) -> None:
        """Note which streams a stream follows now, instead of before."""
        before = self._followed.pop(key, frozenset())
        if streams:
            self._followed[key] = streams
        for stream in before - streams:
            self._followers[stream].discard(key)
            if not self._followers[stream]:
                del self._followers[stream]
        for stream in streams - before:
            self._followers.setdefault(stream, set()).add(key)

    def of(self, key: StreamKey) -> tuple[StreamKey, ...]:
        """Name the streams that follow a stream."""
        return tuple(self._followers.get(key, ()))
