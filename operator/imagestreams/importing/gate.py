"""How many questions are under way at once: in all, to one host, and for one namespace.

A host that hangs, or a namespace with thousands of tags, holds its share of the threads and no more; who
waits is let in by turns over namespaces and hosts, and who is urgent before all others. A host that limits us
gets half as many at once, and by and by more again. Used by importing.asking, in one event loop.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from typing import TYPE_CHECKING

from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HOSTS = 4096
Lane = tuple[bool, str, str]
"""Whether it can wait, a namespace and a host."""
_Lanes = collections.OrderedDict[Lane, collections.deque[asyncio.Future[None]]]


class Gate:
    """Lets questions in, `total` at once, of which at most `share` to one host and for one namespace."""

    def __init__(self, *, total: int, share: int) -> None:
        self._total = total
        self._share = share
        self._inside = 0
        self._namespaces: collections.Counter[str] = collections.Counter()
        self._hosts: collections.Counter[str] = collections.Counter()
        self._narrowed: Memory[str, float] = Memory(_HOSTS)
        self._urgent: _Lanes = collections.OrderedDict()
        self._patient: _Lanes = collections.OrderedDict()

    @contextlib.asynccontextmanager
    async def passing(self, namespace: str, host: str, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for a turn, and keep the place until the block ends."""
        lane = (not urgent, namespace, host)
        turn = asyncio.get_running_loop().create_future()
        self._lanes(lane).setdefault(lane, collections.deque()).append(turn)
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

    def narrow(self, host: str) -> None:
        """Let half as many to a host at once, for it asked to be asked less often."""
        self._narrowed.put(host, max(self._room(host) / 2, 1.0))

    def widen(self, host: str) -> None:
        """Note that a host answered well: one place more for as many answers as there are places."""
        room = self._narrowed.get(host)
        if room is not None and room + 1 / room < self._share:
            self._narrowed.put(host, room + 1 / room)
        elif room is not None:
            self._narrowed.forget(host)

    def _room(self, host: str) -> float:
        return self._narrowed.get(host) or self._share

    def _lanes(self, lane: Lane) -> _Lanes:
        return self._patient if lane[0] else self._urgent

    def _admit(self) -> None:
        for lanes in (self._urgent, self._patient):
            # Once round the lanes for each one let in; a lane that was served goes to the end.
            admitted = True
            while admitted and self._inside < self._total:
                admitted = False
                for lane in list(lanes):
                    if self._inside < self._total and self._has_room(lane):
                        self._enter(lanes, lane)
                        admitted = True

    def _has_room(self, lane: Lane) -> bool:
        _, namespace, host = lane
        if self._namespaces[namespace] >= self._share:
            return False
        return self._hosts[host] + 1 <= self._room(host)

    def _enter(self, lanes: _Lanes, lane: Lane) -> None:
        queue = lanes[lane]
        turn = queue.popleft()
        if queue:
            lanes.move_to_end(lane)
        else:
            del lanes[lane]
        if not turn.cancelled():
            _, namespace, host = lane
            self._inside += 1
            self._namespaces[namespace] += 1
            self._hosts[host] += 1
            turn.set_result(None)

    def _leave(self, lane: Lane) -> None:
        _, namespace, host = lane
        self._inside -= 1
        for counter, name in ((self._namespaces, namespace), (self._hosts, host)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]

    def _forget(self, lane: Lane, turn: asyncio.Future[None]) -> None:
        lanes = self._lanes(lane)
        queue = lanes.get(lane)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del lanes[lane]
