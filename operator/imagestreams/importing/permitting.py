"""What is known of permissions across namespaces, and when to ask again.

An answer holds for half a minute, so that a right that is granted or revoked takes effect within one.
Used by importing.work in one event loop; the asking itself is kube.permissions.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError
from imagestreams.importing.derive import Permission
from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from imagestreams.model.stream import StreamKey

_log = logging.getLogger(__name__)

HOLDS = 30.0
"""For how many seconds an answer is taken for true."""
_REMEMBERED = 50_000
_UNKNOWN = Permission(granted=None)


@dataclasses.dataclass(slots=True)
class _Known:
    permission: Permission = _UNKNOWN
    asked: float = float("-inf")
    answer: asyncio.Future[None] | None = None
    """What waits for the answer, while it is asked for."""


class Permissions:
    """Which namespace may take images of which streams of others."""

    def __init__(self, ask: Callable[[str, StreamKey], Awaitable[Permission]]) -> None:
        self._ask = ask
        # Users choose what they name, and may name something else each time.
        self._known: Memory[tuple[str, StreamKey], _Known] = Memory(_REMEMBERED)

    def of(self, namespace: str, stream: StreamKey) -> Permission:
        """Tell what is known; a stream of the namespace itself is always permitted."""
        if stream.namespace == namespace:
            return Permission(granted=True)
        known = self._known.get((namespace, stream))
        return known.permission if known is not None else _UNKNOWN

    async def refresh(self, namespace: str, streams: Iterable[StreamKey], now: float) -> bool:
        """Ask anew what was asked too long ago; tell whether any answer is another than before.

        `now` is when the stream was looked at: an answer is over exactly when the next look is planned.
        Counted from the asking, a moment later, each second look would come too early.
        When the API server does not answer, what was known stays.
        """
        wanted = [(stream, self._to_ask(namespace, stream)) for stream in streams]
        before = [known.permission for _, known in wanted]
        for stream, known in wanted:
            if known.answer is not None:
                # Another stream of the namespace asks, and is the only one that would be told.
                await asyncio.shield(known.answer)
            elif now >= known.asked + HOLDS:
                known.asked = now
                await self._learn(namespace, stream, known)
        return before != [known.permission for _, known in wanted]

    def _to_ask(self, namespace: str, stream: StreamKey) -> _Known:
        known = self._known.get((namespace, stream))
        if known is None:
            known = _Known()
            self._known.put((namespace, stream), known)
        return known

    async def _learn(self, namespace: str, stream: StreamKey, known: _Known) -> None:
        answer = known.answer = asyncio.get_running_loop().create_future()
        try:
            known.permission = await self._ask(namespace, stream)
        except ClusterError as error:
            _log.warning("whether %s may take images of %s is not known: %s", namespace, stream, error)
        finally:
            known.answer = None
            answer.set_result(None)
