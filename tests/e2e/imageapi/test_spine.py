"""The image API in front of a real cluster: what is stored in the CRD is read and written as `oc` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcluster import images
from support.manifests import stream, tag

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import FacadeProcess, OperatorProcess


def test_a_stream_is_applied_imported_and_seen_as_on_openshift(
    operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Applied through v1; the operator imports; `get is`, `get istag` show the original's tables."""
    assert operator.alive
    assert facade.alive
    digest = publisher.push("facade/app", "v1", images.saying("one"))
    kubectl.apply(stream("app", tag("v1", f"{cluster.registry}/facade/app:v1")))
    kubectl("wait", "--for=condition=Ready", "--timeout=30s", "is/app")

    header, row = kubectl("get", "is").splitlines()
    assert ["NAME", "IMAGE", "REPOSITORY", "TAGS", "UPDATED"] == header.split()
    assert ["app", "v1"] == row.split()[:2]
    header, row = kubectl("get", "istag").splitlines()
    assert ["NAME", "IMAGE", "REFERENCE", "UPDATED"] == header.split()
    assert ["app:v1", f"{cluster.registry}/facade/app@{digest}"] == row.split()[:2]
    shown = kubectl.get("is/app")
    assert "image.openshift.io/v1" == shown["apiVersion"]
    assert shown["spec"]["tags"][0]["generation"] == shown["status"]["tags"][0]["items"][0]["generation"]
    assert digest == kubectl.get("istag/app:v1")["image"]["metadata"]["name"]
