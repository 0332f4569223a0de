"""Workloads that follow tags, on a live cluster: what is written, how fights end, and who may follow whom."""

from __future__ import annotations

import copy
import json
import secrets
import time
from typing import TYPE_CHECKING

import pytest

from conftest import Kubectl
from e2e import audit
from e2e.reading import current, events, failure, images
from localcluster import images as make
from support.faults import FaultRegistry
from support.manifests import deployment, stream, tag, trigger
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess

TRIGGERS = "image.openshift.io/triggers"
RESOLVED = "imagestreams.dev/resolved"


@pytest.fixture
def library(cluster: Cluster) -> Iterator[Kubectl]:
    """Another namespace, as `openshift` is on OpenShift."""
    name = f"library-{secrets.token_hex(4)}"
    Kubectl(cluster)("create", "namespace", name)
    yield Kubectl(cluster, name)
    Kubectl(cluster)("delete", "namespace", name, "--wait=false")


def patches(cluster: Cluster, kubectl: Kubectl, moment: str, name: str = "web") -> list[float]:
    """Give when the operator patched a Deployment, or tried to, since a moment."""
    path = f"/apis/apps/v1/namespaces/{kubectl.namespace}/deployments/{name}"
    return [
        asked.at
        for asked in audit.writes_since(cluster, moment)
        if asked.path.partition("?")[0].startswith(path)
    ]


def test_a_stream_of_another_namespace_is_followed_with_permission(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher, library: Kubectl
) -> None:
    """Without the right an Event tells the command that grants it; granted it moves, revoked no more."""
    assert operator.alive
    source = f"{cluster.registry}/{library.namespace}/httpd"
    first = publisher.push(f"{library.namespace}/httpd", "2.4", make.saying("httpd"))
    library.apply(stream("httpd", tag("2.4", f"{source}:2.4", scheduled=True), interval="5s"))
    entry = trigger("web", "httpd:2.4")
    entry["from"]["namespace"] = library.namespace
    web = deployment("web", {"web": "httpd:2.4"})
    web["metadata"]["annotations"][TRIGGERS] = json.dumps([entry])
    kubectl.apply(web)
    (message,) = eventually(lambda: events(kubectl, "web", "TriggerForbidden"), within=20, what="the Event")
    assert [" "] == images(kubectl, "web")

    Kubectl(cluster)(*message.partition("runs: kubectl ")[2].split())
    eventually(lambda: images(kubectl, "web") == [f"{source}@{first}"], within=60, what="the image")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    notes = kubectl.get("deployment/web")["metadata"]["annotations"]
    assert f"web={library.namespace}/httpd:2.4@{first}" == notes[RESOLVED]

    Kubectl(cluster)("delete", "rolebinding", f"pull-from-{kubectl.namespace}", "-n", library.namespace)
    library.apply(deployment("witness", {"web": "httpd:2.4"}, replicas=0))
    # A tag needs the same right, and its condition shows when the operator knows that it is gone.
    base = {"kind": "ImageStreamTag", "name": "httpd:2.4", "namespace": library.namespace}
    kubectl.apply(stream("probe", {"name": "base", "from": base}))
    eventually(
        lambda: failure(kubectl, "probe", "base").get("reason") == "Forbidden", within=60, what="Forbidden"
    )
    second = publisher.push(f"{library.namespace}/httpd", "2.4", make.saying("httpd, patched"))
    eventually(
        lambda: images(library, "witness") == [f"{source}@{second}"], within=20, what="the witness's move"
    )
    assert [f"{source}@{first}"] == images(kubectl, "web")


