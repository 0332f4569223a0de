"""The importer: looks at streams when they change or are due, has registries asked, statuses settled.

The thin edge around plan. Everything here runs in one event loop; only asking a registry (importing.asking)
and writing a status (importing.settling) run in threads. It keeps nothing that a restart would miss.
Fed by watching, through the store.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING

from imagestreams.importing.asking import Asker
from imagestreams.importing.background import Background, woken
from imagestreams.importing.confirming import (
    confirmed,
    forgotten_elsewhere,
    moved_elsewhere,
    settled_elsewhere,
)
from imagestreams.importing.derive import followed_streams
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.followers import Followers
from imagestreams.importing.images import ImageKeeper
from imagestreams.importing.memory import Memory
from imagestreams.importing.permitting import HOLDS
from imagestreams.importing.plan import Priority, plan, retry_delay
from imagestreams.importing.record import changes_nothing
from imagestreams.importing.repository import Listing
from imagestreams.importing.schedule import Schedule, jitter
from imagestreams.importing.settling import BUG_RETRY, HOLD, Owner, Settler

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from imagestreams.importing.hosts import Trouble
    from imagestreams.importing.plan import Ask, Plan
    from imagestreams.importing.repository import Wanted
    from imagestreams.importing.tools import Tools
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.registry.access import Access

_log = logging.getLogger(__name__)

_BATCH = 10
"""After so many looks others have a turn: one at a stream of 50 tags that are due takes milliseconds."""
_SETTLED_WITHIN = 30.0
_SPEC_TO_COME = 2.0
"""For how many seconds a status that is ahead of its spec is left alone: the image API writes it first."""
_DEFAULTS = Defaults()


class Importer:
    """Keeps the status of every stream true. `run` does the work; the other methods only note and return."""

    def __init__(self, tools: Tools, *, default_interval: float, defaults: Defaults = _DEFAULTS) -> None:
        self._tools = tools
        self._defaults = defaults
        self._default_interval = default_interval
        self._schedule: Schedule[StreamKey] = Schedule()
        self._memories: dict[StreamKey, Memory] = {}
        self._asker = Asker(
            tools.resolve,
            tools.tags,
            tools.threads,
            gate=tools.gate,
            platform=tools.platform,
            metrics=tools.metrics,
        )
        self.images = ImageKeeper(self._asker, tools)
        self._followers = Followers()
        self._background = Background()
        owner = Owner(self._memories, tools.permissions.of, self._look_at_time, self.forget, self._written)
        self._settler = Settler(tools, owner, defaults)
        self._woken = asyncio.Event()

    def look_at(self, key: StreamKey, *, delay: float = 0.0) -> None:
        """Note that a stream may need something, now or after a delay in seconds."""
        self._look_at_time(key, asyncio.get_running_loop().time() + delay)

    def _look_at_time(self, key: StreamKey, due: float) -> None:
        # A time, where there is one: a delay may round to none, and be due at once for ever.
        before = self._schedule.next_due()
        self._schedule.hasten(key, due)
        # Who waits for an earlier one need not know of it.
        if before is None or due < before:
            self._woken.set()

    def changed(self, key: StreamKey) -> None:
        """Note that a stream changed: it and those that take images of it are looked at."""
        self.look_at(key)
        self._wake_followers(key)

    def forget(self, key: StreamKey) -> None:
        """Note that a stream is gone."""
        self._schedule.drop(key)
        self._memories.pop(key, None)
        self._followers.set(key, frozenset())
        self._wake_followers(key)

    def _wake_followers(self, key: StreamKey) -> None:
        for follower in self._followers.of(key):
            self.look_at(follower)

    def access_changed(self, namespace: str | None) -> None:
        """Note that a namespace (None: any) has other secrets, CAs or rules: what failed is tried again."""
        for key, memory in self._memories.items():
            if namespace in {None, key.namespace} and memory.retry_failed():
                self.look_at(key)

    async def run(self) -> None:
        """Look at streams as they become due, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            for count, key in enumerate(self._schedule.take_due(loop.time()), start=1):
                self._look_safely(key, loop.time())
                if count % _BATCH == 0:
                    await asyncio.sleep(0)
            due = self._schedule.next_due()
            self._tools.metrics.looked_at.set(len(self._memories))
            self._tools.metrics.next_try.set(
                0 if due is None else self._tools.wall_clock() + due - loop.time()
            )
            await woken(self._woken, due)

    async def close(self, *, within: float) -> None:
        """Let writes under way finish, for so many seconds at most, and give up the rest."""
        self._asker.close()
        self._background.cancel()
        await self._settler.close(within=within)

    def _look_safely(self, key: StreamKey, now: float) -> None:
        try:
            self._look(key, now)
        except Exception:  # noqa: BLE001
            # One stream that trips over a bug of ours must not stop all the others.
            _log.exception("%s: looking at the stream failed; tried again in a minute", key)
            self.look_at(key, delay=BUG_RETRY)

    def _look(self, key: StreamKey, now: float) -> None:
        stored = self._tools.streams.stream(key)
        if stored is None:
            self.forget(key)
            return
        memory = self._memories.get(key)
        new = memory is None or memory.uid != stored.uid
        if memory is None or new:
            memory = self._memories[key] = Memory(stored.uid, since=now)
        if stored.status.observed_generation > stored.generation and memory.ahead is not stored:
            memory.ahead = stored
            self._look_at_time(key, now + _SPEC_TO_COME)
            return
        stream = effective(stored, memory.repository, self._defaults)
        followed = followed_streams(stream)
        self._followers.set(key, followed)
        if foreign := [other for other in followed if other.namespace != key.namespace]:
            self._look_at_time(key, now + HOLDS)
            self._background.spawn(self._check_permissions(key, foreign, now))
        if memory.known is not None and memory.known is not stored:
            self._learn(memory, stream, effective(memory.known, memory.repository, self._defaults), now)
        memory.known = stored
        decided = plan(
            stream,
            memory.attempts,
            now=now,
            since=memory.since,
            default_interval=self._default_interval,
            listed=memory.listed,
            digests_to_come=memory.repository.digests_to_come,
            seen=memory.planned is stored,
            asking=memory.asking,
            defaults=self._defaults,
        )
        memory.planned = stored
        if decided.wake is not None:
            self._schedule.hasten(key, decided.wake)
        wanted = {tag.name for tag in stream.tags if tag.importable}
        for gone in memory.attempts.keys() - wanted:
            del memory.attempts[gone]
        self._do(key, memory, decided, now)
        if new and not memory.waiting and stored.status.observed_generation == stored.generation:
            # As after a start: nothing is new, and until all streams are known there is enough to do.
            self._look_at_time(key, now + jitter(stored.uid, _SETTLED_WITHIN))
        elif memory.outcomes or followed or memory.settled is not stored:
            self._settler.soon(key, memory)
        self.images.look_at(stream)

    def _learn(self, memory: Memory, stream: Stream, before: Stream, now: float) -> None:
        if memory.outcomes or memory.asking:
            memory.leave_to_others(moved_elsewhere(stream.status, before.status), stream.status)
        memory.forget_attempts(forgotten_elsewhere(stream, before))
        memory.attempts |= settled_elsewhere(stream, before, memory.attempts, now=now)

    def _do(self, key: StreamKey, memory: Memory, decided: Plan, now: float) -> None:
        asks = [ask for ask in decided.asks if memory.asking.get(ask.tag) != ask]
        wanted = decided.listing if decided.listing != memory.listing else None
        new = wanted is not None or any(ask.priority is Priority.EDIT for ask in asks)
        if new and not memory.is_awaited:
            memory.hold_until = now + HOLD
        if asks:
            access = self._tools.streams.access(key.namespace)
            for ask in asks:
                memory.asking[ask.tag] = ask
                begin = functools.partial(self._begin_ask, key, memory, ask)
                self._asker.queue(key.namespace, ask, access, begin)
        if wanted is not None:
            memory.listing = wanted
            self._background.spawn(self._list(key, memory, wanted, decided.listing_priority))

    async def _check_permissions(self, key: StreamKey, streams: list[StreamKey], now: float) -> None:
        if await self._tools.permissions.refresh(key.namespace, streams, now):
            self.look_at(key)

    def _begin_ask(self, key: StreamKey, memory: Memory, ask: Ask) -> Coroutine[None, None, None] | None:
        wanted = self._memories.get(key) is memory and memory.asking.get(ask.tag) is ask
        return self._ask(key, memory, ask) if wanted else None

    async def _ask(self, key: StreamKey, memory: Memory, ask: Ask) -> None:
        asked = asyncio.get_running_loop().time()
        access = self._tools.streams.access(key.namespace)
        outcome, trouble = await self._asker.ask(key.namespace, ask, access)
        if memory.asking.get(ask.tag) is not ask:
            return
        now = asyncio.get_running_loop().time()
        due = asked if trouble is None else self._failed_at(key, access)
        failures = memory.answered(ask, outcome, trouble, now=now, due=due)
        stream = self._tools.streams.stream(key)
        if stream is not None and changes_nothing(outcome, stream.status.tag(ask.tag)):
            del memory.outcomes[ask.tag]
            if ask.interval is not None:
                self._look_at_time(key, memory.attempts[ask.tag].asked + ask.interval)
            if memory.asking or not memory.outcomes:
                return
        if memory.was_last_edit(ask):
            # Who waits for it does not wait for what is due on schedule, too.
            memory.hold_until = now
        if trouble is not None:
            self._tools.tell_of_host(key, trouble)
            _log_failure(key, f"tag {ask.tag}", failures, trouble)
        # A look plans every tag of the stream: while answers are still collected, one at their end is enough.
        self._look_at_time(key, max(now, memory.hold_until) if memory.asking else now)

    async def _list(self, key: StreamKey, memory: Memory, wanted: Wanted, priority: Priority) -> None:
        asked = asyncio.get_running_loop().time()
        access = self._tools.streams.access(key.namespace)
        answer, trouble = await self._asker.list_tags(key.namespace, wanted, access, priority=priority)
        if memory.listing is not wanted:
            return
        now = asyncio.get_running_loop().time()
        due = asked if trouble is None else self._failed_at(key, access)
        failures = memory.was_listed(wanted, answer, trouble, now=now, due=due)
        if trouble is not None:
            self._tools.tell_of_host(key, trouble)
            _log_failure(key, f"listing {wanted.repository}", failures, trouble)
        stream = self._settler.effective(key)
        if isinstance(answer, Listing) and stream is not None:
            memory.attempts |= confirmed(stream, answer, memory.attempts, asked=asked, now=now)
        self.look_at(key)

    def _failed_at(self, key: StreamKey, access: Access) -> float:
        if access != self._tools.streams.access(key.namespace):
            # A credential or a CA came while it was asked without: what failed is due again at once.
            return float("-inf")
        # The back-off counts from the failure: a host that hangs would else be asked again at once.
        return asyncio.get_running_loop().time()

    def _written(self, stream: Stream) -> None:
        if (memory := self._memories.get(stream.key)) is not None:
            memory.known = stream
        self._wake_followers(stream.key)
        self._tools.moved(stream.key)
        self.images.look_at(self._settler.effective(stream.key) or stream)


def _log_failure(key: StreamKey, what: str, failures: int, trouble: Trouble) -> None:
    delay = trouble.wait or retry_delay(failures, trouble.retry)
    _log.info("%s: %s failed %d times, next try in %.0f s at most", key, what, failures, delay)
