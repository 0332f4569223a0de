"""Fights over an image field: somebody puts back what we wrote, again and again. No clock, no cluster.

A manual edit is put back at once, as the original does. More than a few times a minute it is a fight that
nobody wins; then we wait. And whatever happens, one workload is not written to more than twice a second.
Used by triggering.apply, which tells the time.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagestreams.triggering.patch import Move
    from imagestreams.triggering.workload import WorkloadKey

REVERTS = 5
"""How often an image is put back within WINDOW before we wait."""
WINDOW = 60.0
"""In seconds."""
SECOND = 1.2
"""Within which two writes are the most, and one that puts an image back: a second, and some for the way."""


class Fights:
    """Remembers what was written to each workload, and when it had to be written again."""

    def __init__(self) -> None:
        self._written: dict[WorkloadKey, dict[str, str]] = {}
        self._reverts: dict[WorkloadKey, collections.deque[float]] = {}
        self._tried: dict[WorkloadKey, tuple[float, float]] = {}

    def wait(self, key: WorkloadKey, moves: Sequence[Move], now: float) -> float:
        """Say how many seconds to wait before these moves are written."""
        before, last = self._tried.get(key, (float("-inf"), float("-inf")))
        pace = (last if self._is_revert(key, moves) else before) + SECOND - now
        return max(0.0, pace, self.fight(key, moves, now))

    def fight(self, key: WorkloadKey, moves: Sequence[Move], now: float) -> float:
        """Say for how many seconds it is a fight; 0 unless it is one."""
        reverts = self._reverts.get(key)
        if reverts is None or len(reverts) < REVERTS or not self._is_revert(key, moves):
            return 0.0
        return max(0.0, reverts[0] + WINDOW - now)

    def at_peace(self, key: WorkloadKey, now: float) -> bool:
        """Tell whether a fight, if there was one, is long over."""
        reverts = self._reverts.get(key)
        return not reverts or now >= reverts[-1] + WINDOW

    def tries(self, key: WorkloadKey, now: float) -> None:
        """Note that a write is tried."""
        self._tried[key] = self._tried.get(key, (0.0, float("-inf")))[1], now

    def wrote(self, key: WorkloadKey, moves: Sequence[Move], now: float) -> None:
        """Note that these moves were written."""
        if self._is_revert(key, moves):
            self._reverts.setdefault(key, collections.deque(maxlen=REVERTS)).append(now)
        self._written.setdefault(key, {}).update({move.container: move.after for move in moves})

    def drop(self, key: WorkloadKey) -> None:
        """Forget a workload."""
        self._written.pop(key, None)
        self._reverts.pop(key, None)
        self._tried.pop(key, None)

    def _is_revert(self, key: WorkloadKey, moves: Sequence[Move]) -> bool:
        written = self._written.get(key, {})
        return any(written.get(move.container) == move.after for move in moves)
