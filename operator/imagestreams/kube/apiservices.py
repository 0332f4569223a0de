"""The APIService by which the image API takes v1 over from the CRD: read, applied, handed back.

While it is there, Kubernetes asks our server for image.openshift.io/v1; deleted, the CRD's own is made again
by Kubernetes itself, which the aggregator's label keeps from happening before. Called by imageapi.registering
(facade) and serving.handback (operator).
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError, ConflictError, GoneError, RefusedError
from imagestreams.kube.api import JSON
from imagestreams.kube.resources import APISERVICES, GROUP, PART_OF_LABEL, SERVED_VERSION
from imagestreams.kube.streams import outcome_of
from imagestreams.model import border

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.metrics import Metrics

NAME = f"{SERVED_VERSION}.{GROUP}"
REPLICA_HEADER = "X-Imagestreams-Replica"
"""By this a replica that is well names itself where it describes v1; one that is about to end does not."""
_APPLY = "application/apply-patch+yaml"
_MANAGER = "imagestreams-api"
_AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"


@dataclasses.dataclass(frozen=True, slots=True)
class Registration:
    """Our APIService, as it is stored."""

    uid: str
    version: str
    available: bool
    """Whether the API server reaches what is registered."""
    why: str
    """Why not, in its words."""
    spec: dict[str, Any]


def read_registration(found: Any) -> Registration | None:
    """Read the APIService of v1; None where it is not ours: the CRD's, or somebody else's."""
    body = border.mapping(found)
    meta, spec = border.mapping(body.get("metadata")), border.mapping(body.get("spec"))
    label, value = PART_OF_LABEL
    if not spec.get("service") or border.mapping(meta.get("labels")).get(label) != value:
        return None
    conditions = map(border.mapping, border.items(border.mapping(body.get("status")).get("conditions")))
    told = next((item for item in conditions if item.get("type") == "Available"), {})
    return Registration(
        uid=border.text(meta.get("uid")),
        version=border.text(meta.get("resourceVersion")),
        available=told.get("status") == "True",
        why=border.text(told.get("message")) or border.text(told.get("reason")),
        spec=dict(spec),
    )


class ApiServices:
    """Reads and writes it, in threads."""

    def __init__(self, api: Api, threads: Executor, metrics: Metrics) -> None:
        self._api = api
        self._threads = threads
        self._metrics = metrics

    async def read(self) -> Registration | None:
        """Read it; None where v1 is not ours. Raises ClusterError."""
        try:
            return read_registration(await self._run("GET"))
        except GoneError:
            return None

    async def answers(self) -> bool:
        """Tell whether v1 is answered now, in time and well.

        Available is what was so a while ago. Raises RefusedError where we may not ask.
        """
        try:
            await self._run("GET", path=f"/apis/{GROUP}/{SERVED_VERSION}")
        except RefusedError:
            raise
        except ClusterError:
            return False
        return True

    async def replica(self) -> str:
        """Ask who answers v1 now, through the API server; "" where it is nobody of ours who is well."""
        path = f"/apis/{GROUP}/{SERVED_VERSION}"
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._api.header, path, REPLICA_HEADER)
        except ClusterError:
            return ""

    async def apply(self, bundle: bytes, *, namespace: str, service: str) -> bool:
        """Have v1 asked of a Service (NAME:PORT), trusting these CAs (PEM); tells whether that was news.

        By server-side apply, so that the right to this one name is enough to create it, too. Raises
        ClusterError.
        """
        wanted = _spec(bundle, namespace, service)
        known = await self.read()
        if known is not None and {key: known.spec.get(key) for key in wanted} == wanted:
            return False
        body = {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": NAME, "labels": {_AUTOMANAGED: "false", **dict([PART_OF_LABEL])}},
            "spec": wanted,
        }
        await self._write("PATCH", body, _APPLY, {"fieldManager": _MANAGER, "force": "true"})
        return True

    async def hand_back(self, registration: Registration) -> bool:
        """Let the CRD serve v1 again, if nothing changed since it was read; tells whether it did so."""
        guard = {"uid": registration.uid, "resourceVersion": registration.version}
        try:
            await self._write("DELETE", {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": guard})
        except (GoneError, ConflictError):
            return False
        return True

    async def _write(
        self, method: str, body: Any, content_type: str = JSON, query: dict[str, str] | None = None
    ) -> None:
        outcome = "ok"
        try:
            await self._run(method, body, content_type, query)
        except ClusterError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._metrics.writes.labels("apiservice", outcome).inc()

    async def _run(
        self,
        method: str,
        body: Any = None,
        content_type: str = JSON,
        query: dict[str, str] | None = None,
        *,
        path: str = APISERVICES.path(name=NAME),
    ) -> Any:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: self._api.request(method, path, body=body, content_type=content_type, query=query),
        )


def _spec(bundle: bytes, namespace: str, service: str) -> dict[str, Any]:
    name, _, port = service.partition(":")
    return {
        "group": GROUP,
        "version": SERVED_VERSION,
        "service": {"namespace": namespace, "name": name, "port": int(port or 443)},
        "caBundle": base64.b64encode(bundle).decode(),
        "groupPriorityMinimum": 1000,
        "versionPriority": 100,
    }
