"""Watches the workloads of every kind in the table (triggering.targets), which may come, go, or be forbidden.

Not by Kopf, as all else is: it ends the operator where a kind is forbidden or vanishes, and finds one that
comes later only by watching all custom resource definitions. This watch needs rights on the kind alone. Its
lists are of metadata, and of a workload without a trigger nothing is kept. Run by app.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError, GoneError
from imagestreams.kube.api import Resource
from imagestreams.model import annotation_keys, border
from imagestreams.triggering.rights import missing_right
from imagestreams.triggering.workload import WorkloadKey
from imagestreams.watching.comparing import Comparer, safely

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.triggering.targets import Target
    from imagestreams.watching.comparing import Listed
    from imagestreams.watching.intake import Intake

_log = logging.getLogger(__name__)
_EXPIRED = 410
_WATCH_SECONDS = 300
_BREATH = 0.1
_LOOK_AGAIN = 10.0
"""How many seconds until a kind that is absent or forbidden is asked for again."""
_WELL_SECONDS = 10.0
"""A watch that lasted longer was well until then."""


class Kinds:
    """One watch a kind, each by itself."""

    def __init__(
        self,
        api: Api,
        threads: Executor,
        watch_threads: Executor,
        intake: Intake,
        targets: Sequence[Target],
        *,
        interval: float,
    ) -> None:
        """Each target holds one of `watch_threads`; once an `interval` all is listed again."""
        self._api = api
        self._comparer = Comparer(api, threads)
        self._watch_threads = watch_threads
        self._intake = intake
        self._targets = targets
        self._interval = interval

    def runs(self) -> list[Coroutine[Any, Any, None]]:
        """Give what watches for ever, one for each kind: whoever runs them says which tasks are his."""
        return [self._keep_watching(target) for target in self._targets]

    async def _keep_watching(self, target: Target) -> None:
        loop = asyncio.get_running_loop()
        patience, told = _patience(), ""
        while True:
            began = loop.time()
            try:
                await self.look(target)
                patience, told, pause = _patience(), "", 0.0
            except ClusterError as error:
                if loop.time() - began > _WELL_SECONDS:
                    patience, told = _patience(), ""
                words, pause = self._trouble(target, error)
                pause = pause or next(patience)
                # To be too late is nobody's trouble.
                if words != told and error.status != _EXPIRED:
                    _log.warning("%s are not watched: %s", target.resource, words)
                told = words
            await asyncio.sleep(pause)

    async def census(self) -> None:
        """See to it that all workloads are known of the kinds that can be read. Raises ClusterError."""
        for target in self._targets:
            try:
                await self._list(target, _resource(target))
            except ClusterError as error:
                # Where a kind is absent or forbidden, nobody follows a tag by it.
                if not isinstance(error, GoneError) and not missing_right(target, error):
                    raise

    async def look(self, target: Target) -> None:
        """List a kind, and watch it for an interval. Raises ClusterError when that fails or ends."""
        resource = _resource(target)
        listed = await self._list(target, resource)
        loop = asyncio.get_running_loop()
        version, until = listed.version, loop.time() + self._interval
        while (left := until - loop.time()) > 0:
            version = await self._watch(target, resource, version, min(_WATCH_SECONDS, int(left) + 1))
            # Whoever ends watches at once is not to be asked in a circle.
            await asyncio.sleep(_BREATH)

    async def _list(self, target: Target, resource: Resource) -> Listed:
        return await self._comparer.compare(
            resource,
            {(key.namespace, key.name): found for key, found in self._known(target)},
            seen=functools.partial(self._intake.workload_seen, target),
            gone=lambda names: self._intake.workload_gone(WorkloadKey(target.resource, *names)),
            only_annotated=annotation_keys.TRIGGERS,
        )

    async def _watch(self, target: Target, resource: Resource, version: str, seconds: int) -> str:
        loop = asyncio.get_running_loop()
        events = self._api.watch(resource.path(), since=version, seconds=seconds)
        concerning = self._concerning(target, version, events)
        ask = functools.partial(loop.run_in_executor, self._watch_threads, next, concerning, None)
        while (come := await ask()) is not None:
            version, found = come
            for event in found:
                self._take_in(target, event["type"], event["object"])
        return version

    def _concerning(
        self, target: Target, version: str, events: Iterator[list[dict[str, Any]]]
    ) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Of what a watch tells, give what concerns workloads that follow tags, or did; with its version.

        Runs in the watch's thread: of all others, which change as often, the event loop hears nothing.
        """
        for come in events:
            found, follow = [], set()
            for event in come:
                meta = border.mapping(event["object"].get("metadata"))
                version = border.text(meta.get("resourceVersion")) or version
                key = _key(target, meta)
                if annotation_keys.TRIGGERS in border.mapping(meta.get("annotations")):
                    follow.add(key)
                if key in follow or self._intake.follower.knows(key):
                    found.append(event)
            if found:
                yield version, found
        yield version, []

    def _take_in(self, target: Target, what: str, body: Any) -> None:
        if what in {"ADDED", "MODIFIED"}:
            safely(functools.partial(self._intake.workload_seen, target), body)
        elif what == "DELETED":
            self._intake.workload_gone(_key(target, border.mapping(body.get("metadata"))))

    def _trouble(self, target: Target, error: ClusterError) -> tuple[str, float]:
        """Say what is wrong and how many seconds to wait, 0 for the usual."""
        if isinstance(error, GoneError):
            for key, _ in self._known(target):
                self._intake.workload_gone(key)
            where = f"{target.api_version} {target.plural}"
            return f"the API server does not serve {where} (yet); looked for again and again", _LOOK_AGAIN
        if right := missing_right(target, error):
            return right, _LOOK_AGAIN
        return str(error), 0.0

    def _known(self, target: Target) -> list[tuple[WorkloadKey, tuple[str, str]]]:
        known = self._intake.follower.known()
        return [(key, found) for key, found in known.items() if key.resource == target.resource]


def _resource(target: Target) -> Resource:
    return Resource(target.group, target.version, target.plural)


def _key(target: Target, meta: Mapping[str, Any]) -> WorkloadKey:
    return WorkloadKey(target.resource, border.text(meta.get("namespace")), border.text(meta.get("name")))


def _patience() -> Iterator[float]:
    return itertools.chain((0.5, 1.0, 2.0, 3.0), itertools.repeat(5.0))
