"""The importer: looks at streams when they change or are due, has registries asked, gets statuses written.

The thin edge around plan and record. Everything here runs in one event loop; only asking a registry
and writing a status run in threads of their own. It keeps nothing that a restart would miss.
Fed by watching, through the store; what it writes goes out through a StatusWriter (kube.streams).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING

from imagestreams.errors import ConflictError, GoneError, ImageStreamsError
from imagestreams.importing.asking import Asker
from imagestreams.importing.background import Background
from imagestreams.importing.derive import followed_streams
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.followers import Followers
from imagestreams.importing.images import ImageKeeper
from imagestreams.importing.memory import Memory
from imagestreams.importing.news import news
from imagestreams.importing.permitting import HOLDS, Permissions
from imagestreams.importing.plan import plan, retry_delay
from imagestreams.importing.record import record
from imagestreams.importing.repository import NOTHING_KNOWN
from imagestreams.importing.schedule import Schedule, jitter

if TYPE_CHECKING:
    from imagestreams.importing.hosts import Trouble
    from imagestreams.importing.plan import Ask, Plan
    from imagestreams.importing.repository import Wanted
    from imagestreams.importing.tools import Tools
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.registry.access import Access

_log = logging.getLogger(__name__)

HOLD = 1.0
"""How long the answers of a stream's tags are collected into one write, in seconds."""
_WAIT_LEAST = 0.001
_BUG_RETRY = 60.0
_BATCH = 100
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
        self._permissions = Permissions(tools.permission)
        self._followers = Followers()
        self._background = Background()
        self._woken = asyncio.Event()

    def look_at(self, key: StreamKey, *, delay: float = 0.0) -> None:
        """Note that a stream may need something, now or after a delay in seconds."""
        self._look_at_time(key, asyncio.get_running_loop().time() + delay)

    def _look_at_time(self, key: StreamKey, due: float) -> None:
        # A time, where there is one: a delay may round to none, and be due at once for ever.
        self._schedule.hasten(key, due)
        self._woken.set()

    def changed(self, key: StreamKey) -> None:
        """Note that a stream is another than before: it and those that take images of it are looked at."""
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
            # What is due nearer than the clock can tell would be waited for without end.
            wait = None if due is None else max(_WAIT_LEAST, due - loop.time())
            self._tools.metrics.next_try.set(0 if wait is None else self._tools.wall_clock() + wait)
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def close(self, *, within: float) -> None:
        """Let writes under way finish, for so many seconds at most, and give up the rest."""
        self._asker.close()
        await self._background.close(within=within)

    def _look_safely(self, key: StreamKey, now: float) -> None:
        try:
            self._look(key, now)
        except Exception:  # noqa: BLE001
            # One stream that trips over a bug of ours must not stop all the others.
            _log.exception("%s: looking at the stream failed; tried again in a minute", key)
            self.look_at(key, delay=_BUG_RETRY)

    def _look(self, key: StreamKey, now: float) -> None:
        stored = self._tools.streams.stream(key)
        if stored is None:
            self.forget(key)
            return
        memory = self._memories.get(key)
        if memory is None or memory.uid != stored.uid:
            memory = self._memories[key] = Memory(stored.uid, since=now)
        stream = effective(stored, memory.repository, self._defaults)
        followed = followed_streams(stream)
        self._followers.set(key, followed)
        if foreign := [other for other in followed if other.namespace != key.namespace]:
            self._look_at_time(key, now + HOLDS)
            self._background.spawn(self._check_permissions(key, foreign, now))
        decided = plan(
            stream,
            memory.attempts,
            now=now,
            since=memory.since,
            default_interval=self._default_interval,
            listed=memory.listed,
            defaults=self._defaults,
        )
        if decided.wake is not None:
            self._schedule.hasten(key, decided.wake)
        wanted = {tag.name for tag in stream.tags if tag.importable}
        for gone in memory.attempts.keys() - wanted:
            del memory.attempts[gone]
        self._do(key, memory, decided, now)
        self._settle_soon(key, memory)
        self.images.look_at(stream)

    def _do(self, key: StreamKey, memory: Memory, decided: Plan, now: float) -> None:
        asks = [ask for ask in decided.asks if memory.asking.get(ask.tag) != ask]
        wanted = decided.listing if decided.listing != memory.listing else None
        if (asks or wanted) and not memory.waiting:
            memory.hold_until = now + HOLD
        for ask in asks:
            memory.asking[ask.tag] = ask
            self._background.spawn(self._ask(key, memory, ask))
        if wanted is not None:
            memory.listing = wanted
            self._background.spawn(self._list(key, memory, wanted))

    async def _check_permissions(self, key: StreamKey, streams: list[StreamKey], now: float) -> None:
        if await self._permissions.refresh(key.namespace, streams, now):
            self.look_at(key)

    async def _ask(self, key: StreamKey, memory: Memory, ask: Ask) -> None:
        asked = asyncio.get_running_loop().time()
        access = self._tools.streams.access(key.namespace)
        outcome, trouble = await self._asker.ask(key.namespace, ask, access)
        if memory.asking.get(ask.tag) is not ask:
            return
        now = asyncio.get_running_loop().time()
        due = asked if trouble is None else self._failed_at(key, access)
        failures = memory.answered(ask, outcome, trouble, now=now, due=due)
        if trouble is not None:
            self._tools.tell_of_host(key, trouble)
            _log_failure(key, f"tag {ask.tag}", failures, trouble)
        # A look plans every tag of the stream: while answers are still collected, one at their end is enough.
        self._look_at_time(key, max(now, memory.hold_until) if memory.asking else now)

    async def _list(self, key: StreamKey, memory: Memory, wanted: Wanted) -> None:
        asked = asyncio.get_running_loop().time()
        access = self._tools.streams.access(key.namespace)
        answer, trouble = await self._asker.list_tags(key.namespace, wanted, access)
        if memory.listing is not wanted:
            return
        now = asyncio.get_running_loop().time()
        due = asked if trouble is None else self._failed_at(key, access)
        failures = memory.was_listed(wanted, answer, trouble, now=now, due=due)
        if trouble is not None:
            self._tools.tell_of_host(key, trouble)
            _log_failure(key, f"listing {wanted.repository}", failures, trouble)
        self.look_at(key)

    def _failed_at(self, key: StreamKey, access: Access) -> float:
        if access != self._tools.streams.access(key.namespace):
            # A credential or a CA came while it was asked without: what failed is due again at once.
            return float("-inf")
        # The back-off counts from the failure: a host that hangs would else be asked again at once.
        return asyncio.get_running_loop().time()

    def _effective(self, key: StreamKey) -> Stream | None:
        stream, memory = self._tools.streams.stream(key), self._memories.get(key)
        if stream is None or not stream.repository:
            return stream
        return effective(stream, memory.repository if memory else NOTHING_KNOWN, self._defaults)

    def _settle_soon(self, key: StreamKey, memory: Memory) -> None:
        memory.unsettled = True
        if not memory.settling:
            memory.settling = True
            self._background.spawn(self._settle(key, memory))

    async def _settle(self, key: StreamKey, memory: Memory) -> None:
        """Bring the stored status to what is known, until nothing is new."""
        try:
            while memory.unsettled:
                memory.unsettled = False
                if self._memories.get(key) is memory:
                    await self._write(key, memory)
        except ImageStreamsError as error:
            delay = memory.write_failed(error)
            delay += jitter(str(key), delay / 4)
            memory.hold_until = asyncio.get_running_loop().time() + delay
            _log.warning("%s: the status could not be written (%s); tried again in %.0f s", key, error, delay)
            self._look_at_time(key, memory.hold_until)
        except Exception:  # noqa: BLE001
            # As in looking: what was answered is kept, and written when the bug is over or the process is.
            _log.exception("%s: deciding the status failed; tried again in a minute", key)
            self.look_at(key, delay=_BUG_RETRY)
        finally:
            memory.settling = False

    async def _write(self, key: StreamKey, memory: Memory) -> None:
        tools = self._tools
        stream, now = tools.streams.stream(key), asyncio.get_running_loop().time()
        if stream is None or stream.uid != memory.uid:
            return
        if (memory.waiting or memory.write_failures) and now < memory.hold_until:
            self._look_at_time(key, memory.hold_until)
            return
        outcomes = dict(memory.outcomes)
        status = record(
            effective(stream, memory.repository, self._defaults),
            outcomes,
            now=tools.timestamp(),
            lookup=functools.cache(self._effective),
            permitted=lambda other: self._permissions.of(key.namespace, other),
            known=memory.repository,
            defaults=self._defaults,
            budget=memory.budget,
        )
        if status != stream.status:
            memory.hold_until = now + HOLD
            try:
                written = await tools.writer.write(stream, status)
            except ConflictError:
                tools.streams.put(await tools.writer.read(key))
                memory.unsettled = True
                self.look_at(key)
                return
            except GoneError:
                # Unless it was made anew meanwhile: that one is another stream.
                if tools.streams.drop(key, memory.uid):
                    self.forget(key)
                return
            memory.write_failures = 0
            tools.streams.put(written)
            self._tell(stream, written, memory)
        for tag, outcome in outcomes.items():
            if memory.outcomes.get(tag) is outcome:
                del memory.outcomes[tag]

    def _tell(self, before: Stream, after: Stream, memory: Memory) -> None:
        self._tools.tell_all(after, news(before.status, after.status, quiet=memory.troubled))
        memory.troubled &= {tag.tag for tag in after.status.tags if tag.failure}
        self._wake_followers(after.key)
        self._tools.moved(after.key)
        self.images.look_at(self._effective(after.key) or after)


def _log_failure(key: StreamKey, what: str, failures: int, trouble: Trouble) -> None:
    delay = trouble.wait or retry_delay(failures, trouble.retry)
    _log.info("%s: %s failed %d times, next try in %.0f s at most", key, what, failures, delay)
