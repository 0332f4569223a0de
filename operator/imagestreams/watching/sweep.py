"""The sweep: lists everything now and then, to find what a watch did not tell.

After a watch expired, Kopf lists anew and tells what is there, never what vanished meanwhile. The sweep
lists metadata only, reads what is newer than what is known, and makes sure of what seems gone.
Reads only; run by app, beside the watches.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError, GoneError
from imagestreams.kube.api import METADATA_LIST, Resource
from imagestreams.kube.resources import CONFIG_MAPS, IMAGESTREAMS, SECRETS, SERVICE_ACCOUNTS
from imagestreams.model import annotation_keys, border
from imagestreams.model.stream import StreamKey
from imagestreams.model.versions import is_older
from imagestreams.registry.authorities import CONFIG_MAP
from imagestreams.registry.credentials import TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON
from imagestreams.triggering.targets import TARGETS
from imagestreams.triggering.workload import WorkloadKey
from imagestreams.watching.intake import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.model.stream import Stream
    from imagestreams.triggering.targets import Target
    from imagestreams.watching.intake import Intake

_log = logging.getLogger(__name__)

Names = tuple[str, str]
_Queries = tuple[dict[str, str], ...]
_Kind = tuple[
    "Resource", _Queries, "Mapping[Names, Names]", "Callable[[Any], None]", "Callable[[str, str], None]"
]
_PULL_SECRETS = tuple({"fieldSelector": f"type={name}"} for name in (TYPE_DOCKERCONFIGJSON, TYPE_DOCKERCFG))
_ACCOUNTS = ({"fieldSelector": f"metadata.name={DEFAULT_ACCOUNT}"},)
_CONFIGS = ({"fieldSelector": f"metadata.name={CONFIG_MAP}"},)


class Sweep:
    """Compares what is stored in the cluster with what is known here."""

    def __init__(
        self,
        api: Api,
        threads: Executor,
        intake: Intake,
        *,
        interval: float,
        collect: Callable[[list[Stream]], Awaitable[None]],
    ) -> None:
        """`collect` is told of all streams, when a sweep knows that these are all."""
        self._api = api
        self._threads = threads
        self._intake = intake
        self._interval = interval
        self._collect = collect

    async def run(self) -> None:
        """Sweep once an interval, for ever; what fails is tried at the next turn."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.sweep()
            except ClusterError as error:
                _log.warning("the sweep is put off: %s", error)

    async def load(self) -> None:
        """Read pull secrets, CAs, rules and then all streams: what is there is known before all else.

        A tag that follows another stream would else find none, as long as that one is not seen. It is quicker
        than to wait for the watches, too. A page of bodies is kept at a time. Raises ClusterError.
        """
        for resource, queries, _, seen, _ in self._access():
            for query in queries:
                await self._take_in(resource, seen, query)
        await self._take_in(IMAGESTREAMS, self._intake.stream_seen, {})

    async def _take_in(
        self, resource: Resource, seen: Callable[[Any], None], query: Mapping[str, str]
    ) -> None:
        async for page in self._pages(resource.path(), query=query):
            for body in page:
                _safely(seen, body)

    def _access(self) -> Iterator[_Kind]:
        """List what registries are asked with: which resource, how it is listed, what is known of it."""
        intake, store = self._intake, self._intake.store
        yield CONFIG_MAPS, _CONFIGS, store.configs.known(), intake.config_seen, intake.config_gone
        yield SERVICE_ACCOUNTS, _ACCOUNTS, store.linked.known(), intake.account_seen, intake.account_gone
        yield SECRETS, _PULL_SECRETS, store.secrets.known(), intake.secret_seen, intake.secret_gone

    async def sweep(self) -> None:
        """List everything once. Raises ClusterError."""
        store = self._intake.store
        for resource, queries, known, seen, gone in self._access():
            await self._compare(
                resource, known, seen=seen, gone=functools.partial(_with_names, gone), queries=queries
            )
        streams = {(key.namespace, key.name): seen for key, seen in store.known().items()}
        listed = await self._compare(
            IMAGESTREAMS,
            streams,
            seen=self._intake.stream_seen,
            gone=lambda names: self._intake.stream_gone(StreamKey(*names), streams[names][0]),
        )
        await self.sweep_workloads()
        # One that could not be taken in may name an image: then nothing is collected this time.
        if listed <= {(key.namespace, key.name) for key in store.known()}:
            await self._collect(store.streams())

    async def sweep_workloads(self) -> None:
        """List the workloads once. Raises ClusterError."""
        for target in TARGETS:
            await self._sweep_target(target)

    async def _sweep_target(self, target: Target) -> None:
        known = {
            (key.namespace, key.name): seen
            for key, seen in self._intake.follower.known().items()
            if key.plural == target.plural
        }
        await self._compare(
            Resource(target.group, target.version, target.plural),
            known,
            seen=lambda body: self._intake.workload_seen(target, body),
            gone=lambda names: self._intake.workload_gone(WorkloadKey(target.plural, *names)),
            only_annotated=annotation_keys.TRIGGERS,
        )

    async def _compare(
        self,
        resource: Resource,
        known: Mapping[Names, Names],
        *,
        seen: Callable[[Any], None],
        gone: Callable[[Names], None],
        only_annotated: str = "",
        queries: Sequence[Mapping[str, str]] = ({},),
    ) -> set[Names]:
        """Compare, and give the names that were listed."""
        listed: set[Names] = set()
        for query in queries:
            async for page in self._pages(resource.path(), accept=METADATA_LIST, query=query):
                for body in page:
                    meta = border.mapping(body.get("metadata"))
                    if only_annotated and only_annotated not in border.mapping(meta.get("annotations")):
                        continue
                    names = border.text(meta.get("namespace")), border.text(meta.get("name"))
                    listed.add(names)
                    uid, version = known.get(names, ("", ""))
                    newest = border.text(meta.get("resourceVersion"))
                    if uid != meta.get("uid") or is_older(version, newest):
                        await self._read(resource, names, seen, gone)
        for names in known.keys() - listed:
            await self._read(resource, names, seen, gone)
        return listed

    async def _read(
        self, resource: Resource, names: Names, seen: Callable[[Any], None], gone: Callable[[Names], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        path = resource.path(*names)
        try:
            body = await loop.run_in_executor(self._threads, self._api.request, "GET", path)
        except GoneError:
            gone(names)
        else:
            _safely(seen, body)

    async def _pages(self, path: str, **options: Any) -> AsyncIterator[list[dict[str, Any]]]:
        loop = asyncio.get_running_loop()
        pages = self._api.pages(path, **options)
        coming = loop.run_in_executor(self._threads, next, pages, None)
        try:
            while (page := await coming) is not None:
                # The API server makes the next page meanwhile.
                coming = loop.run_in_executor(self._threads, next, pages, None)
                yield page
        finally:
            coming.cancel()


def _with_names(gone: Callable[[str, str], None], names: Names) -> None:
    gone(*names)


def _safely(seen: Callable[[Any], None], body: Any) -> None:
    try:
        seen(body)
    except Exception:  # noqa: BLE001
        # One object that trips over a bug of ours must not end the sweep, and the operator with it.
        _log.exception(
            "%s could not be taken in", border.mapping(border.mapping(body).get("metadata")).get("name")
        )
