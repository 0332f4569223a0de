"""The APIService of v1 (kube.apiservices), at an API server that answers over HTTP."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.kube.apiservices import ApiServices, read_registration
from imagestreams.metrics import Metrics

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from imagestreams.kube.api import Api
    from unit.kube.apiserver import ApiServer

PATH = "/apis/apiregistration.k8s.io/v1/apiservices/v1.image.openshift.io"
OURS = {"labels": {"app.kubernetes.io/part-of": "imagestreams"}, "uid": "u", "resourceVersion": "7"}


def service(**fields: Any) -> dict[str, Any]:
    """Write our APIService."""
    return {"metadata": OURS, "spec": {"service": {"name": "api", "namespace": "tools"}}, **fields}


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        service(spec={"service": None}),
        service(spec={}),
        service(metadata={"labels": None}),
        service(metadata={"labels": {"app.kubernetes.io/part-of": "openshift"}}),
    ],
)
def test_what_is_not_ours_is_no_registration(found: Any) -> None:
    """The CRD's own has no Service; somebody else's has not our label."""
    assert read_registration(found) is None


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], (False, "")),
        ([{"type": "Available", "status": "True"}], (True, "")),
        ([{"type": "Available", "status": "False", "message": "no route"}], (False, "no route")),
        ([{"type": "Available", "status": "Unknown", "reason": "Wait"}], (False, "Wait")),
    ],
)
def test_it_tells_whether_it_is_reached(conditions: Any, expected: tuple[bool, str]) -> None:
    """In the words of the API server."""
    found = read_registration(service(status={"conditions": conditions}))
    assert found is not None
    assert expected == (found.available, found.why)


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "expected"), [(200, True), (503, False), (502, False), (504, False)])
async def test_it_tells_whether_v1_is_answered_now(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor, status: int, expected: bool
) -> None:
    """By asking for it: whatever is no answer is none, and keeps nobody from starting."""
    server.canned = [(status, b"{}")]
    assert expected is await ApiServices(api, threads, Metrics()).answers()
    assert "/apis/image.openshift.io/v1" == server.requests[-1].path


@pytest.mark.asyncio
async def test_it_is_applied_once_and_deleted_as_it_was_read(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """By server-side apply under its one name; the deletion is guarded by uid and version."""
    services = ApiServices(api, threads, Metrics())
    assert await services.read() is None
    of_the_crd = service(spec={"service": None})
    server.canned = [(200, json.dumps(answer).encode()) for answer in (of_the_crd, service())]
    assert await services.apply(b"CA", namespace="tools", service="api:8443")
    applied = server.requests[-1]
    assert ("PATCH", PATH) == (applied.method, applied.path)
    assert "application/apply-patch+yaml" == applied.headers["content-type"]
    assert {"namespace": "tools", "name": "api", "port": 8443} == applied.body["spec"]["service"]
    assert b"CA" == base64.b64decode(applied.body["spec"]["caBundle"])
    assert "false" == applied.body["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"]

    server.put(PATH, **service(spec=applied.body["spec"]))
    assert not await services.apply(b"CA", namespace="tools", service="api:8443")
    found = await services.read()
    assert found is not None
    server.canned = [(200, b"{}")]
    assert await services.hand_back(found)
    deleted = server.requests[-1]
    assert "DELETE" == deleted.method
    assert {"uid": found.uid, "resourceVersion": found.version} == deleted.body["preconditions"]
