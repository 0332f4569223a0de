"""The pull policy on real pods, with an image that is a digest: each policy does what its name says.

The node's events tell what the kubelet did; a manifest taken out of the registry shows who asks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.reading import images
from localcluster import images as builder
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess
    from support.manifests import Manifest

PRESENT = "already present on machine"
PULLED = "Successfully pulled image"


def test_always_asks_the_registry_for_each_pod(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Each new pod asks, though the node has the image; one whose image left the registry does not start."""
    assert operator.alive
    digest = _follow(cluster, kubectl, publisher, "Always")
    assert PULLED in _told(kubectl, _pod(kubectl))
    again = _replaced(kubectl)
    eventually(lambda: PULLED in _told(kubectl, again), within=30, what="a pull by the second pod")

    publisher.delete("policy/always", digest)
    third = _replaced(kubectl)
    eventually(lambda: "not found" in _told(kubectl, third), within=60, what="a pull that fails")


def test_if_not_present_asks_once_a_digest(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """A second pod asks nobody, even if the image left the registry; the next digest is pulled."""
    assert operator.alive
    digest = _follow(cluster, kubectl, publisher, "IfNotPresent")
    assert PULLED in _told(kubectl, _pod(kubectl))
    publisher.delete("policy/ifnotpresent", digest)
    again = _replaced(kubectl)
    eventually(lambda: PRESENT in _told(kubectl, again), within=30, what="the second pod without a pull")
    assert PULLED not in _told(kubectl, again)

    publisher.push("policy/ifnotpresent", "1", builder.saying("second of ifnotpresent"))
    eventually(
        lambda: "second of ifnotpresent" in kubectl.run("logs", "deployment/web").stdout,
        within=60,
        what="the second image, pulled",
    )
    eventually(lambda: PULLED in _told(kubectl, _pod(kubectl)), within=30, what="a pull of the second image")


def test_never_runs_only_what_the_node_has(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """An image that the node lacks does not start, and the old pod runs on; one that it has does."""
    assert operator.alive
    first = publisher.push("policy/never", "1", builder.saying("first of never"))
    second = builder.saying("second of never")
    _bring_to_the_node(kubectl, f"{cluster.registry}/policy/never@{first}")
    kubectl.apply(_deployment("Never"), _stream(cluster, "never"))
    eventually(
        lambda: "first of never" in kubectl.run("logs", "deployment/web").stdout,
        within=60,
        what="the first image",
    )
    assert PULLED not in _told(kubectl, _pod(kubectl))
    running = _pod(kubectl)

    publisher.push("policy/never", "1", second)
    pinned = f"{cluster.registry}/policy/never@{second.digest}"
    eventually(lambda: images(kubectl, "web") == [pinned], within=20, what="the second image in the template")
    eventually(
        lambda: "ErrImageNeverPull" in kubectl("get", "pods", "-o", "yaml"),
        within=30,
        what="a pod that waits",
    )
    assert running in kubectl("get", "pods", "--field-selector=status.phase=Running", "-o", "name")
    _bring_to_the_node(kubectl, pinned)
    eventually(
        lambda: "second of never" in kubectl.run("logs", "deployment/web").stdout,
        within=60,
        what="the second image, once the node has it",
    )


def _follow(cluster: Cluster, kubectl: Kubectl, publisher: Publisher, policy: str) -> str:
    name = policy.lower()
    digest = publisher.push(f"policy/{name}", "1", builder.saying(f"first of {name}"))
    kubectl.apply(_deployment(policy), _stream(cluster, name))
    eventually(
        lambda: f"first of {name}" in kubectl.run("logs", "deployment/web").stdout,
        within=60,
        what="the first image",
    )
    return digest


def _deployment(policy: str) -> Manifest:
    written = deployment("web", {"web": "app:1"})
    written["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = policy
    return written


def _stream(cluster: Cluster, name: str) -> Manifest:
    return stream("app", tag("1", f"{cluster.registry}/policy/{name}:1", scheduled=True), interval="5s")


def _bring_to_the_node(kubectl: Kubectl, image: str) -> None:
    """Have the node pull an image, by a pod of its own."""
    kubectl("delete", "pod", "puller", "--ignore-not-found", "--grace-period=0", "--force")
    kubectl("run", "puller", f"--image={image}", "--image-pull-policy=IfNotPresent")
    kubectl("wait", "--for=condition=Ready", "pod/puller", "--timeout=60s")
    kubectl("delete", "pod", "puller", "--grace-period=0", "--force")


def _pod(kubectl: Kubectl) -> str:
    """Name the Deployment's pod, the newest if there are more."""
    found = kubectl(
        "get", "pods", "-l", "app=web", "--sort-by=.metadata.creationTimestamp", "-o", "name"
    ).split()
    return found[-1].removeprefix("pod/")


def _replaced(kubectl: Kubectl) -> str:
    """Delete the pod, and name the one that comes in its place."""
    gone = _pod(kubectl)
    kubectl("delete", "pod", gone, "--grace-period=0", "--force")
    return eventually(
        lambda: name if (name := _pod(kubectl)) != gone else "", within=30, what="a pod in its place"
    )


def _told(kubectl: Kubectl, pod: str) -> str:
    """Give what the node told of a pod."""
    found = kubectl.get("events", f"--field-selector=involvedObject.name={pod}")["items"]
    return "\n".join(event["message"] for event in found)
