"""The image API through kubectl: what people do with streams, tags and images works with it too."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from e2e.imageapi.test_availability import V1
from e2e.reading import current
from e2e.test_outage import outage
from localcluster import images as contents
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import FacadeProcess, OperatorProcess


@pytest.fixture
def shop(
    operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> str:
    """A stream `app` with the tag 1, imported; gives the digest."""
    assert operator.alive
    assert facade.alive
    space = kubectl.namespace
    digest = publisher.push(f"{space}/app", "1", contents.image({"f": contents.File(space.encode())}))
    publisher.push(f"{space}/app", "2", contents.image({"f": contents.File(f"{space} 2".encode())}))
    kubectl.apply(stream("app", tag("1", f"{cluster.registry}/{space}/app:1")))
    eventually(lambda: current(kubectl, "app", "1"), within=20, what="the image")
    return digest


def test_tables_are_those_of_the_original(shop: str, cluster: Cluster, kubectl: Kubectl) -> None:
    """`get` and `get -o wide` print the original's columns for all that can be listed."""
    reference = f"{cluster.registry}/{kubectl.namespace}/app@{shop}"
    heads = {
        "is": ["NAME", "IMAGE REPOSITORY", "TAGS", "UPDATED"],
        "istag": ["NAME", "IMAGE REFERENCE", "UPDATED", "IMAGE NAME"],
        "itag": ["NAME", "SPEC", "STATUS", "HISTORY", "UPDATED"],
    }
    for resource, expected in heads.items():
        head, row = kubectl("get", resource, "-o", "wide").splitlines()
        assert expected == [word.strip() for word in head.split("  ") if word.strip()], resource
        assert row.split()[0] == ("app" if resource == "is" else "app:1")
    assert reference in kubectl("get", "istag", "app:1")
    assert f"image/{shop}" in kubectl("get", "itag", "app:1")
    # The operator makes Images in its own time.
    eventually(lambda: shop in kubectl("get", "images"), within=10, what="the Image")
    assert kubectl("get", f"isimage/app@{shop[:20]}").splitlines()[1].startswith(f"app@{shop[:20]}")
    assert "imagestream.image.openshift.io/app" in kubectl("get", "all")


def test_describe_and_wait_work_for_all_of_them(shop: str, kubectl: Kubectl) -> None:
    """Generic describing and waiting find what they look for."""
    for what in ("is/app", "istag/app:1", "itag/app:1", f"image/{shop}", f"isimage/app@{shop}"):
        assert shop in kubectl("describe", what), what
    kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
    kubectl("wait", "--for=jsonpath={.image.metadata.name}=" + shop, "istag/app:1", "--timeout=20s")


EXPLAINED = {
    "is": "ImageStream",
    "is.spec.tags.from": "kind",
    "istag": "ImageStreamTag",
    "istag.tag.importPolicy": "scheduled",
    "istag.image.dockerImageLayers": "mediaType",
    "itag": "ImageTag",
    "itag.status.items": "dockerImageReference",
    "isimage.image": "dockerImageMetadata",
    "image.signatures": "content",
    "imagesignature": "issuedBy",
    "imagestreamimport.spec.images": "includeManifest",
    "imagestreammapping": "tag",
}


@pytest.mark.usefixtures("facade")
def test_all_of_them_are_explained(kubectl: Kubectl) -> None:
    """`explain` has the fields of every kind and their texts, whether it is stored or made up."""
    assert {} == unexplained(kubectl)


@pytest.mark.usefixtures("facade")
def test_they_are_explained_by_an_api_server_that_has_two_descriptions(
    cluster: Cluster, kubectl: Kubectl
) -> None:
    """One that starts reads the image API's, too, and gives either by chance: both have all."""
    with outage(cluster):
        pass
    eventually(
        lambda: f"{V1.removeprefix('/')}/whole" in kubectl("get", "--raw", "/openapi/v3"),
        within=90,
        what="the description of the image API beside the custom resources'",
    )
    for _ in range(4):
        assert {} == unexplained(kubectl)


def unexplained(kubectl: Kubectl) -> dict[str, str]:
    """Explain everything; give what lacks its text."""
    said = {what: kubectl("explain", what) for what in EXPLAINED}
    return {what: text for what, text in said.items() if EXPLAINED[what] not in text}