def test_fifty_overwrites_by_hand_are_put_back_or_damped(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """At most two writes of ours a second, an Event that names the other writer, and a move gets through."""
    assert operator.alive
    with FaultRegistry() as registry:
        first = registry.put_image("app", "1", "first")
        kubectl.apply(
            stream("app", tag("1", f"{registry.host}/app:1", scheduled=True), interval="5s"),
            deployment("web", {"web": "app:1"}, replicas=0),
        )
        ours = f"{registry.host}/app@{first}"
        eventually(lambda: images(kubectl, "web") == [ours], within=20, what="the first image")
        moment = audit.now()
        began = time.monotonic()
        for number in range(50):
            # Five a second: on a quick machine all would be over before the sixth could be put back.
            time.sleep(max(0.0, began + number / 5 - time.monotonic()))
            kubectl("set", "image", "deployment/web", f"web=by-hand:{number}", "--field-manager=somebody")
        (told,) = eventually(lambda: events(kubectl, "web", "TriggerFight"), within=20, what="the Event")
        assert told.startswith('"somebody (Update)" puts another image into web')

        second = registry.put_image("app", "1", "second")
        moved = f"{registry.host}/app@{second}"
        eventually(lambda: images(kubectl, "web") == [moved], within=15, what="the second image")
        times = patches(cluster, kubectl, moment)
    assert max(sum(1 for other in times if 0 <= other - at < 1) for at in times) <= 2
    # One of them the tag that moved.
    assert max(sum(1 for other in times if 0 <= other - at < 60) for at in times) <= 7


def test_nothing_but_the_images_changes(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """Two containers and an init container are one write; every other byte of spec is as before."""
    assert operator.alive
    with FaultRegistry() as registry:
        digests = {name: registry.put_image(name, "1", name) for name in ("web", "side", "setup")}
        web = deployment("web", {"web": "app:web", "side": "app:side"}, replicas=0, image="old:1")
        pod_spec = web["spec"]["template"]["spec"]
        pod_spec["initContainers"] = [{"name": "setup", "image": "old:1", "args": ["a"]}]
        triggers = [trigger(name, f"app:{name}") for name in digests]
        web["metadata"]["annotations"][TRIGGERS] = json.dumps(triggers)
        kubectl.apply(web)
        before = kubectl.get("deployment/web")
        kubectl.apply(stream("app", *(tag(name, f"{registry.host}/{name}:1") for name in digests)))
        expected = [f"{registry.host}/{name}@{digests[name]}" for name in ("web", "side")]
        eventually(lambda: images(kubectl, "web") == expected, within=20, what="the images")
        after = kubectl.get("deployment/web")
    wanted = copy.deepcopy(before["spec"])
    for container in [
        *wanted["template"]["spec"]["containers"],
        *wanted["template"]["spec"]["initContainers"],
    ]:
        container["image"] = f"{registry.host}/{container['name']}@{digests[container['name']]}"
    assert wanted == after["spec"]
    assert before["metadata"]["generation"] + 1 == after["metadata"]["generation"]
    for found in (before, after):
        # Its own controller counts its rollouts there.
        found["metadata"]["annotations"].pop("deployment.kubernetes.io/revision", None)
    notes = after["metadata"]["annotations"]
    assert f"web=app:web@{digests['web']}" in notes.pop(RESOLVED)
    assert before["metadata"]["annotations"] == notes
    message = f'app:web moved from old:1 to {expected[0]} (container "web")'
    eventually(lambda: message in events(kubectl, "web", "ImageUpdated"), within=10, what="the Event")


def test_who_scales_meanwhile_loses_nothing(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """While a tag moves over and over somebody else scales: the last of both stands."""
    assert operator.alive
    with FaultRegistry() as registry:
        digest = registry.put_image("app", "1", "0")
        kubectl.apply(
            stream("app", tag("1", f"{registry.host}/app:1", scheduled=True), interval="5s"),
            deployment("web", {"web": "app:1"}, replicas=0),
        )
        eventually(lambda: current(kubectl, "app", "1") == digest, within=20, what="the first image")
        kubectl("patch", "deployment/web", "-p", '{"spec":{"paused":true}}')
        for number in range(1, 6):
            digest = registry.put_image("app", "1", str(number))
            kubectl("annotate", "is/app", f"imagestreams.dev/requested-at={number}", "--overwrite")
            for replicas in range(number * 10, number * 10 + 5):
                kubectl("scale", "deployment/web", f"--replicas={replicas}")
        expected = [f"{registry.host}/app@{digest}"]
        eventually(lambda: images(kubectl, "web") == expected, within=20, what="the last image")
        spec = kubectl.get("deployment/web")["spec"]
    assert (54, True) == (spec["replicas"], spec["paused"])
