"""The follower: has triggers applied when a workload, a stream it follows or a permission changed.

Runs in one event loop, a task for each workload under way; what is done in it is triggering.apply. Fed by
watching (workloads), by importing.work and watching (streams) and by importing.permitting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError
from imagestreams.model.rollout_policy import after_ready
from imagestreams.triggering.apply import Applier
from imagestreams.triggering.following import Following
from imagestreams.triggering.order import Order
from imagestreams.triggering.patch import own_namespace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from imagestreams.metrics import Metrics
    from imagestreams.model.permission import Permission
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.triggering.apply import Patcher
    from imagestreams.triggering.workload import Workload, WorkloadKey

_log = logging.getLogger(__name__)
_RETRY_FIRST = 0.2
_RETRY_LAST = 60.0
_REVIEW = 5.0
_CENSUS_TRIES = 4


async def _all_known() -> None:
    return


class Follower:
    """Keeps the image fields of workloads at what their tags stand for."""

    def __init__(
        self,
        *,
        stream_of: Callable[[StreamKey], Stream | None],
        patcher: Patcher,
        tell: Callable[[Workload, str, str, bool], None],
        metrics: Metrics,
        permission: Callable[[str, StreamKey], Permission] = own_namespace,
        census: Callable[[], Awaitable[None]] = _all_known,
    ) -> None:
        """`tell` posts an Event: workload, reason, message, and whether it is a warning.

        `census` sees to it that all workloads are known, or raises a ClusterError.
        """
        self._metrics = metrics
        self._census = census
        self._following = Following()
        self._order = Order(self._following.of)
        self._applier = Applier(
            stream_of=stream_of,
            permission=permission,
            patcher=patcher,
            order=self._order,
            tell=tell,
            refreshed=self._refreshed,
            released=self._let_others_go,
        )
        self._closed = False
        self._changed: set[WorkloadKey] = set()
        self._tasks: dict[WorkloadKey, asyncio.Task[None]] = {}
        self._pauses: dict[WorkloadKey, asyncio.Event] = {}
        self._reviewing: asyncio.Task[None] | None = None

    def put(self, workload: Workload) -> None:
        """Note a workload as it is now, unless a newer one is known, and apply what it needs.

        A change of its status alone asks for nothing, nor for a refused write to be tried again; it may end
        the waiting of others, or its own for its turn.
        """
        known = self._following.get(workload.key)
        if self._keep(workload) and (known is None or not known.needs_the_same(workload)):
            self._apply_soon(workload.key)

    def drop(self, key: WorkloadKey) -> None:
        """Note that a workload is gone, or follows nothing any more."""
        self._following.drop(key)
        self._applier.forget(key)
        self._order.drop(key)
        self._metrics.workloads.set(len(self._following))
        self._let_others_go()

    def stream_changed(self, key: StreamKey) -> None:
        """Note that a stream changed: its followers are looked at."""
        self._look_at(self._following.of(key))

    def permission_changed(self, namespace: str, stream: StreamKey) -> None:
        """Note that it is known now, or known otherwise, whether a namespace may follow a stream."""
        self._look_at(self._following.of_pair(namespace, stream))

    def foreign(self) -> list[tuple[str, StreamKey]]:
        """Name each namespace with each stream of another that its workloads follow."""
        return self._following.foreign()

    def held(self, stored: Workload) -> bool:
        """Tell whether the next image of a workload, as it is stored, is for the follower alone to write.

        So it is where it may have to wait for other rollouts. Whoever writes the workload meanwhile leaves
        the images as they are stored (triggering.patch); the follower writes them in their turn.
        """
        patch = self._applier.needs(stored)
        if not patch.moves or patch.is_first:
            return False
        waits = after_ready(stored.order) and not patch.corrects
        return waits or bool(self._applier.limits(patch))

    async def close(self, *, within: float) -> None:
        """Let writes under way finish, for so many seconds at most, and give up the rest."""
        self._closed = True
        if self._reviewing is not None:
            self._reviewing.cancel()
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=within)
        for task in tasks:
            task.cancel()

    def knows(self, key: WorkloadKey) -> bool:
        """Tell whether a workload follows a tag, as far as was seen; any thread may ask."""
        return self._following.get(key) is not None

    def known(self) -> dict[WorkloadKey, tuple[str, str]]:
        """List what is known, with uid and resourceVersion, for the sweep."""
        return self._following.known()

    def _keep(self, workload: Workload) -> bool:
        if not self._following.put(workload):
            return False
        self._metrics.workloads.set(len(self._following))
        if self._order.seen(workload, asyncio.get_running_loop().time()):
            self._let_others_go()
        return True

    def _look_at(self, keys: Iterable[WorkloadKey]) -> None:
        # In order: it is the one in which they get their turn where only so many may roll out.
        for key in sorted(keys):
            self._apply_soon(key)

    def _let_others_go(self) -> None:
        if self._order.waiting:
            self._look_at(self._order.due(asyncio.get_running_loop().time()))

    def _apply_soon(self, key: WorkloadKey) -> None:
        if self._closed:
            return
        self._changed.add(key)
        if key in self._pauses:
            self._pauses[key].set()
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._apply_until_done(key))

    async def _apply_until_done(self, key: WorkloadKey) -> None:
        delay = _RETRY_FIRST
        try:
            while key in self._changed:
                self._changed.discard(key)
                workload = self._following.get(key)
                if workload is None:
                    continue
                try:
                    wait = await self._applier.apply(workload)
                    delay = _RETRY_FIRST if not wait else delay
                except ClusterError:
                    wait, delay = delay, min(delay * 2, _RETRY_LAST)
                if wait:
                    self._changed.add(key)
                    await self._pause(key, wait)
        except Exception:  # noqa: BLE001
            # A bug of ours about one workload must not stop the others; its next change comes here again, and
            # one that came meanwhile in a minute.
            _log.exception("%s: applying triggers failed", key)
            if key in self._changed:
                asyncio.get_running_loop().call_later(_RETRY_LAST, self._apply_soon, key)
        finally:
            del self._tasks[key]
            if self._order.waiting and self._reviewing is None and not self._closed:
                self._reviewing = asyncio.create_task(self._review())

    async def _pause(self, key: WorkloadKey, seconds: float) -> None:
        """Wait before trying again, unless the workload or its stream changes first."""
        changed = self._pauses[key] = asyncio.Event()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await changed.wait()
        finally:
            del self._pauses[key]

    async def _review(self) -> None:
        """As long as anybody waits: look now and then for whom nobody is to be waited for any more."""
        try:
            while self._order.waiting:
                if self._order.blind:
                    await self._take_census()
                    self._look_at(self._order.all_known())
                else:
                    self._let_others_go()
                await asyncio.sleep(_REVIEW)
        finally:
            self._reviewing = None

    async def _take_census(self) -> None:
        for attempt in range(_CENSUS_TRIES):
            try:
                await self._census()
            except ClusterError as error:
                _log.warning("not all workloads can be listed: %s", error)
                await asyncio.sleep(2**attempt)
            else:
                return

    def _refreshed(self, before: Workload, now: Workload | None) -> None:
        known = self._following.get(before.key)
        if known is None or known.uid != before.uid:
            # Deleted, or made anew, while we asked: what we have been told of the old one is over.
            return
        if now is None:
            self.drop(before.key)
        else:
            self._keep(now)
