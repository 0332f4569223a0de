"""Brings one workload to what its tags stand for: one decision, at most one write, and what is told of it.

The thin edge around triggering.patch, triggering.fights and triggering.order. Called by triggering.follow
whenever the workload, a stream it follows or a permission changed; the write itself is kube.workloads.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from imagestreams.errors import ClusterError, GoneError, InvalidError
from imagestreams.model.rollout_policy import most_rollouts, read_rollout_order
from imagestreams.triggering.fights import REVERTS, Fights
from imagestreams.triggering.patch import patch_for
from imagestreams.triggering.rights import missing_right

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imagestreams.model.permission import Permission
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.triggering.order import Hold, Order
    from imagestreams.triggering.patch import Move, WorkloadPatch
    from imagestreams.triggering.workload import Workload, WorkloadKey

_log = logging.getLogger(__name__)
_PROBLEMS_TOLD = 10
_WAITS_TOLD = 50
_FORBIDDEN = 403


class Patcher(Protocol):
    """Patches and reads workloads (kube.workloads). Every call may raise a ClusterError."""

    async def patch(self, workload: Workload, operations: Sequence[dict[str, Any]]) -> Workload | None:
        """Apply a JSON patch."""

    async def read(self, workload: Workload) -> Workload | None:
        """Read a workload afresh."""

    async def writers(self, workload: Workload, containers: set[str]) -> tuple[str, ...]:
        """Name who else has written the images of containers, the last first."""


class Applier:
    """Applies triggers to one workload at a time, and remembers what it told and what was a fight."""

    def __init__(
        self,
        *,
        stream_of: Callable[[StreamKey], Stream | None],
        permission: Callable[[str, StreamKey], Permission],
        patcher: Patcher,
        order: Order,
        tell: Callable[[Workload, str, str, bool], None],
        refreshed: Callable[[Workload, Workload | None], None],
        released: Callable[[], None],
    ) -> None:
        """`refreshed` is told what a workload has become, None for one that follows nothing any more.

        `released` is told that a write is over: who waits for it may go.
        """
        self._stream_of = stream_of
        self._permission = permission
        self._patcher = patcher
        self._order = order
        self._tell = tell
        self._refreshed = refreshed
        self._released = released
        self._told: dict[WorkloadKey, list[tuple[str, str]]] = {}
        self._refused: dict[WorkloadKey, str] = {}
        self._fights = Fights()
        self._fighting: set[WorkloadKey] = set()

    def forget(self, key: WorkloadKey) -> None:
        """Forget a workload."""
        self._told.pop(key, None)
        self._refused.pop(key, None)
        self._fights.drop(key)
        self._fighting.discard(key)

    def needs(self, workload: Workload) -> WorkloadPatch:
        """Decide what a workload needs now."""
        return patch_for(workload, self._stream_of, self._permission)

    def limits(self, patch: WorkloadPatch) -> dict[StreamKey, int]:
        """Give the limits of the streams that move something."""
        streams = filter(None, map(self._stream_of, sorted(patch.streams)))
        found = {stream.key: most_rollouts(stream.max_rollouts) for stream in streams}
        return {key: limit for key, limit in found.items() if limit is not None}

    async def apply(self, workload: Workload) -> float:
        """Write what a workload needs; the answer is after how many seconds to look again, 0 for never.

        Raises ClusterError when it has to be tried again; what the workload is by then has been read afresh.
        """
        patch = self.needs(workload)
        self._tell_problems(workload, patch)
        if not patch.operations:
            self._order.content(workload.key)
            return 0.0
        if wait := await self._fought(workload, patch):
            # Nobody waits for it meanwhile.
            self._order.content(workload.key)
            return wait
        if patch.is_first:
            # Nothing runs that it could disturb.
            self._order.content(workload.key)
        elif patch.moves:
            hold = self._order.hold(workload, self.limits(patch), _now(), corrects=patch.corrects)
            if hold is not None:
                self._tell_hold(workload, patch, hold)
                return 0.0
        await self._write(workload, patch)
        return 0.0

    async def _write(self, workload: Workload, patch: WorkloadPatch) -> None:
        key = workload.key
        self._fights.tries(key, _now())
        self._order.writing(key)
        try:
            written = await self._patcher.patch(workload, patch.operations)
        except GoneError:
            self._refreshed(workload, None)
            return
        except ClusterError as error:
            self._refused_once(workload, error)
            await self._refresh(workload)
            raise
        else:
            self._refused.pop(key, None)
            self._fights.wrote(key, patch.moves, _now())
            self._refreshed(workload, written)
        finally:
            self._order.wrote(key)
            self._released()
        for move in patch.moves:
            self._say(workload, "ImageUpdated", str(move), warning=False)

    def _refused_once(self, workload: Workload, error: ClusterError) -> None:
        """Tell why nothing was written: in the log, and on the workload where somebody has to act."""
        if error.status != _FORBIDDEN:
            _log.warning("%s: not patched (%s); tried again", workload.key, error)
            return
        why = missing_right(workload.target, error) or f"the API server refuses the image: {error}"
        if self._refused.get(workload.key) != why:
            self._refused[workload.key] = why
            self._say(workload, "WriteForbidden", f"{why}; tried again every minute", warning=True)

    async def _refresh(self, workload: Workload) -> None:
        try:
            self._refreshed(workload, await self._patcher.read(workload))
        except GoneError:
            self._refreshed(workload, None)

    async def _fought(self, workload: Workload, patch: WorkloadPatch) -> float:
        """Say for how many seconds it must not be written to, and tell once of a fight."""
        key = workload.key
        if self._fights.at_peace(key, _now()):
            self._fighting.discard(key)
        if key not in self._fighting and self._fights.fight(key, patch.moves, _now()):
            self._fighting.add(key)
            await self._tell_fight(workload, patch.moves)
        return self._fights.wait(key, patch.moves, _now())

    async def _tell_fight(self, workload: Workload, moves: Sequence[Move]) -> None:
        containers = {move.container for move in moves}
        try:
            writers = await self._patcher.writers(workload, containers)
        except ClusterError:
            writers = ()
        who = " and ".join(f'"{name}"' for name in writers) or "somebody"
        self._say(
            workload,
            "TriggerFight",
            f"{who} puts another image into {', '.join(sorted(containers))} as often as its trigger's is "
            f"written; it is written at most {REVERTS} times a minute now. Remove the image from what is "
            "applied there, or pause the trigger",
            warning=True,
        )

    def _tell_problems(self, workload: Workload, patch: WorkloadPatch) -> None:
        found = list(_problems(workload, patch))
        if self._told.get(workload.key, []) == found:
            return
        self._told[workload.key] = found
        for reason, message in found[:_PROBLEMS_TOLD]:
            self._say(workload, reason, message, warning=True)

    def _tell_hold(self, workload: Workload, patch: WorkloadPatch, hold: Hold) -> None:
        if not hold.begun:
            return
        message = f"{'; '.join(map(str, patch.moves))}: waits, {hold.words}"
        if self._order.waiting <= _WAITS_TOLD:
            self._say(workload, "RolloutWaiting", message, warning=False)
        else:
            # A thousand Events would hold up all others.
            _log.info("%s: %s", workload.key, message)

    def _say(self, workload: Workload, reason: str, message: str, *, warning: bool) -> None:
        _log.log(logging.WARNING if warning else logging.INFO, "%s: %s", workload.key, message)
        self._tell(workload, reason, message, warning)


def _problems(workload: Workload, patch: WorkloadPatch) -> Iterator[tuple[str, str]]:
    for problem in patch.problems:
        yield "TriggerInvalid", f"annotation image.openshift.io/triggers: {problem}"
    for refusal in patch.refusals:
        yield "TriggerForbidden", refusal
    try:
        read_rollout_order(workload.order)
    except InvalidError as error:
        yield (
            "RolloutInvalid",
            f"annotation imagestreams.dev/rollout: {error}; until it is corrected it counts as that",
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
