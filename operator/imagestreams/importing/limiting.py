"""How often, and how many at once, a host that limits us is asked. Pure: times are the caller's.

A host has no limit until it says 429; then it gets half as much as it got, at once and a second, and by and
by more again (additive increase, multiplicative decrease, as TCP shares a line). Used by importing.gate; for
how long a host is not asked at all is registry.pacing's.
"""

from __future__ import annotations

import dataclasses

from imagestreams.importing.schedule import Pace
from imagestreams.registry.memory import Memory

_HOSTS = 4096
_RATE_LEAST = 1.0
_WINDOW = 1.0


@dataclasses.dataclass(slots=True)
class _Traffic:
    """How many questions went to a host: in this second, and in the one before."""

    since: float
    count: int = 0
    before: float = 0.0

    def went(self, now: float) -> None:
        if now - self.since >= _WINDOW:
            # A second without any is a second of none.
            self.before = self.count if now - self.since < 2 * _WINDOW else 0
            self.since, self.count = now, 0
        self.count += 1

    @property
    def rate(self) -> float:
        return max(self.before, self.count, _RATE_LEAST)


@dataclasses.dataclass(slots=True)
class _Limit:
    places: float
    rate: float
    enough: float
    """The rate at which there is no limit any more: what went to the host when it began to limit us."""
    pace: Pace
    paused_until: float = float("-inf")


class Limits:
    """The limits of hosts that limit us; others have none."""

    def __init__(self, share: int) -> None:
        """`share` is how many questions go to a host at once that does not limit us."""
        self._share = share
        self._limits: Memory[str, _Limit] = Memory(_HOSTS)
        self._traffic: Memory[str, _Traffic] = Memory(_HOSTS)

    def __len__(self) -> int:
        """Count the hosts that limit us."""
        return len(self._limits)

    def places(self, host: str) -> float:
        """Say how many questions may be under way to a host."""
        limit = self._limit(host)
        return self._share if limit is None else limit.places

    def wait(self, host: str, now: float) -> float:
        """Say in how many seconds the next question may go to a host; 0.0: now."""
        limit = self._limit(host)
        return 0.0 if limit is None else limit.pace.left(now)

    def went(self, host: str, now: float) -> None:
        """Note that a question goes to a host."""
        traffic = self._traffic.get(host)
        if traffic is None:
            traffic = _Traffic(now)
            self._traffic.put(host, traffic)
        traffic.went(now)
        limit = self._limit(host)
        if limit is not None:
            limit.pace.take(now)

    def narrow(self, host: str, now: float, pause: float) -> None:
        """Give half as much to a host that asked to be left alone for so many seconds.

        What else it refuses until then was on its way already, and is the same refusal.
        """
        traffic, limit = self._traffic.get(host), self._limit(host)
        going = traffic.rate if traffic is not None else _RATE_LEAST
        if limit is None:
            limit = _Limit(self._share, going, going, Pace(going))
            self._limits.put(host, limit)
        again = now < limit.paused_until
        limit.paused_until = max(limit.paused_until, now + pause)
        if again:
            return
        limit.places = max(limit.places / 2, 1.0)
        # What goes may be less than what would be allowed.
        limit.rate = max(min(limit.rate, going) / 2, _RATE_LEAST)
        limit.pace = Pace(limit.rate, at_once=1)

    def widen(self, host: str) -> None:
        """Note that a host answered well.

        It gets one place more for as many answers as it has places, and one question a second more a second.
        """
        limit = self._limit(host)
        if limit is None:
            return
        limit.places = min(limit.places + 1 / limit.places, self._share)
        limit.rate += 1 / limit.rate
        limit.pace.change(limit.rate)
        if limit.places >= self._share and limit.rate > limit.enough:
            self._limits.forget(host)

    def _limit(self, host: str) -> _Limit | None:
        # Nearly always there is nothing to look up, and this is asked for each host that waits.
        return self._limits.get(host) if len(self._limits) else None
