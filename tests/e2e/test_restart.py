"""The operator ends at any moment, by force or asked to, and goes on where it was."""

from __future__ import annotations

import itertools
import time
from random import Random
from typing import TYPE_CHECKING, Any

from e2e import audit
from e2e.reading import current, history, images, running
from localcluster import images as builder
from localrun import ACCOUNT, NAMESPACE
from support.faults import FaultRegistry, Hang
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess

SEED = 3
ROUNDS = 6
TAGS = ("a", "b", "c")
OPERATOR_USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


def test_killed_at_any_moment_it_converges(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """Killed over and over while tags move, it leaves histories that are true, and runs the last image."""
    random = Random(SEED)
    pushed: dict[str, list[str]] = {name: [] for name in TAGS}
    seen: dict[str, list[str]] = {name: [] for name in TAGS}
    with FaultRegistry() as registry:
        for name in TAGS:
            _push(registry, name, "the first", pushed)
        kubectl.apply(
            stream(
                "app",
                *(tag(name, f"{registry.host}/{name}:1", scheduled=True) for name in TAGS),
                interval="5s",
            ),
            deployment("web", {name: f"app:{name}" for name in TAGS}),
        )
        kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
        for name in TAGS:
            seen[name] += pushed[name]

        for number in range(ROUNDS):
            name = random.choice(TAGS)
            registry.reset()
            _push(registry, name, f"move {number}", pushed)
            for moment in random.sample([_starting, _asking, _whenever], 2):
                moment(operator, registry, name, random)
                operator.kill()
                operator.start(wait=False)
            if number % 2:
                _see(kubectl, name, pushed)
                seen[name].append(pushed[name][-1])

        for name in TAGS:
            _see(kubectl, name, pushed)
            found = list(reversed(history(kubectl, "app", name)))
            assert all(one != other for one, other in itertools.pairwise(found)), (
                f"{name}: a repeat in {found}"
            )
            assert found == [digest for digest in pushed[name] if digest in found], f"{name}: not as pushed"
            gaps = [digest for digest in seen[name] if digest not in found]
            assert gaps == [], f"{name}: its history lacks what it was seen to be"
        last = [f"{registry.host}/{name}@{pushed[name][-1]}" for name in TAGS]
        eventually(
            lambda: images(kubectl, "web") == last, within=10, what="the last images in the Deployment"
        )
        kubectl("rollout", "status", "deployment/web", "--timeout=60s")
        ids = eventually(lambda: running(kubectl, "web"), within=30, what="one pod, of the last images")
        assert ids == {pushed[name][-1] for name in TAGS}


def test_killed_between_status_and_patch_it_patches(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """Killed when the status has the new image but the Deployment has not, it patches after its start."""
    with FaultRegistry() as registry:
        first = registry.put_image("app", "1", "first")
        kubectl.apply(
            stream("app", tag("1", f"{registry.host}/app:1", scheduled=True), interval="5s"),
            deployment("web", {"web": "app:1"}, replicas=0),
        )
        pinned = f"{registry.host}/app@{first}"
        eventually(
            lambda: images(kubectl, "web") == [pinned], within=20, what="the first image in the Deployment"
        )
        policy = _no_patches(kubectl.namespace)
        kubectl.apply(*policy)
        try:
            eventually(lambda: not _may_patch(kubectl), within=20, what="the policy in force")
            second = registry.put_image("app", "1", "second")
            eventually(
                lambda: current(kubectl, "app", "1") == second, within=15, what="the second image in status"
            )
            operator.kill()
            assert images(kubectl, "web") == [pinned]
        finally:
            for manifest in policy:
                kubectl("delete", manifest["kind"], manifest["metadata"]["name"])
        eventually(lambda: _may_patch(kubectl), within=20, what="the policy gone")
        operator.start()
        expected = f"{registry.host}/app@{second}"
        eventually(lambda: images(kubectl, "web") == [expected], within=10, what="the Deployment patched")
        assert history(kubectl, "app", "1") == [second, first]


def test_started_anew_it_fetches_and_writes_nothing(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """After a restart each tag costs its HEAD alone, be it an image or one of an index; no status changes.

    Nor does that of a stream that follows another, whichever is seen first.
    """
    with FaultRegistry() as registry:
        # An earlier run has left Images on a cluster that was kept: what is in those is not fetched.
        registry.put_image("single", "1", f"single in {kubectl.namespace}")
        registry.put_index("indexed", "1", content=f"indexed in {kubectl.namespace}")
        names = ("single", "indexed")
        tags = [tag(name, f"{registry.host}/{name}:1", scheduled=True) for name in names]
        following = {"name": "1", "from": {"kind": "ImageStreamTag", "name": "app:indexed"}}
        kubectl.apply(stream("app", *tags, interval="5s"), stream("a-follower", following))
        for name in ("app", "a-follower"):
            kubectl("wait", "--for=condition=Ready", f"is/{name}", "--timeout=20s")
        # What is in the images is fetched behind the import.
        eventually(
            lambda: all(registry.count("blob", name) for name in names), within=10, what="the configs fetched"
        )
        operator.kill()
        registry.reset()
        began = audit.now()
        operator.start()
        eventually(
            lambda: all(registry.count("manifest-head", name) >= 2 for name in names),
            within=30,
            what="two rounds after the restart",
        )
        assert [0, 0] == [registry.count("manifest-get", name) for name in names]
        written = [asked.path for asked in audit.writes_since(cluster, began)]
        assert [] == [path for path in written if f"/{kubectl.namespace}/" in path]


def test_asked_to_end_it_ends(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """SIGTERM ends it with 0 in under 5 s, though it waits for a registry that never answers."""
    with FaultRegistry() as registry:
        registry.fail(Hang())
        names = [f"app-{number}" for number in range(20)]
        kubectl.apply(stream("hanging", *(tag(name, f"{registry.host}/{name}:1") for name in names)))
        eventually(lambda: registry.count("manifest-head") >= 4, within=20, what="requests without an answer")
        code, seconds = operator.terminate()
    assert code == 0
    assert seconds < 5


def _starting(_operator: OperatorProcess, _registry: FaultRegistry, _name: str, random: Random) -> None:
    """Be within the start-up."""
    time.sleep(random.uniform(0, 1))  # a random moment is what the test is about


def _asking(_operator: OperatorProcess, registry: FaultRegistry, name: str, random: Random) -> None:
    """Be within the tenths of a second in which the answer of the registry is written."""
    asked = registry.count("manifest-head", name)
    eventually(
        lambda: registry.count("manifest-head", name) > asked, within=20, every=0.01, what="the tag asked for"
    )
    time.sleep(random.uniform(0, 0.1))  # the same


def _whenever(_operator: OperatorProcess, _registry: FaultRegistry, _name: str, random: Random) -> None:
    """Be at any moment of a scheduled round."""
    time.sleep(random.uniform(0, 5))  # the same


def _push(registry: FaultRegistry, name: str, text: str, pushed: dict[str, list[str]]) -> None:
    manifest = builder.saying(f"{name}: {text}")
    for blob in manifest.blobs:
        registry.put_blob(name, blob)
    pushed[name].append(registry.put_manifest(name, "1", manifest.content, manifest.media_type))


def _see(kubectl: Kubectl, name: str, pushed: dict[str, list[str]]) -> None:
    eventually(
        lambda: current(kubectl, "app", name) == pushed[name][-1],
        within=20,
        what=f"the last image of tag {name}",
    )


def _no_patches(namespace: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write a policy by which the operator may not touch the Deployments of a namespace."""
    name = f"no-patches-{namespace}"
    kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": [
                {
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "operations": ["UPDATE"],
                    "resources": ["deployments"],
                }
            ],
        },
        "validations": [{"expression": f'request.userInfo.username != "{OPERATOR_USER}"'}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    return (
        {**kind, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
        {**kind, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": policy},
    )


def _may_patch(kubectl: Kubectl) -> bool:
    patch = '{"metadata":{"labels":{"asked":"again"}}}'
    arguments = ("patch", "deployment/web", "--dry-run=server", f"--as={OPERATOR_USER}", "-p", patch)
    return kubectl.run(*arguments).returncode == 0
