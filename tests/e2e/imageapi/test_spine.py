"""The image API in front of a real cluster: what is stored in the CRD is read and written as `oc` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localcluster import images
from support.manifests import stream, tag

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import FacadeProcess, OperatorProcess

REPLACED = {"op": "replace", "path": "/spec/tags/0/from/name", "value": "r.example/a:2"}
"""Of the first tag that readers see: they see them by name."""


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


def test_streams_are_written_in_every_way_and_watched(facade: FacadeProcess, kubectl: Kubectl) -> None:
    """Merge, JSON and server-side apply patches, replace, a watch that ends, deletion: as of any resource."""
    assert facade.alive
    kubectl.apply(stream("written", tag("b", "r.example/b:1"), tag("a", "r.example/a:1")))
    kubectl("patch", "is/written", "--type=json", "-p", json.dumps([REPLACED]))
    kubectl("patch", "is/written", "--type=merge", "-p", '{"metadata": {"labels": {"tier": "front"}}}')
    applied = {**stream("written"), "spec": {"lookupPolicy": {"local": True}}}
    kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=applied)
    shown = kubectl.get("is/written")
    kubectl("replace", "-f", "-", stdin=shown)

    stored = kubectl.get("imagestreams.v1alpha1.image.openshift.io/written")
    assert ["b", "a"] == [each["name"] for each in stored["spec"]["tags"]]
    assert "r.example/a:2" == stored["spec"]["tags"][1]["from"]["name"]
    computed = {"generation", "annotations", "referencePolicy"}
    assert [set()] * 2 == [computed & set(each) for each in stored["spec"]["tags"]]
    assert stored["spec"]["lookupPolicy"] == {"local": True}
    assert {"tier": "front"} == stored["metadata"]["labels"]
    assert shown["metadata"]["generation"] == stored["metadata"]["generation"]
    watched = kubectl("get", "is", "--watch", "--request-timeout=3s", "-o", "name")
    assert "imagestream.image.openshift.io/written" in watched.splitlines()
    kubectl("delete", "is/written", "--timeout=10s")


def test_tags_are_set_moved_and_deleted_as_by_oc(facade: FacadeProcess, kubectl: Kubectl) -> None:
    """A PUT of an imagestreamtag makes the stream, a patch its annotations, DELETE takes both halves away."""
    assert facade.alive
    tagged = {
        "kind": "ImageStreamTag",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"name": "made:1"},
        "tag": {"name": "1", "from": {"kind": "DockerImage", "name": "r.example/made:1"}, "reference": True},
    }
    kubectl("create", "-f", "-", stdin=tagged)
    told = {"spec": {"annotations": {"description": "told"}}}
    kubectl("patch", "imagetag/made:1", "--type=merge", "-p", json.dumps(told))
    assert {"description": "told"} == kubectl.get("is/made")["spec"]["tags"][0]["annotations"]
    refused = kubectl.run("create", "-f", "-", stdin=tagged)
    assert 'imagestreamtags.image.openshift.io "made:1" already exists' in refused.stderr.replace(
        "imagestreamtag.image", "imagestreamtags.image"
    )
    kubectl("delete", "imagetag/made:1", "--timeout=10s")
    assert "tags" not in kubectl.get("is/made")["spec"]
