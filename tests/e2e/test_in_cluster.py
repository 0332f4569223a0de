"""The operator as a pod: what `deploy/base` ships is admitted, starts, is locked down, works, is replaced."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from conftest import Kubectl
from e2e.reading import history
from localcluster import images
from localcluster.state import PROJECT
from localrun import NAMESPACE, install, remove_webhook
from operatorimage import prepare
from support import secrecy
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcluster import Cluster, Publisher

BASE = PROJECT / "deploy" / "base"
IMAGE_API = PROJECT / "deploy" / "overlays" / "openshift-api"
OPERATOR = "deployment/imagestreams-operator"
# What the operator's own process may do, told by the Python of its image inside its container.
WHO_AM_I = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
refused = 0
try:
    open("/usr/written", "w")
except OSError as error:
    refused = error.errno
with open("/tmp/written", "w") as scratch:
    scratch.write("is allowed")
print(json.dumps({
    "command": open("/proc/1/cmdline").read().split("\\0")[1:3],
    "user": status["Uid"].split()[0],
    "group": status["Gid"].split()[0],
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(),
    "writing_refused": os.strerror(refused),
}))
"""


@pytest.fixture(scope="module")
def overlay(cluster: Cluster) -> Path:
    """The folder to apply: the shipped base, for this cluster, with the image of this tree pushed to it."""
    if cluster.nodes != "real" and not os.environ.get("CI"):
        pytest.skip(f"this cluster's nodes run no containers of ours ({cluster.nodes})")
    return prepare(cluster, print)


@pytest.fixture(scope="module")
def system(cluster: Cluster, overlay: Path, operator_aside: None) -> Iterator[Kubectl]:
    """Kubectl in the operator's namespace, where the operator runs as a pod and nowhere else."""
    del operator_aside
    kubectl = Kubectl(cluster, NAMESPACE)
    kubectl("apply", "-k", str(overlay))
    try:
        rolled_out(kubectl)
        yield kubectl
    finally:
        secrecy.hear("log of the pod", kubectl.run("logs", OPERATOR).stdout)
        kubectl("delete", OPERATOR, "--cascade=foreground", "--timeout=60s")
        remove_webhook(cluster.kubectl, cluster.kubeconfig)
        # The overlay relaxed a label of the namespace.
        install(cluster.kubectl, cluster.kubeconfig)


@pytest.mark.parametrize("folder", [BASE, IMAGE_API], ids=["base", "openshift-api"])
@pytest.mark.parametrize("how", [(), ("--server-side", "--force-conflicts")], ids=["client", "server"])
def test_what_is_shipped_can_be_applied_either_way(
    cluster: Cluster, folder: Path, how: tuple[str, ...]
) -> None:
    """The API server accepts `kubectl apply -k` of both folders, with --server-side and without."""
    applied = Kubectl(cluster)("apply", "-k", str(folder), "--dry-run=server", *how).splitlines()

    made = [each for each in yaml.safe_load_all(Kubectl(cluster)("kustomize", str(folder))) if each]
    assert len(made) == len(applied)


def test_a_restricted_namespace_admits_the_shipped_pod(cluster: Cluster) -> None:
    """Pod security lets the pod in as it is shipped, and would not with the network of the machine."""
    kubectl = Kubectl(cluster, NAMESPACE)
    template = rendered(cluster, BASE)["Deployment/imagestreams-operator"]["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"]["name"] = "shipped"

    kubectl("create", "--dry-run=server", "-f", "-", stdin=pod)
    pod["spec"]["hostNetwork"] = True
    refused = kubectl.run("create", "--dry-run=server", "-f", "-", stdin=pod)

    assert 'violates PodSecurity "restricted' in refused.stderr


def test_only_image_and_network_differ_from_what_is_shipped(cluster: Cluster, overlay: Path) -> None:
    """What the following tests run is what deploy/base ships, but for where image and API server are."""
    shipped, used = (leaves(rendered(cluster, folder)) for folder in (BASE, overlay))
    pod = "/Deployment/imagestreams-operator/spec/template/spec"

    assert {
        "/Namespace/imagestreams-system/metadata/labels/pod-security.kubernetes.io/enforce",
        f"{pod}/hostNetwork",
        f"{pod}/containers/0/image",
        f"{pod}/containers/0/ports/0/containerPort",
        f"{pod}/containers/0/ports/1/containerPort",
        f"{pod}/containers/0/env/1/value",
        *(
            f"{pod}/containers/0/env/{number}/{field}"
            for number in range(2, 5)
            for field in ("name", "value")
        ),
        "/Service/imagestreams-webhook/spec/type",
        "/Service/imagestreams-webhook/spec/externalName",
        *(
            f"/MutatingWebhookConfiguration/imagestreams/webhooks/{number}/clientConfig/service/port"
            for number in range(3)
        ),
    } == {path for path in shipped | used if shipped.get(path) != used.get(path)}


