"""May it start here: only where the group is nobody else's and the cluster is prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import StartError
from imagestreams.kube.preflight import check_cluster

if TYPE_CHECKING:
    from imagestreams.kube.api import Api
    from unit.kube.apiserver import ApiServer

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/imagestreams.image.openshift.io"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
OURS = {"labels": {"app.kubernetes.io/part-of": "imagestreams"}}
VERSIONS = {"versions": [{"name": "v1", "served": True}, {"name": "v1alpha1", "served": True}]}


def prepare(server: ApiServer, **crd: Any) -> None:
    """Install our resource, with changes."""
    server.put(CRD, **({"metadata": OURS, "spec": VERSIONS} | crd))
    server.put(CRD.replace("imagestreams.", "images."), metadata=OURS, spec=VERSIONS)


def serve(server: ApiServer, version: str, *, ours: bool = False) -> None:
    """Have a service of the cluster serve a version of the group."""
    server.put(
        f"{SERVICES}/{version}.image.openshift.io",
        metadata=OURS if ours else {"labels": None},
        spec={"service": {"namespace": "openshift-apiserver", "name": "api"}},
    )


def test_a_prepared_cluster_is_ours_to_serve(server: ApiServer, api: Api) -> None:
    """With our resource and nobody else it may start, and nothing but reading was done."""
    prepare(server)
    server.put(f"{SERVICES}/v1.image.openshift.io", spec={"service": None})
    check_cluster(api)

    assert {"GET"} == {asked.method for asked in server.requests}


def test_our_own_image_api_is_nobody_else(server: ApiServer, api: Api) -> None:
    """A service with our label may serve v1."""
    prepare(server)
    serve(server, "v1", ours=True)
    check_cluster(api)


@pytest.mark.parametrize("version", ["v1", "v1alpha1"])
def test_where_somebody_else_serves_the_group_it_does_not_start(
    server: ApiServer, api: Api, version: str
) -> None:
    """On OpenShift it says so, names who serves, and touches nothing."""
    prepare(server)
    serve(server, version)
    with pytest.raises(StartError, match="is served already, by service openshift-apiserver/api") as refused:
        check_cluster(api)

    assert "Nothing was changed." in str(refused.value)
    assert {"GET"} == {asked.method for asked in server.requests}


def test_without_the_resource_it_does_not_start(api: Api) -> None:
    """The message says what to apply."""
    with pytest.raises(StartError, match="is not installed; apply crds/ first"):
        check_cluster(api)


@pytest.mark.parametrize("labels", [None, {}, {"app.kubernetes.io/part-of": "other"}])
def test_somebody_elses_resource_is_left_alone(
    server: ApiServer, api: Api, labels: dict[str, str] | None
) -> None:
    """A resource of the name without our label is not ours."""
    prepare(server, metadata={"labels": labels})
    with pytest.raises(StartError, match="is somebody else's: it has no label"):
        check_cluster(api)


@pytest.mark.parametrize(
    "versions",
    [[{"name": "v1", "served": True}], [{"name": "v1alpha1", "served": False}, {"name": "v1alpha1"}]],
)
def test_an_old_resource_is_told(server: ApiServer, api: Api, versions: list[dict[str, Any]]) -> None:
    """A resource that does not serve what the operator reads has to be applied anew."""
    prepare(server, spec={"versions": versions})
    with pytest.raises(StartError, match="does not serve v1alpha1"):
        check_cluster(api)


def test_a_cluster_that_cannot_be_examined_is_told(server: ApiServer, api: Api) -> None:
    """No right to look is a StartError with the API server's words."""
    server.canned.append((403, b'{"message": "forbidden"}'))
    with pytest.raises(StartError, match="the cluster cannot be examined: forbidden"):
        check_cluster(api)
