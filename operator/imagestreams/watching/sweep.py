"""The sweep: lists everything that Kopf watches now and then, to find what a watch did not tell.

After a watch expired, Kopf lists anew and tells what is there, never what vanished meanwhile. Workloads are
listed by watching.kinds. Reads only; run by app, beside the watches.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError
from imagestreams.kube.resources import CONFIG_MAPS, IMAGESTREAMS, SECRETS, SERVICE_ACCOUNTS
from imagestreams.model.stream import StreamKey
from imagestreams.registry.authorities import CONFIG_MAP
from imagestreams.registry.credentials import TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON
from imagestreams.watching.access_reading import DEFAULT_ACCOUNT
from imagestreams.watching.comparing import Comparer, Names, safely

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api, Resource
    from imagestreams.model.stream import Stream
    from imagestreams.watching.intake import Intake

_log = logging.getLogger(__name__)

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
        self._comparer = Comparer(api, threads)
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
        async for page in self._comparer.lists(resource.path(), query=query):
            for body in page.get("items") or ():
                safely(seen, body)

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
            await self._comparer.compare(
                resource, known, seen=seen, gone=functools.partial(_with_names, gone), queries=queries
            )
        streams = {(key.namespace, key.name): seen for key, seen in store.known().items()}
        listed = await self._comparer.compare(
            IMAGESTREAMS,
            streams,
            seen=self._intake.stream_seen,
            gone=lambda names: self._intake.stream_gone(StreamKey(*names), streams[names][0]),
        )
        # One that could not be taken in may name an image: then nothing is collected this time.
        if listed.names <= {(key.namespace, key.name) for key in store.known()}:
            await self._collect(store.streams())


def _with_names(gone: Callable[[str, str], None], names: Names) -> None:
    gone(*names)
