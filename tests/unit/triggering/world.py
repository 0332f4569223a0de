"""A small world for the follower, in virtual time: streams that move, and a cluster that keeps Deployments.

`Cluster` applies JSON patches as an API server does, and can be slow, down, or in somebody's way; `World`
puts a follower between it and a store of streams.
"""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import jsonpatch

from imagestreams.errors import ClusterError, GoneError, RefusedError
from imagestreams.metrics import Metrics
from imagestreams.model.stream import StreamKey
from imagestreams.triggering.follow import Follower
from imagestreams.triggering.owners import other_writers
from imagestreams.triggering.patch import own_namespace
from imagestreams.triggering.workload import Workload, WorkloadKey
from imagestreams.watching.store import Store
from unit.triggering.deployments import DEPLOYMENT, image_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagestreams.model.permission import Permission
    from imagestreams.model.stream import Stream

KEY = WorkloadKey("deployments", "shop", "web")
APP = StreamKey("shop", "app")


class Cluster:
    """Keeps Deployments as bodies (a Patcher), as an API server does: a failed test changes nothing, 422."""

    def __init__(self) -> None:
        self.bodies: dict[WorkloadKey, dict[str, Any]] = {}
        self.patches: list[tuple[float, WorkloadKey]] = []
        self.tries: list[float] = []
        self.latency = 0.0
        self.down_until = 0.0
        self.errors: list[Exception] = []
        self.before_patch: Callable[[], None] = lambda: None
        self.after_patch: Callable[[], None] = lambda: None
        self._version = 10

    def apply(self, body: dict[str, Any]) -> Workload | None:
        """Store a body as somebody writes it, and tell of it as the watch does."""
        self._version += 1
        body = copy.deepcopy(body)
        meta = body["metadata"]
        key = WorkloadKey("deployments", meta["namespace"], meta["name"])
        before = self.bodies.get(key, {"metadata": {}, "spec": None})
        meta["generation"] = before["metadata"].get("generation", 0) + (before["spec"] != body["spec"])
        meta["resourceVersion"] = str(self._version)
        self.bodies[key] = body
        return Workload.parse(DEPLOYMENT, body)

    async def patch(self, workload: Workload, operations: Sequence[dict[str, Any]]) -> Workload | None:
        """Apply a JSON patch."""
        self.tries.append(now())
        await self._answer()
        self.before_patch()
        if self.errors:
            raise self.errors.pop(0)
        try:
            body = jsonpatch.apply_patch(self._find(workload), list(operations))
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise RefusedError(str(error), status=422) from error
        self.patches.append((now(), workload.key))
        stored = self.apply(body)
        self.after_patch()
        return stored

    async def read(self, workload: Workload) -> Workload | None:
        """Read a workload afresh."""
        await self._answer()
        return Workload.parse(DEPLOYMENT, self._find(workload))

    async def writers(self, workload: Workload, containers: set[str]) -> tuple[str, ...]:
        """Name who else has written the images of containers."""
        await self._answer()
        return other_writers(self._find(workload), workload.target.pod_spec, containers)

    async def _answer(self) -> None:
        await asyncio.sleep(self.latency)
        if now() < self.down_until:
            raise ClusterError("the API server did not answer")

    def _find(self, workload: Workload) -> dict[str, Any]:
        if workload.key not in self.bodies:
            raise GoneError("not found", status=404)
        return self.bodies[workload.key]


class World:
    """A follower between a store of streams and a cluster of Deployments."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.store = Store()
        self.granted: dict[tuple[str, StreamKey], Permission] = {}
        self.censuses: list[float] = []
        self.census: Callable[[], None] = lambda: None
        self.told: list[tuple[str, str, bool]] = []
        self.metrics = Metrics()
        self.follower = Follower(
            stream_of=self.store.stream,
            patcher=self.cluster,
            tell=lambda _, reason, message, warning: self.told.append((reason, message, warning)),
            metrics=self.metrics,
            permission=self._permission,
            census=self._census,
        )

    def _permission(self, namespace: str, stream: StreamKey) -> Permission:
        own = own_namespace(namespace, stream)
        return own if own.granted else self.granted.get((namespace, stream), own)

    async def _census(self) -> None:
        self.censuses.append(now())
        self.census()

    def move(self, moved: Stream) -> None:
        """Let a stream be as it is now."""
        self.store.put(moved)
        self.follower.stream_changed(moved.key)

    def apply(self, body: dict[str, Any]) -> None:
        """Let a user apply a Deployment, and the watch tell of it."""
        found = self.cluster.apply(body)
        assert found is not None
        self.follower.put(found)

    def status(self, name: str = "web", *, reason: str = "NewReplicaSetAvailable", new: int = 3) -> None:
        """Let the Deployment controller tell how far the present rollout is: done, unless said otherwise."""
        body = copy.deepcopy(self.cluster.bodies[WorkloadKey("deployments", "shop", name)])
        body["status"] = {
            "observedGeneration": body["metadata"]["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), new),
            "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
        }
        self.apply(body)

    def image(self, container: str = "web", key: WorkloadKey = KEY) -> str | None:
        """Find a container's image as it is stored."""
        return image_of(self.cluster.bodies[key], container)

    @property
    def reasons(self) -> list[str]:
        """Tell what people were told."""
        return [reason for reason, _, _ in self.told]


def now() -> float:
    """Tell the virtual time."""
    return asyncio.get_running_loop().time()


async def until(time: float) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(time - now())
