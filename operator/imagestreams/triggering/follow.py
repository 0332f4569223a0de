"""The follower: applies patches when a workload or a stream it follows changed.

The thin edge around triggering.patch, in one event loop; the write itself runs in kube.workloads.
Fed by watching (workloads) and by importing.work and watching (streams that changed).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Protocol

from imagestreams.errors import ClusterError, GoneError
from imagestreams.model.versions import is_older
from imagestreams.triggering.fights import REVERTS, Fights
from imagestreams.triggering.patch import patch_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagestreams.metrics import Metrics
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.triggering.workload import Workload, WorkloadKey

_log = logging.getLogger(__name__)
_RETRY_FIRST = 0.2
_RETRY_LAST = 60.0
_PROBLEMS_TOLD = 10


class Patcher(Protocol):
    """Patches and reads workloads (kube.workloads). Every call may raise a ClusterError."""

    async def patch(self, workload: Workload, operations: Sequence[dict[str, Any]]) -> Workload | None:
        """Apply a JSON patch."""

    async def read(self, workload: Workload) -> Workload | None:
        """Read a workload afresh."""


class Follower:
    """Keeps the image fields of workloads at what their tags stand for."""

    def __init__(
        self,
        *,
        stream_of: Callable[[StreamKey], Stream | None],
        patcher: Patcher,
        tell: Callable[[Workload, str, str, bool], None],
        metrics: Metrics,
    ) -> None:
        """`tell` posts an Event: workload, reason, message, and whether it is a warning."""
        self._stream_of = stream_of
        self._patcher = patcher
        self._tell = tell
        self._metrics = metrics
        self._workloads: dict[WorkloadKey, Workload] = {}
        self._followers: dict[StreamKey, set[WorkloadKey]] = {}
        self._told: dict[WorkloadKey, tuple[str, ...]] = {}
        self._changed: set[WorkloadKey] = set()
        self._tasks: dict[WorkloadKey, asyncio.Task[None]] = {}
        self._pauses: dict[WorkloadKey, asyncio.Event] = {}
        self._fights = Fights()

    def put(self, workload: Workload) -> None:
        """Note a workload as it is now, unless a newer one is known, and apply what it needs."""
        known = self._workloads.get(workload.key)
        if known is not None and _is_older(workload, known):
            return
        self._keep(workload)
        self._apply_soon(workload.key)

    def drop(self, key: WorkloadKey) -> None:
        """Note that a workload is gone, or follows nothing any more."""
        self._unlink(key)
        self._workloads.pop(key, None)
        self._told.pop(key, None)
        self._fights.drop(key)
        self._metrics.workloads.set(len(self._workloads))

    def stream_changed(self, key: StreamKey) -> None:
        """Note that a stream changed: its followers are looked at."""
        for workload in self._followers.get(key, ()):
            self._apply_soon(workload)

    async def close(self, *, within: float) -> None:
        """Let writes under way finish, for so many seconds at most, and give up the rest."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=within)
        for task in tasks:
            task.cancel()

    def known(self) -> dict[WorkloadKey, tuple[str, str]]:
        """List what is known, with uid and resourceVersion, for the sweep."""
        return {key: (item.uid, item.resource_version) for key, item in self._workloads.items()}

    def _keep(self, workload: Workload) -> None:
        self._unlink(workload.key)
        self._workloads[workload.key] = workload
        for trigger in workload.triggers.entries:
            self._followers.setdefault(trigger.stream, set()).add(workload.key)
        self._metrics.workloads.set(len(self._workloads))

    def _unlink(self, key: WorkloadKey) -> None:
        known = self._workloads.get(key)
        for trigger in known.triggers.entries if known is not None else ():
            followers = self._followers.get(trigger.stream, set())
            followers.discard(key)
            if not followers:
                self._followers.pop(trigger.stream, None)

    def _apply_soon(self, key: WorkloadKey) -> None:
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
                workload = self._workloads.get(key)
                if workload is None or await self._apply(workload):
                    delay = _RETRY_FIRST
                    continue
                self._changed.add(key)
                await self._pause(key, delay)
                delay = min(delay * 2, _RETRY_LAST)
        except Exception:  # noqa: BLE001
            # A bug of ours about one workload must not stop the others; its next change comes here again.
            _log.exception("%s: applying triggers failed", key)
        finally:
            del self._tasks[key]

    async def _pause(self, key: WorkloadKey, seconds: float) -> None:
        """Wait before trying again, unless the workload or its stream changes first."""
        changed = self._pauses[key] = asyncio.Event()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), seconds)
        finally:
            del self._pauses[key]

    async def _apply(self, workload: Workload) -> bool:
        """Write what a workload needs; False when it has to be tried again."""
        patch = patch_for(workload, self._stream_of)
        if patch.problems and self._told.get(workload.key) != patch.problems:
            self._told[workload.key] = patch.problems
            for problem in patch.problems[:_PROBLEMS_TOLD]:
                self._say(
                    workload, "TriggerInvalid", f"annotation image.openshift.io/triggers: {problem}", True
                )
        if not patch.operations:
            return True
        loop = asyncio.get_running_loop()
        if (wait := self._fights.wait(workload.key, patch.moves, loop.time())) > 0:
            await self._wait_out(workload, wait)
            return False
        try:
            written = await self._patcher.patch(workload, patch.operations)
        except GoneError:
            self._refreshed(workload, None)
            return True
        except ClusterError as error:
            _log.warning("%s: not patched (%s); tried again", workload.key, error)
            return await self._refresh(workload)
        self._fights.wrote(workload.key, patch.moves, loop.time())
        self._refreshed(workload, written)
        for move in patch.moves:
            self._say(workload, "ImageUpdated", str(move), False)
        return True

    async def _wait_out(self, workload: Workload, wait: float) -> None:
        self._say(
            workload,
            "TriggerFight",
            "somebody puts another image back as often as its trigger's is written; it is written at most "
            f"{REVERTS} times a minute now. Remove the image from what is applied, or pause the trigger",
            True,
        )
        await asyncio.sleep(wait)

    async def _refresh(self, workload: Workload) -> bool:
        try:
            self._refreshed(workload, await self._patcher.read(workload))
        except GoneError:
            self._refreshed(workload, None)
            return True
        except ClusterError:
            return False
        return False

    def _refreshed(self, before: Workload, now: Workload | None) -> None:
        known = self._workloads.get(before.key)
        if known is None or known.uid != before.uid:
            # Deleted, or made anew, while we asked: what we have been told of the old one is over.
            return
        if now is None:
            self.drop(before.key)
        elif not _is_older(now, known):
            self._keep(now)

    def _say(self, workload: Workload, reason: str, message: str, warning: bool) -> None:
        _log.log(logging.WARNING if warning else logging.INFO, "%s: %s", workload.key, message)
        self._tell(workload, reason, message, warning)


def _is_older(workload: Workload, other: Workload) -> bool:
    return is_older(workload.resource_version, other.resource_version)
