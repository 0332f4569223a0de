"""Reading streams and writing their status: the one writer of status.

Every write is guarded by the resourceVersion it was decided on. Called by importing.settling, and for imports
and pushes by imageapi; a status that a client sends there goes through imageapi.stream_store.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError, ConflictError, GoneError, RefusedError
from imagestreams.kube.resources import GROUP, IMAGESTREAMS, OWN_VERSION
from imagestreams.model.stream import Stream

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.metrics import Metrics
    from imagestreams.model.status import StreamStatus
    from imagestreams.model.stream import StreamKey


class StreamWriter:
    """Writes statuses and reads streams, in threads of its own."""

    def __init__(self, api: Api, threads: Executor, metrics: Metrics) -> None:
        self._api = api
        self._threads = threads
        self._metrics = metrics

    async def write(self, stream: Stream, status: StreamStatus) -> Stream:
        """Write the status of a stream as it was read; the answer is the stream as it is stored now.

        Raises ConflictError when it changed meanwhile, GoneError when it is deleted, RefusedError when
        the API server does not take it, ClusterError when it does not answer.
        """
        body = {
            "apiVersion": f"{GROUP}/{OWN_VERSION}",
            "kind": "ImageStream",
            "metadata": {
                "namespace": stream.key.namespace,
                "name": stream.key.name,
                "uid": stream.uid,
                "resourceVersion": stream.resource_version,
            },
            "status": status.to_json(),
        }
        path = IMAGESTREAMS.path(stream.key.namespace, stream.key.name, "status")
        outcome = "ok"
        try:
            return Stream.parse(await self._call("PUT", path, body))
        except ClusterError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._metrics.writes.labels("status", outcome).inc()

    async def read(self, key: StreamKey) -> Stream:
        """Read a stream afresh. Raises GoneError when it is not there, ClusterError as above."""
        return Stream.parse(await self._call("GET", IMAGESTREAMS.path(key.namespace, key.name), None))

    async def _call(self, method: str, path: str, body: object) -> object:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self._api.request(method, path, body=body))


def outcome_of(error: ClusterError) -> str:
    """Name an error for the metric of writes."""
    match error:
        case ConflictError():
            return "conflict"
        case GoneError():
            return "gone"
        case RefusedError():
            return "refused"
        case _:
            return "error"
