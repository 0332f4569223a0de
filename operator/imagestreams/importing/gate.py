"""How many questions are under way at once: in all, to one host, and for one namespace.

A host that hangs, or a namespace with thousands of tags, holds its share of the places and no more; who
waits is let in by priority, then by turns over hosts and namespaces. Who waits is a callback in a queue, no
task: there may be fifty thousand. A host that limits us is asked less (importing.limiting), and those that do
not answer hold no more than half of all places together.
Used by importing.asking, in one event loop.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from imagestreams.importing.limiting import Limits
from imagestreams.importing.plan import Priority
from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

_SILENT_HOSTS = 4096
_UPSIDE_DOWN = 5
"""Each fifth turn is of who else comes last: thousands of edits put nobody off for ever."""


class Lane(NamedTuple):
    """Who wants in: how urgently, for which namespace, to which host."""

    priority: Priority
    namespace: str
    host: str


_Name = TypeVar("_Name", str, tuple[str, str])
_Queue = collections.deque["Callable[[], bool]"]
_Spaces = collections.OrderedDict[str, _Queue]


class Gate:
    """Lets questions in, `total` at once, of which at most `share` to one host and for one namespace.

    The last quarter of a namespace's share is for hosts that it asks nothing else: one that hangs would hold
    all its places, and delay what it has elsewhere.
    """

    def __init__(self, *, total: int, share: int) -> None:
        self._total = total
        self._share = share
        self._most_of_one = share - share // 4
        self._most_of_silent = max(total // 2, 1)
        self._silent: Memory[str, bool] = Memory(_SILENT_HOSTS)
        self._inside = 0
        self._namespaces: collections.Counter[str] = collections.Counter()
        self._hosts: collections.Counter[str] = collections.Counter()
        self._pairs: collections.Counter[tuple[str, str]] = collections.Counter()
        self._limits = Limits(share)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._turns = 0
        self._waiting: dict[Priority, collections.OrderedDict[str, _Spaces]] = {
            priority: collections.OrderedDict() for priority in Priority
        }

    def queue(self, lane: Lane, start: Callable[[], bool]) -> None:
        """Have `start` called when it is the lane's turn; who starts calls `leave` when it has ended.

        A start that gives False had nothing to do any more, and takes no place.
        """
        # Those who wait already have no room: only the one that comes can change anything.
        if self._inside < self._total and self._has_room(lane) and not self._queue_of(lane):
            self._enter(lane, start)
            return
        hosts = self._waiting[lane.priority]
        hosts.setdefault(lane.host, collections.OrderedDict()).setdefault(
            lane.namespace, collections.deque()
        ).append(start)

    def leave(self, lane: Lane) -> None:
        """Give a place back, and let in who has room by that."""
        self._inside -= 1
        _less(self._namespaces, lane.namespace)
        _less(self._hosts, lane.host)
        _less(self._pairs, (lane.namespace, lane.host))
        self._admit()

    @contextlib.asynccontextmanager
    async def passing(self, lane: Lane) -> AsyncIterator[None]:
        """Wait for a turn, and keep the place until the block ends."""
        turn = asyncio.get_running_loop().create_future()

        def start() -> bool:
            if turn.done():
                return False
            turn.set_result(None)
            return True

        self.queue(lane, start)
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self.leave(lane)
            else:
                turn.cancel()

    def narrow(self, host: str, pause: float) -> None:
        """Ask a host less often, and less at once: it asked to be left alone for so many seconds."""
        self._limits.narrow(host, asyncio.get_running_loop().time(), pause)

    def widen(self, host: str) -> None:
        """Note that a host answered well: by and by it is asked as others are."""
        self._limits.widen(host)

    def silent(self, host: str) -> None:
        """Note that a host did not answer: who asks it holds a place for long, and mostly in vain."""
        self._silent.put(host, True)

    def heard(self, host: str) -> None:
        """Note that a host answered, be it a refusal."""
        self._silent.forget(host)

    def _admit(self) -> None:
        while self._inside < self._total and (found := self._next()) is not None:
            self._enter(found, self._take(found))

    def _has_room(self, lane: Lane) -> bool:
        return self._space_has_room(lane.namespace, lane.host) and self._host_has_room(lane.host)

    def _space_has_room(self, namespace: str, host: str) -> bool:
        inside = self._namespaces[namespace]
        return inside < self._most_of_one or (inside < self._share and not self._pairs[namespace, host])

    def _host_has_room(self, host: str) -> bool:
        if self._hosts[host] + 1 > self._limits.places(host) or not self._silence_has_room(host):
            return False
        if not self._limits:
            return True
        loop = asyncio.get_running_loop()
        if not (wait := self._limits.wait(host, loop.time())):
            return True
        if host not in self._timers:
            self._timers[host] = loop.call_later(wait, self._in_time, host)
        return False

    def _silence_has_room(self, host: str) -> bool:
        # Nearly always all answer.
        if not len(self._silent) or not self._silent.get(host):
            return True
        # A few hosts have a place at once.
        held = sum(count for other, count in self._hosts.items() if self._silent.get(other))
        return held < self._most_of_silent

    def _in_time(self, host: str) -> None:
        del self._timers[host]
        self._admit()

    def _queue_of(self, lane: Lane) -> _Queue | None:
        spaces = self._waiting[lane.priority].get(lane.host)
        return spaces.get(lane.namespace) if spaces else None

    def _next(self) -> Lane | None:
        self._turns += 1
        levels: Iterable[Priority] = Priority
        if self._turns % _UPSIDE_DOWN == 0:
            levels = reversed(Priority)
        for priority in levels:
            # A host without room is passed over with all that wait for it: there may be thousands.
            for host, spaces in self._waiting[priority].items():
                if not self._host_has_room(host):
                    continue
                for namespace in spaces:
                    if self._space_has_room(namespace, host):
                        return Lane(priority, namespace, host)
        return None

    def _take(self, lane: Lane) -> Callable[[], bool]:
        hosts = self._waiting[lane.priority]
        spaces = hosts[lane.host]
        queue = spaces[lane.namespace]
        start = queue.popleft()
        # Who had a turn goes to the end: the namespace among those of the host, and the host among all.
        spaces.move_to_end(lane.namespace)
        hosts.move_to_end(lane.host)
        if not queue:
            del spaces[lane.namespace]
        if not spaces:
            del hosts[lane.host]
        return start

    def _enter(self, lane: Lane, start: Callable[[], bool]) -> None:
        if start():
            self._inside += 1
            self._namespaces[lane.namespace] += 1
            self._hosts[lane.host] += 1
            self._pairs[lane.namespace, lane.host] += 1
            self._limits.went(lane.host, asyncio.get_running_loop().time())


def _less(counter: collections.Counter[_Name], name: _Name) -> None:
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
