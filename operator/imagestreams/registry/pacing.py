"""When a host wants to be left alone, and how much of its quota is left: read from its answers, and obeyed.

The one place that knows for how long a host is not asked. Used by registry.transport before and after
every request; what is not sent comes out as a LimitedError. Sources: RFC 9110 (Retry-After, both
forms), Docker Hub's `ratelimit-remaining: 76;w=21600`, and the draft for HTTP (`remaining=76`).
"""

from __future__ import annotations

import dataclasses
import email.utils
import re
import threading
import time
from typing import TYPE_CHECKING

from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAUSE_MOST = 3600.0
"""What a host wants beyond this, in seconds, counts as this."""
_PAUSE_LEAST = 1.0
_PAUSE_FIRST = 5.0
_PAUSE_UNTOLD = 300.0
_HOSTS = 4096
_DIGITS = re.compile(r"[0-9]{1,9}")
_REMAINING = re.compile(r"(?:^|[,;\s])(?:remaining|r)\s*=\s*([0-9]{1,9})|^\s*([0-9]{1,9})\s*(?:;|$)")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read for how many seconds a host wants to be left alone; `now` is Unix time.

    None when it does not say so readably. At least one second, at most an hour.
    """
    text = headers.get("Retry-After", "").strip()
    if _DIGITS.fullmatch(text):
        return _bounded(float(text))
    try:
        until = email.utils.parsedate_to_datetime(text)
        return _bounded(until.timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None


def quota_left(headers: Mapping[str, str]) -> int | None:
    """Read how many pulls (or requests) a host still allows; None when it does not say."""
    for name in ("RateLimit-Remaining", "X-RateLimit-Remaining", "RateLimit"):
        found = _REMAINING.search(headers.get(name, "")[:200])
        if found:
            return int(found[1] or found[2])
    return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, _PAUSE_LEAST), PAUSE_MOST)


@dataclasses.dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    untold: float = 0.0
    """The last pause that we chose ourselves, as the host named none; doubles from refusal to refusal."""


class Pauses:
    """Which hosts are to be left alone, and until when. Thread-safe, and bounded."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._pauses: Memory[str, _Pause] = Memory(_HOSTS)

    def left(self, host: str) -> float:
        """Say for how many seconds a host is still not to be asked; 0.0 when it may be."""
        pause = self._pauses.get(host)
        return 0.0 if pause is None else max(pause.until - self._clock(), 0.0)

    def answered(self, host: str, status: int, headers: Mapping[str, str]) -> float:
        """Note an answer; give for how many seconds the host is to be left alone because of it.

        429 pauses the host, and so does a 503 that says for how long. Answers that come in while it is
        paused were asked for before: of them only a longer Retry-After counts.
        """
        told = retry_after(headers, self._wall_clock()) if status in {429, 503} else None
        if status != 429 and told is None:
            if status < 400:
                self._recovered(host)
            return 0.0
        with self._lock:
            now = self._clock()
            pause = self._pauses.get(host) or _Pause(now)
            if told is not None:
                pause = dataclasses.replace(pause, until=max(pause.until, now + told))
            elif pause.until <= now:
                own = min(pause.untold * 2 or _PAUSE_FIRST, _PAUSE_UNTOLD)
                pause = _Pause(now + own, own)
            self._pauses.put(host, pause)
            return max(pause.until - now, _PAUSE_LEAST)

    def _recovered(self, host: str) -> None:
        # Nearly always there is nothing to forget, and then no lock to wait for.
        pause = self._pauses.get(host)
        if pause is not None and pause.until <= self._clock():
            self._pauses.forget(host)
