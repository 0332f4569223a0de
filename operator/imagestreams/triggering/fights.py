"""Fights over an image field: somebody puts back what we wrote, again and again. No clock, no cluster.

A manual edit is put back at once, as the original does. More than a few times a minute it is a fight that
nobody wins; then we wait. Used by triggering.follow, which tells the time.
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


class Fights:
    """Remembers what was written to each workload, and when it had to be written again."""

    def __init__(self) -> None:
        self._written: dict[WorkloadKey, dict[str, str]] = {}
        self._reverts: dict[WorkloadKey, collections.deque[float]] = {}

    def wait(self, key: WorkloadKey, moves: Sequence[Move], now: float) -> float:
        """Say how many seconds to wait before these moves are written; 0 unless it is a fight."""
        reverts = self._reverts.get(key)
        if reverts is None or len(reverts) < REVERTS or not self._is_revert(key, moves):
            return 0.0
        return max(0.0, reverts[0] + WINDOW - now)

    def wrote(self, key: WorkloadKey, moves: Sequence[Move], now: float) -> None:
        """Note that these moves were written."""
        if self._is_revert(key, moves):
            self._reverts.setdefault(key, collections.deque(maxlen=REVERTS)).append(now)
        self._written.setdefault(key, {}).update({move.container: move.after for move in moves})

    def drop(self, key: WorkloadKey) -> None:
        """Forget a workload."""
        self._written.pop(key, None)
        self._reverts.pop(key, None)

    def _is_revert(self, key: WorkloadKey, moves: Sequence[Move]) -> bool:
        written = self._written.get(key, {})
        return any(written.get(move.container) == move.after for move in moves)
