"""What is known of permissions across namespaces, and when to ask again: the one place for tags and triggers.

An answer holds for half a minute, so that a right that is granted or revoked takes effect within one.
Each pair of a namespace and a stream is asked for once, however many tags and workloads wait, and forgotten
when nobody has wanted it for two minutes. In one event loop; built by app, which gives it to importing.work
and triggering; the asking itself is kube.permissions.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError
from imagestreams.importing.background import Background
from imagestreams.model.permission import OWN, UNKNOWN, Permission
from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from imagestreams.model.stream import StreamKey

_log = logging.getLogger(__name__)

HOLDS = 30.0
"""For how many seconds an answer is taken for true."""
UNUSED = 120.0
"""After so many seconds that nobody wanted it an answer is forgotten."""
_REVIEW = 5.0
_AT_ONCE = 2
"""How many questions are under way: who writes statuses meanwhile uses the same threads."""
_PENDING = 500
"""How many more wait for their turn at the most; who is not among them asks again."""
_REMEMBERED = 50_000


@dataclasses.dataclass(slots=True)
class _Known:
    permission: Permission = UNKNOWN
    asked: float = float("-inf")
    used: float = float("-inf")
    answer: asyncio.Future[None] | None = None
    """What waits for the answer, while it is asked for."""


class Permissions:
    """Which namespace may take images of which streams of others."""

    def __init__(
        self,
        ask: Callable[[str, StreamKey], Awaitable[Permission]],
        *,
        followed: Callable[[], Iterable[tuple[str, StreamKey]]] = tuple,
        changed: Callable[[str, StreamKey], None] = lambda _namespace, _stream: None,
    ) -> None:
        """`followed` names the pairs that must be kept up to date; `changed` is told of another answer."""
        self._ask = ask
        self._followed = followed
        self._changed = changed
        # Users choose what they name, and may name something else each time.
        self._known: Memory[tuple[str, StreamKey], _Known] = Memory(_REMEMBERED)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._background = Background()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, namespace: str, stream: StreamKey) -> Permission:
        """Tell what is known; a stream of the namespace itself is always permitted."""
        if stream.namespace == namespace:
            return OWN
        known = self._known.get((namespace, stream))
        return known.permission if known is not None else UNKNOWN

    def now(self, namespace: str, stream: StreamKey) -> Permission:
        """Tell what is known, without waiting; what is not, or not any more, is asked for meanwhile."""
        if stream.namespace != namespace:
            known = self._to_ask(namespace, stream)
            known.used = time = asyncio.get_running_loop().time()
            # Whoever may write a workload may name a hundred streams in each dry run.
            room = len(self._background) < _PENDING
            if known.answer is None and time >= known.asked + HOLDS and room:
                self._background.spawn(self._learning(namespace, stream, known, time))
        return self.of(namespace, stream)

    async def run(self) -> None:
        """Ask anew, for ever, for what is followed; forget what nobody wants any more."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_REVIEW)
            for namespace, stream in self._followed():
                self.now(namespace, stream)
            self._forget(loop.time() - UNUSED)

    def close(self) -> None:
        """Give up what is asked."""
        self._background.cancel()

    async def refresh(self, namespace: str, streams: Iterable[StreamKey], now: float) -> bool:
        """Ask anew what was asked too long ago; tell whether any answer is another than before.

        `now` is when the stream was looked at: an answer is over exactly when the next look is planned.
        Counted from the asking, a moment later, each second look would come too early.
        When the API server does not answer, what was known stays.
        """
        wanted = [(stream, self._to_ask(namespace, stream)) for stream in streams]
        before = [known.permission for _, known in wanted]
        for stream, known in wanted:
            known.used = now
            if known.answer is not None:
                # Another stream of the namespace asks, and is the only one that would be told.
                await asyncio.shield(known.answer)
            elif now >= known.asked + HOLDS:
                await self._learning(namespace, stream, known, now)
        return before != [known.permission for _, known in wanted]

    def _forget(self, used: float) -> None:
        self._known.forget_where(lambda known: known.answer is None and known.used <= used)

    def _to_ask(self, namespace: str, stream: StreamKey) -> _Known:
        known = self._known.get((namespace, stream))
        if known is None:
            known = _Known()
            self._known.put((namespace, stream), known)
        return known

    def _learning(
        self, namespace: str, stream: StreamKey, known: _Known, now: float
    ) -> Coroutine[None, None, None]:
        # At once, not when it has its turn: who asks meanwhile waits for this answer.
        known.asked, known.answer = now, asyncio.get_running_loop().create_future()
        return self._learn(namespace, stream, known, known.answer)

    async def _learn(
        self, namespace: str, stream: StreamKey, known: _Known, answer: asyncio.Future[None]
    ) -> None:
        before = known.permission
        try:
            async with self._turns:
                known.permission = await self._ask(namespace, stream)
        except ClusterError as error:
            _log.warning("whether %s may take images of %s is not known: %s", namespace, stream, error)
        finally:
            known.answer = None
            answer.set_result(None)
        if known.permission != before:
            self._changed(namespace, stream)
