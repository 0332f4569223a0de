"""Patching the image fields of workloads, and reading a workload afresh.

Called by triggering.apply with the operations that triggering.patch decided; nothing is decided here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError
from imagestreams.kube.api import JSON, JSON_PATCH, Resource
from imagestreams.kube.streams import outcome_of
from imagestreams.triggering.owners import FIELD_MANAGER, other_writers
from imagestreams.triggering.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.metrics import Metrics

_FIELD_MANAGER = {"fieldManager": FIELD_MANAGER}


class WorkloadPatcher:
    """Patches workloads, in threads of its own."""

    def __init__(self, api: Api, threads: Executor, metrics: Metrics) -> None:
        self._api = api
        self._threads = threads
        self._metrics = metrics
        self._under_way = 0

    def busy(self) -> bool:
        """Tell whether workloads are being patched. Thread-safe."""
        return self._under_way > 0

    async def patch(self, workload: Workload, operations: Sequence[dict[str, Any]]) -> Workload | None:
        """Apply a JSON patch; the answer is the workload as it is stored now, None if it lost its annotation.

        Raises RefusedError when a guard of the patch does not hold any more (422) or the right is
        missing (403), GoneError when the workload is deleted, ClusterError for all else.
        """
        outcome = "ok"
        self._under_way += 1
        try:
            body = await self._call(workload, "PATCH", list(operations), JSON_PATCH)
        except ClusterError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._under_way -= 1
            self._metrics.writes.labels("workload", outcome).inc()
        return Workload.parse(workload.target, body)

    async def read(self, workload: Workload) -> Workload | None:
        """Read a workload afresh; None if it has no annotation any more. Raises GoneError, ClusterError."""
        return Workload.parse(workload.target, await self._call(workload, "GET", None, JSON))

    async def writers(self, workload: Workload, containers: set[str]) -> tuple[str, ...]:
        """Name who else has written the images of containers. Raises GoneError, ClusterError."""
        body = await self._call(workload, "GET", None, JSON)
        return other_writers(body, workload.target.pod_spec, containers)

    async def _call(self, workload: Workload, method: str, body: Any, content_type: str) -> dict[str, Any]:
        target, key = workload.target, workload.key
        path = Resource(target.group, target.version, target.plural).path(key.namespace, key.name)
        query = _FIELD_MANAGER if method == "PATCH" else None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads,
            lambda: self._api.request(method, path, query=query, body=body, content_type=content_type),
        )