def test_the_operator_is_locked_down(system: Kubectl) -> None:
    """It is not root, has no capability and gains none, its calls are filtered, its root is read-only."""
    seen = json.loads(system("exec", OPERATOR, "--", "python3", "-c", WHO_AM_I))

    assert {
        "command": ["/usr/local/bin/imagestreams", "run"],
        "user": "65532",
        "group": "65532",
        "capabilities": 0,
        "no_new_privileges": "1",
        "seccomp": "2",
        "writing_refused": "Read-only file system",
    } == seen


def test_pods_follow_a_tag_and_a_new_operator_takes_over(
    system: Kubectl, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Pods roll when a tag moves, also after the operator's pod was deleted; the history has no gap."""
    repository = f"{cluster.registry}/{kubectl.namespace}/app"
    digests = [push(publisher, kubectl, "the first")]
    kubectl.apply(
        stream("app", tag("latest", f"{repository}:latest", scheduled=True), interval="5s"),
        deployment("web", {"web": "app:latest"}),
    )
    runs(kubectl, "the first")
    digests.insert(0, push(publisher, kubectl, "the second"))
    runs(kubectl, "the second")
    said = system("logs", OPERATOR)
    secrecy.hear("log of the first pod", said)
    assert f"{kubectl.namespace}/app" in said

    before = operator_pod(system)
    # A process that does not hear SIGTERM would have the 15 s of its grace.
    system("delete", f"pod/{before['metadata']['name']}", "--timeout=10s")
    digests.insert(0, push(publisher, kubectl, "the third"))
    rolled_out(system)
    runs(kubectl, "the third")

    after = operator_pod(system)
    assert before["metadata"]["name"] != after["metadata"]["name"]
    assert [0, 0] == [pod["status"]["containerStatuses"][0]["restartCount"] for pod in (before, after)]
    assert digests == history(kubectl, "app", "latest")


def test_settings_are_read_from_their_configmap(system: Kubectl) -> None:
    """What is in `imagestreams-settings` holds for the operator from its next start on."""
    system("create", "configmap", "imagestreams-settings", "--from-literal=IMAGESTREAMS_KEEP=20")
    try:
        system("delete", f"pod/{operator_pod(system)['metadata']['name']}", "--timeout=10s")
        rolled_out(system)
        told = "import os, imagestreams.settings as s; print(s.read_settings(os.environ).keep)"
        assert "20" == system("exec", OPERATOR, "--", "python3", "-c", told).strip()
    finally:
        system("delete", "configmap", "imagestreams-settings")


def test_the_api_server_asks_the_webhook_by_its_service(
    system: Kubectl, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """The name of a local stream becomes its image: the certificate is trusted under the Service's name."""
    repository = f"{kubectl.namespace}/looked"
    digest = publisher.push(repository, "1", images.saying("looked up"))
    looked = stream("looked", tag("1", f"{cluster.registry}/{repository}:1"))
    looked["spec"]["lookupPolicy"] = {"local": True}
    kubectl.apply(looked)
    kubectl("wait", "--for=condition=Ready", "is/looked", "--timeout=20s")

    made = kubectl("run", "pod", "--image=looked:1", "--dry-run=server", "-o", "json")

    assert f"{cluster.registry}/{repository}@{digest}" == json.loads(made)["spec"]["containers"][0]["image"]
    assert "the API server trusts our admission webhook now" in system("logs", OPERATOR)


def push(publisher: Publisher, kubectl: Kubectl, text: str) -> str:
    """Push an image that logs a text under the one tag of these tests; gives its digest."""
    return publisher.push(f"{kubectl.namespace}/app", "latest", images.saying(text))


def runs(kubectl: Kubectl, text: str) -> None:
    """Wait until the Deployment's pods are those of the image that logs the text."""
    eventually(
        lambda: text in kubectl.run("logs", "deployment/web").stdout, within=40, what=f"{text!r} in a log"
    )
    kubectl("rollout", "status", "deployment/web", "--timeout=40s")


def rolled_out(system: Kubectl) -> None:
    """Wait until the operator's pod is ready, by its own probes."""
    done = system.run("rollout", "status", OPERATOR, "--timeout=60s")
    said = "" if done.returncode == 0 else system.run("logs", OPERATOR, "--tail=20").stdout
    assert done.returncode == 0, f"{done.stderr}{said}"


def operator_pod(system: Kubectl) -> dict[str, Any]:
    """Give the one pod of the operator."""
    (pod,) = system.get("pods", "-l", "app.kubernetes.io/component=operator")["items"]
    return dict(pod)


def rendered(cluster: Cluster, folder: Path) -> dict[str, dict[str, Any]]:
    """Give what a kustomization comes to, by KIND/NAME."""
    found = yaml.safe_load_all(Kubectl(cluster)("kustomize", str(folder)))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Give everything in a nested value that is no list and no object, by its path."""
    if not isinstance(value, dict | list):
        return {path: value}
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    return {leaf: found for key, part in parts for leaf, found in leaves(part, f"{path}/{key}").items()}
