"""What `kubectl explain` tells of the image API: of streams and images always, of the others by chance."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from localcluster.progress import silent
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import FacadeProcess

_STORED = {
    "is.spec.tags": ("KIND:       ImageStream", "importPolicy"),
    "images": ("KIND:       Image", "dockerImageLayers"),
}
_OURS = {
    "is.spec.tags": ("FIELD: tags <[]TagReference>", "importPolicy\t<TagImportPolicy>"),
    "istag": ("KIND:       ImageStreamTag", "tag\t<TagReference> -required-"),
    "itag.status": ("FIELD: status <NamedTagEventList>", "conditions\t<[]TagEventCondition>"),
    "images": ("KIND:       Image", "dockerImageLayers\t<[]ImageLayer>"),
    "imagestreamimages.image": ("KIND:       ImageStreamImage", "FIELD: image <Image>"),
}


def test_explain_knows_streams_and_images(facade: FacadeProcess, kubectl: Kubectl) -> None:
    """At v1 and by the short name, whoever serves v1."""
    assert facade.alive
    for path, expected in _STORED.items():
        printed = kubectl("explain", path, "--api-version=image.openshift.io/v1")
        assert [] == [text for text in expected if text not in printed], path


def test_explain_knows_every_kind_where_the_api_server_read_it(
    facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """An API server that starts while the image API is registered reads its descriptions, with their types.

    It has those of the custom resources too, and takes either by chance: so it may take more than one try.
    """
    assert facade.alive
    cluster.stop("kube-apiserver")
    cluster.start("kube-apiserver", silent)

    def explained(path: str, expected: tuple[str, ...]) -> bool:
        printed = kubectl.run("explain", path).stdout
        return all(text in printed for text in expected)

    for path, expected in _OURS.items():
        eventually(functools.partial(explained, path, expected), within=60, what=f"explain {path}")
