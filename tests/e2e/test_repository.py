"""Whole repositories: their tags appear in a stream, as far as its cap and filters let them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcluster import Publisher, images
from support.manifests import stream
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess


def followed(kubectl: Kubectl, name: str) -> dict[str, str]:
    """Give the condition RepositoryFollowed of a stream, empty while it has none."""
    conditions: list[dict[str, str]] = kubectl.get("is", name).get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == "RepositoryFollowed"), {})


def imported(kubectl: Kubectl, name: str) -> set[str]:
    """Name the tags of a stream that have an image."""
    return {item["tag"] for item in kubectl.get("is", name)["status"].get("tags", []) if item["items"]}


def test_a_repository_is_followed_as_far_as_its_stream_says(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Of 67 tags the newest 50 are imported, a new one appears, a filter holds, and spec stays as it was."""
    assert operator.alive
    image = images.image({"f": images.File(b"whole")})
    # Its own: what an earlier run pushed to a cluster that was kept is not to be found.
    name = f"{kubectl.namespace}/app"
    for number in range(67):
        publisher.push(name, f"1.{number}", image)
    manifest: dict[str, Any] = stream("whole")
    manifest["spec"] = {"dockerImageRepository": f"{cluster.registry}/{name}"}
    manifest["metadata"]["annotations"] = {
        "openshift.io/image.insecureRepository": "true",
        "imagestreams.dev/interval": "5s",
    }
    kubectl.apply(manifest)
    kubectl("wait", "--for=condition=Ready", "is/whole", "--timeout=60s")

    repository = f"{cluster.registry}/{name}"
    assert {f"1.{number}" for number in range(17, 67)} == imported(kubectl, "whole")
    assert (
        f"50 of 67 tags of {repository} are followed; left out: 1.16, 1.15, 1.14, 1.13, 1.12 and 12 more; "
        "raise imagestreams.dev/max-tags (now 50), or name them in spec.tags"
    ) == followed(kubectl, "whole")["message"]

    publisher.push(name, "1.67", image)
    eventually(lambda: "1.67" in imported(kubectl, "whole"), within=30, what="the new tag")
    assert {"dockerImageRepository": repository} == kubectl.get("is", "whole")["spec"]

    kubectl("annotate", "is", "whole", "imagestreams.dev/include-tags=1.6?", "imagestreams.dev/max-tags=5")
    message = (
        f"5 of 68 tags of {repository} are followed; 60 are excluded by imagestreams.dev/include-tags; "
        "left out: 1.62, 1.61, 1.60; raise imagestreams.dev/max-tags (now 5), or name them in spec.tags"
    )
    eventually(lambda: message == followed(kubectl, "whole")["message"], within=30, what="the filter")
