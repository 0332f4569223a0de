"""Image objects on a live cluster: what kubectl shows of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2e.reading import current
from localcluster import images as make
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess


def image(kubectl: Kubectl, digest: str) -> dict[str, Any]:
    """Get the Image of a digest, once it is there."""
    name = digest.replace(":", "-")
    eventually(lambda: kubectl.run("get", "image", name).returncode == 0, within=20, what=f"Image {name}")
    return kubectl.get("image", name)


def test_an_import_tells_what_is_in_the_image(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Config, architecture and layers with their sizes are in the Image, which two streams share."""
    assert operator.alive
    digest = publisher.push("images/app", "1", make.saying("what is in it"))
    source = f"{cluster.registry}/images/app"
    kubectl.apply(stream("one", tag("1", f"{source}:1")), stream("two", tag("x", f"{source}:1")))
    eventually(lambda: current(kubectl, "two", "x") == digest, within=20, what="the import")
    found = image(kubectl, digest)

    assert f"{source}@{digest}" == found["dockerImageReference"]
    metadata = found["dockerImageMetadata"]
    assert ("DockerImage", "amd64") == (metadata["kind"], metadata["Architecture"])
    assert metadata["Config"]["Cmd"] or metadata["Config"]["Entrypoint"]
    assert metadata["Size"] > sum(layer["size"] for layer in found["dockerImageLayers"]) > 0
    assert {"app.kubernetes.io/managed-by": "imagestreams"} == found["metadata"]["labels"]


def test_an_index_that_is_kept_lists_its_images(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """PreserveOriginal: the Image is the index's and names the image of each platform."""
    assert operator.alive
    platforms = [make.Platform(name) for name in ("amd64", "arm64")]
    children = [make.image({"f": make.File(b"x")}, platform=platform) for platform in platforms]
    digest = publisher.push("images/multi", "1", make.index(children))
    kubectl.apply(stream("multi", tag("1", f"{cluster.registry}/images/multi:1", mode="PreserveOriginal")))
    eventually(lambda: current(kubectl, "multi", "1") == digest, within=20, what="the import")

    listed = image(kubectl, digest)["dockerImageManifests"]
    assert [("linux", "amd64"), ("linux", "arm64")] == [(each["os"], each["architecture"]) for each in listed]
