"""When it is whose turn: one heap of due times, and a pace. Pure: times are seconds on the caller's clock.

Used by importing.work, which waits until `next_due` and takes what is due, and by importing.settling.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Schedule(Generic[Key]):
    """Keys with their due times; setting a key again replaces its time.

    Equal times come out in the order they were set.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._entries: dict[Key, tuple[float, int]] = {}
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._entries)

    def set(self, key: Key, due: float) -> None:
        """Make a key due at a time, instead of any earlier setting."""
        number = next(self._count)
        self._entries[key] = (due, number)
        heapq.heappush(self._heap, (due, number, key))
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._entries):
            self._heap = [(when, nth, k) for k, (when, nth) in self._entries.items()]
            heapq.heapify(self._heap)

    def hasten(self, key: Key, due: float) -> None:
        """Make a key due at a time unless it is due sooner."""
        known = self._entries.get(key)
        if known is None or due < known[0]:
            self.set(key, due)

    def drop(self, key: Key) -> None:
        """Forget a key; an unknown one is no error."""
        self._entries.pop(key, None)

    def next_due(self) -> float | None:
        """Tell the earliest due time, None when nothing is scheduled."""
        while self._heap:
            due, number, key = self._heap[0]
            if self._entries.get(key) == (due, number):
                return due
            heapq.heappop(self._heap)
        return None

    def take_due(self, now: float) -> list[Key]:
        """Take out every key whose time has come, the earliest first."""
        taken: list[Key] = []
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._entries[key]
            taken.append(key)
        return taken


class Pace:
    """So many turns a second on average, and so many at once after a rest: by default a second's worth."""

    def __init__(self, per_second: float, *, at_once: float | None = None) -> None:
        self._gap = 1 / per_second
        self._spare = self._gap * (per_second if at_once is None else at_once - 1)
        self._full = float("-inf")
        """Until when the turns that were taken fill the time."""

    def left(self, now: float) -> float:
        """Say how many seconds it is until the next turn, 0.0: it is now."""
        return max(0.0, self._full - self._spare - now)

    def take(self, now: float) -> float:
        """Take the next turn, and say as `left` does when it is."""
        left = self.left(now)
        self._full = max(self._full, now) + self._gap
        return left

    def change(self, per_second: float) -> None:
        """Give more or fewer turns from now on."""
        self._gap = 1 / per_second


def jitter(name: str, span: float) -> float:
    """Spread names evenly over a span of seconds, the same name always at the same place.

    Restarts so do not ask every tag at once, and a tag keeps its turn.
    """
    fraction = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return fraction * span