def test_a_stream_is_applied_edited_and_deleted(shop: str, cluster: Cluster, kubectl: Kubectl) -> None:
    """Apply on either side, each kind of patch, annotate, label and delete do what they say."""
    del shop
    space = kubectl.namespace
    both = stream(
        "app", tag("1", f"{cluster.registry}/{space}/app:1"), tag("2", f"{cluster.registry}/{space}/app:2")
    )
    kubectl.apply(both)
    eventually(lambda: current(kubectl, "app", "2"), within=20, what="the second tag")
    before = kubectl.get("is", "app")["spec"]
    kubectl.apply(both)
    assert before == kubectl.get("is", "app")["spec"]
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=both)
    for kind, patch in (
        ("strategic", {"spec": {"tags": [{"name": "2", "annotations": {"a": "strategic"}}]}}),
        ("merge", {"metadata": {"annotations": {"a": "merge"}}}),
        ("json", [{"op": "add", "path": "/spec/lookupPolicy/local", "value": True}]),
    ):
        kubectl("patch", "is/app", f"--type={kind}", "-p", json.dumps(patch))
    kubectl("label", "is/app", "a=label")
    found = kubectl.get("is", "app")
    tags = {each["name"]: each for each in found["spec"]["tags"]}
    assert {"1", "2"} == tags.keys()
    assert {"a": "strategic"} == tags["2"]["annotations"]
    assert f"{cluster.registry}/{space}/app:2" == tags["2"]["from"]["name"]
    assert ("merge", "label") == (found["metadata"]["annotations"]["a"], found["metadata"]["labels"]["a"])
    assert found["spec"]["lookupPolicy"]["local"]
    kubectl("delete", "is", "app", "--timeout=20s")
    assert "NotFound" in kubectl.run("get", "is", "app").stderr


def test_a_tag_is_applied_annotated_and_deleted(shop: str, cluster: Cluster, kubectl: Kubectl) -> None:
    """The virtual objects take the same commands; what was not named stays, and a deleted tag is gone."""
    del shop
    space = kubectl.namespace
    made = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamTag",
        "metadata": {"name": "app:2"},
        "tag": tag("2", f"{cluster.registry}/{space}/app:2"),
    }
    kubectl("create", "-f", "-", stdin=made)
    eventually(lambda: current(kubectl, "app", "2"), within=20, what="the second tag")
    assert "AlreadyExists" in kubectl.run("create", "-f", "-", stdin=made).stderr
    kubectl("annotate", "istag/app:2", "a=b")
    assert "b" == kubectl.get("istag", "app:2")["tag"]["annotations"]["a"]
    kubectl(
        "patch",
        "itag/app:2",
        "--type=merge",
        "-p",
        json.dumps({"spec": {"importPolicy": {"scheduled": True}}}),
    )
    policy = kubectl.get("is", "app")["spec"]["tags"][1]["importPolicy"]
    assert (True, True) == (policy["scheduled"], policy["insecure"])
    kubectl("delete", "istag/app:2", "--timeout=20s")
    assert ["1"] == [each["name"] for each in kubectl.get("is", "app")["spec"]["tags"]]
    assert ["1"] == [each["tag"] for each in kubectl.get("is", "app")["status"]["tags"]]
    kubectl("delete", "itag/app:1", "--timeout=20s")
    assert not kubectl.get("is", "app")["spec"].get("tags")


def test_get_and_replace_leave_the_stored_spec_as_it_is(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """What was computed for the reader does not come back into what is stored, and tags keep their order."""
    assert operator.alive
    assert facade.alive
    made = stream("app", tag("b", "registry.example/a:1", insecure=False), tag("a", "registry.example/b:1"))
    kubectl.apply(made)
    path = f"/apis/image.openshift.io/v1alpha1/namespaces/{kubectl.namespace}/imagestreams/app"
    before = json.loads(kubectl("get", "--raw", path))["spec"]
    kubectl("replace", "-f", "-", stdin=kubectl("get", "is", "app", "-o", "yaml"))
    assert json.dumps(before) == json.dumps(json.loads(kubectl("get", "--raw", path))["spec"])


def test_a_watch_shows_what_happens(shop: str, cluster: Cluster, kubectl: Kubectl) -> None:
    """`get -w` prints a line as the stream gets its tag."""
    del shop
    command = [str(cluster.kubectl), f"--kubeconfig={cluster.kubeconfig}", "-n", kubectl.namespace]
    with subprocess.Popen([*command, "get", "is", "-w"], stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        assert watch.stdout.readline().startswith("NAME")
        assert "1" == watch.stdout.readline().split()[1]
        kubectl.apply(
            stream(
                "app",
                tag("1", f"{cluster.registry}/{kubectl.namespace}/app:1"),
                tag("2", f"{cluster.registry}/{kubectl.namespace}/app:2"),
            )
        )
        shown = ""
        while "2,1" not in shown and "1,2" not in shown:
            shown = watch.stdout.readline()
            assert shown, "the watch ended"
        watch.kill()
