"""The whole path: a pushed image reaches running pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcluster import images
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess


def test_a_pushed_image_reaches_running_pods(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """A tag that moves in the registry makes the pods of a Deployment that follows it run the new image."""
    assert operator.alive
    first = publisher.push("spine/app", "latest", images.saying("the first"))
    kubectl.apply(
        stream("app", tag("latest", f"{cluster.registry}/spine/app:latest", scheduled=True), interval="5s"),
        deployment("web", {"web": "app:latest"}),
    )
    kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
    assert first == current(kubectl, "app", "latest")["image"]
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    eventually(lambda: "the first" in kubectl("logs", "deployment/web"), within=20, what="the first log")

    second = publisher.push("spine/app", "latest", images.saying("the second"))
    eventually(
        lambda: current(kubectl, "app", "latest")["image"] == second,
        within=10,
        what="the new digest in status",
    )
    eventually(lambda: "the second" in kubectl("logs", "deployment/web"), within=60, what="the second log")
    image = kubectl.get("deployment/web")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert f"{cluster.registry}/spine/app@{second}" == image


def current(kubectl: Kubectl, name: str, tag_name: str) -> dict[str, Any]:
    """Give the current item of a tag, empty if there is none yet."""
    tags = kubectl.get("is", name).get("status", {}).get("tags", [])
    items = next((item["items"] for item in tags if item["tag"] == tag_name), None)
    return items[0] if items else {"image": ""}
