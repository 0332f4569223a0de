"""Which hosts are in trouble, and who was told: once for the host, not once a tag. Pure but for its memory.

Trouble is what a host does to everybody who asks it: no answer, 5xx, or the wish to be left alone. Used by
importing.work; importing.memory decides when a tag's condition tells of it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.importing.news import News
from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.errors import RegistryError, Retry

TOLD_AGAIN = 600.0
"""A namespace is told of the same host no more often than this, in seconds, however it flickers."""
_HOSTS = 4096
_TOLD = 20_000


@dataclasses.dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer, as far as the schedule and the people who wait are concerned."""

    retry: Retry
    host: str = ""
    words: str = ""
    """What the host did, without what it was asked for."""
    wait: float = 0.0
    """For how many seconds the host is not asked, whoever asks."""
    is_of_host: bool = False
    """Whether everybody who asks the host is concerned, not one tag."""
    news: News | None = None
    """What the namespace that asked is to be told of it."""


class Hosts:
    """The hosts in trouble."""

    def __init__(self, show: Callable[[str, bool], None]) -> None:
        """`show` is told of a host that it got into trouble, and that it is well again."""
        self._show = show
        self._troubled: Memory[str, bool] = Memory(_HOSTS)
        self._told: Memory[tuple[str, str], float] = Memory(_TOLD)

    def answered(self, host: str) -> None:
        """Note that a host answered."""
        if self._troubled.get(host):
            self._troubled.forget(host)
            self._show(host, False)

    def troubled(self, namespace: str, host: str, error: RegistryError, now: float) -> Trouble:
        """Note that there was no answer of a host; the namespace that asked may have to be told."""
        trouble = Trouble(error.retry, host, error.words, error.wait, error.of_host)
        if not error.of_host:
            return trouble
        return dataclasses.replace(trouble, news=self._news(namespace, trouble, now))

    def _news(self, namespace: str, trouble: Trouble, now: float) -> News | None:
        host = trouble.host
        if not self._troubled.get(host):
            self._troubled.put(host, True)
            self._show(host, True)
        told = self._told.get((namespace, host))
        if told is not None and now - told < TOLD_AGAIN:
            return None
        self._told.put((namespace, host), now)
        reason = "RegistryLimits" if trouble.wait else "RegistryTrouble"
        text = (
            f"registry {host}: {trouble.words}. Tags that have an image keep it; all are asked for again by "
            "themselves. Told once for all tags of the namespace"
        )
        return News(reason, text, warning=True)
