"""How many questions are under way at once: in all, to one host, and for one namespace.

A host that hangs, or a namespace with thousands of tags, holds its share of the threads and no more; who
waits is let in by turns over namespaces and hosts. Used by importing.asking, in one event loop.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Lane = tuple[str, str]
"""A namespace and a host."""


class Gate:
    """Lets questions in, `total` at once, of which at most `share` to one host and for one namespace."""

    def __init__(self, *, total: int, share: int) -> None:
        self._total = total
        self._share = share
        self._inside = 0
        self._namespaces: collections.Counter[str] = collections.Counter()
        self._hosts: collections.Counter[str] = collections.Counter()
        self._waiting: collections.OrderedDict[Lane, collections.deque[asyncio.Future[None]]]
        self._waiting = collections.OrderedDict()

    @contextlib.asynccontextmanager
    async def passing(self, namespace: str, host: str) -> AsyncIterator[None]:
        """Wait for a turn, and keep the place until the block ends."""
        lane = (namespace, host)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(lane, collections.deque()).append(turn)
        self._admit()
        try:
            await turn
            yield
        finally:
            if turn.cancelled():
                self._forget(lane, turn)
            else:
                self._leave(lane)
            self._admit()

    def _admit(self) -> None:
        # Once round the lanes for each one let in; a lane that was served goes to the end.
        admitted = True
        while admitted and self._inside < self._total:
            admitted = False
            for lane in list(self._waiting):
                if self._inside < self._total and self._has_room(lane):
                    self._enter(lane)
                    admitted = True

    def _has_room(self, lane: Lane) -> bool:
        namespace, host = lane
        return self._namespaces[namespace] < self._share and self._hosts[host] < self._share

    def _enter(self, lane: Lane) -> None:
        queue = self._waiting[lane]
        turn = queue.popleft()
        if queue:
            self._waiting.move_to_end(lane)
        else:
            del self._waiting[lane]
        if not turn.cancelled():
            namespace, host = lane
            self._inside += 1
            self._namespaces[namespace] += 1
            self._hosts[host] += 1
            turn.set_result(None)

    def _leave(self, lane: Lane) -> None:
        namespace, host = lane
        self._inside -= 1
        for counter, name in ((self._namespaces, namespace), (self._hosts, host)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]

    def _forget(self, lane: Lane, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(lane)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[lane]
