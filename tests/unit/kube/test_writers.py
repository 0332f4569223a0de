"""Writing statuses and patching workloads: guarded, counted, and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import (
    ClusterError,
    ConflictError,
    GoneError,
    RefusedError,
)
from imagestreams.kube.streams import StreamWriter, outcome_of
from imagestreams.kube.workloads import WorkloadPatcher
from imagestreams.metrics import Metrics
from imagestreams.model.status import StreamStatus
from imagestreams.model.stream import Stream, StreamKey
from unit.triggering.deployments import deployment, image_of, trigger, workload

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from imagestreams.kube.api import Api
    from unit.kube.apiserver import ApiServer

pytestmark = pytest.mark.asyncio

KEY = StreamKey("shop", "app")
STREAM = "/apis/image.openshift.io/v1alpha1/namespaces/shop/imagestreams/app"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
IMAGE = "/spec/template/spec/containers/0/image"


def counted(metrics: Metrics, what: str) -> dict[str, float]:
    """Tell how many writes had which outcome."""
    (family,) = metrics.writes.collect()
    return {
        sample.labels["outcome"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["what"] == what
    }


async def test_a_status_is_written_where_it_was_read(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """The status goes to the subresource, guarded by uid and resourceVersion; the new version comes back."""
    server.put(STREAM, spec={"tags": [{"name": "v1"}]})
    metrics = Metrics()
    writer = StreamWriter(api, threads, metrics)
    stream = await writer.read(KEY)
    written = await writer.write(stream, StreamStatus(repository="r.io/app"))
    asked = server.requests[-1]

    assert ("PUT", f"{STREAM}/status") == (asked.method, asked.path)
    assert {"uid": "u-app", "resourceVersion": stream.resource_version} == {
        name: asked.body["metadata"][name] for name in ("uid", "resourceVersion")
    }
    assert "spec" not in asked.body
    assert "r.io/app" == written.status.repository
    assert int(written.resource_version) > int(stream.resource_version)
    assert {"ok": 1.0} == counted(metrics, "status")


async def test_a_status_for_an_old_version_is_a_conflict(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """What was decided on a version that is over is not written."""
    server.put(STREAM)
    metrics = Metrics()
    writer = StreamWriter(api, threads, metrics)
    stream = await writer.read(KEY)
    server.put(STREAM)
    with pytest.raises(ConflictError):
        await writer.write(stream, StreamStatus(repository="r.io/app"))

    assert "status" not in server.objects[STREAM]
    assert {"conflict": 1.0} == counted(metrics, "status")


async def test_a_stream_that_is_gone_is_told(api: Api, threads: ThreadPoolExecutor) -> None:
    """Reading and writing what is not there is GoneError."""
    metrics = Metrics()
    writer = StreamWriter(api, threads, metrics)
    with pytest.raises(GoneError):
        await writer.read(KEY)
    with pytest.raises(GoneError):
        await writer.write(Stream(KEY, "u", "1", 1), StreamStatus())

    assert {"gone": 1.0} == counted(metrics, "status")


async def test_a_workload_is_patched_and_read_back(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """The operations arrive as a JSON patch in our name; the answer is the workload as it is stored."""
    body = deployment(trigger())
    server.put(WEB, **body)
    metrics = Metrics()
    patcher = WorkloadPatcher(api, threads, metrics)
    operations = [
        {"op": "test", "path": IMAGE, "value": "old:1"},
        {"op": "replace", "path": IMAGE, "value": "new:1"},
    ]
    written = await patcher.patch(workload(body), operations)
    (asked,) = server.requests

    assert ("PATCH", {"fieldManager": "imagestreams"}, operations) == (asked.method, asked.query, asked.body)
    assert "application/json-patch+json" == asked.headers["content-type"]
    assert "new:1" == image_of(server.objects[WEB])
    assert written is not None
    assert ["new:1"] == [container.image for container in written.containers]
    assert {"ok": 1.0} == counted(metrics, "workload")


async def test_a_guard_that_fails_is_refused(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """A patch whose test does not hold changes nothing, and the workload can be read afresh."""
    body = deployment(trigger())
    server.put(WEB, **body)
    metrics = Metrics()
    patcher = WorkloadPatcher(api, threads, metrics)
    with pytest.raises(RefusedError):
        await patcher.patch(workload(body), [{"op": "test", "path": IMAGE, "value": "other:1"}])
    fresh = await patcher.read(workload(body))

    assert fresh is not None
    assert ["old:1"] == [container.image for container in fresh.containers]
    assert {"refused": 1.0} == counted(metrics, "workload")


async def test_other_writers_of_an_image_are_read_afresh(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """Who owns the image of a container is read from the object as it is now; nothing is written for it."""
    body = deployment(trigger())
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}}}
    }
    owner = {"manager": "helm", "operation": "Update", "fieldsV1": fields}
    server.put(WEB, **(body | {"metadata": body["metadata"] | {"managedFields": [owner]}}))
    found = await WorkloadPatcher(api, threads, Metrics()).writers(workload(body), {"web"})

    assert ("helm (Update)",) == found
    assert ["GET"] == [asked.method for asked in server.requests]


async def test_a_workload_without_its_annotation_is_none(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """What lost its triggers meanwhile is read as None."""
    body = deployment(trigger())
    bare: dict[str, Any] = body | {"metadata": body["metadata"] | {"annotations": {}}}
    server.put(WEB, **bare)

    assert await WorkloadPatcher(api, threads, Metrics()).read(workload(body)) is None


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ConflictError("x"), "conflict"),
        (GoneError("x"), "gone"),
        (RefusedError("x"), "refused"),
        (ClusterError("x"), "error"),
    ],
)
async def test_an_error_has_a_name_in_the_metric(error: ClusterError, name: str) -> None:
    """The outcomes are few, and told apart."""
    assert name == outcome_of(error)
