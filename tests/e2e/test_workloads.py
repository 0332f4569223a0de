"""Each kind of workload on real pods: it runs what its tag stands for, and nothing else of it changes."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.reading import events, images
from localcluster import images as builder
from support.faults import FaultRegistry
from support.manifests import cron_job, daemon_set, deployment, stateful_set, stream, tag, trigger
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess
    from support.manifests import Manifest

TRIGGERS = "image.openshift.io/triggers"
RESOLVED = "imagestreams.dev/resolved"


@pytest.mark.parametrize("write", [stateful_set, daemon_set])
def test_pods_of_other_kinds_run_what_the_tag_stands_for(
    operator: OperatorProcess,
    cluster: Cluster,
    kubectl: Kubectl,
    publisher: Publisher,
    write: Callable[[str, dict[str, str]], Manifest],
) -> None:
    """The pods of a StatefulSet and of a DaemonSet wait for the tag, run its image, and then the next one."""
    assert operator.alive
    repository = f"workloads/{write.__name__.replace('_', '-')}"
    publisher.push(repository, "1", builder.saying("the first"))
    workload = write("web", {"web": "app:1"})
    name = f"{workload['kind'].lower()}/web"
    kubectl.apply(
        workload, stream("app", tag("1", f"{cluster.registry}/{repository}:1", scheduled=True), interval="5s")
    )
    _says(kubectl, name, "the first")

    digest = publisher.push(repository, "1", builder.saying("the second"))
    _says(kubectl, name, "the second")
    kubectl("rollout", "status", name, "--timeout=60s")
    (image,) = _pod_images(kubectl)
    assert f"{cluster.registry}/{repository}@{digest}" == image
    assert ["app:1"] == sorted({message.split()[0] for message in events(kubectl, "web", "ImageUpdated")})


def test_the_jobs_of_a_cron_job_run_what_the_tag_stands_for(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """A job made of a CronJob runs the image of its moment; after a move the next job runs the next."""
    assert operator.alive
    publisher.push("workloads/cron", "1", builder.saying("the first"))
    kubectl.apply(
        cron_job("report", {"report": "app:1"}),
        stream("app", tag("1", f"{cluster.registry}/workloads/cron:1", scheduled=True), interval="5s"),
    )
    for number, text in enumerate(("the first", "the second")):
        digest = publisher.push("workloads/cron", "1", builder.saying(text))
        pinned = f"{cluster.registry}/workloads/cron@{digest}"
        _cron_shows(kubectl, pinned)
        kubectl("create", "job", f"run-{number}", "--from=cronjob/report")
        _says(kubectl, f"job/run-{number}", text)
    assert {f"run-{number}" for number in range(2)} == {
        item["metadata"]["name"] for item in kubectl.get("jobs")["items"]
    }


def test_init_containers_follow_tags_too(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Init containers, by name and by index, run the image of their tag, and the next one after a move."""
    assert operator.alive
    web = deployment("web", {"web": "app:1"})
    spec = web["spec"]["template"]["spec"]
    say = {"image": " ", "command": ["sh", "-c", "echo $SAYS"]}
    spec["initContainers"] = [{"name": "one", **say}, {"name": "two", **say}]
    spec["containers"][0]["command"] = ["sh", "-c", "echo $SAYS && exec sleep infinity"]
    entries = [
        trigger("web", "app:1"),
        # As `oc set triggers` writes it: "containers", though it is an init container.
        trigger("one", "app:1"),
        {**trigger("", "app:1"), "fieldPath": "spec.template.spec.initContainers[1].image"},
    ]
    web["metadata"]["annotations"][TRIGGERS] = json.dumps(entries)
    kubectl.apply(
        web, stream("app", tag("1", f"{cluster.registry}/workloads/init:1", scheduled=True), interval="5s")
    )
    for text in ("first", "second"):
        image = builder.image(
            builder.busybox_files(),
            environment={"SAYS": f"the {text}"},
            stop_signal="SIGKILL",
            command=("sh",),
        )
        publisher.push("workloads/init", "1", image)
        for container in ("one", "two", "web"):
            _says(kubectl, "deployment/web", f"the {text}", container)


def test_a_placeholder_waits_for_its_tag_and_starts(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """A Deployment with a blank image has no pod until the stream is there, and then runs."""
    assert operator.alive
    kubectl.apply(deployment("web", {"web": "app:1"}))
    eventually(
        lambda: any(
            'image: Invalid value: " "' in condition["message"]
            for condition in kubectl.get("deployment/web").get("status", {}).get("conditions", [])
        ),
        within=30,
        what="the ReplicaSet refused its pods",
    )
    assert [" "] == images(kubectl, "web")
    publisher.push("workloads/late", "1", builder.saying("at last"))
    kubectl.apply(stream("app", tag("1", f"{cluster.registry}/workloads/late:1")))
    _says(kubectl, "deployment/web", "at last")


def test_a_paused_deployment_gets_the_image_and_stays_paused(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Kubernetes holds the rollout of a Deployment with spec.paused; the image waits in its template."""
    assert operator.alive
    publisher.push("workloads/paused", "1", builder.saying("the first"))
    kubectl.apply(
        deployment("web", {"web": "app:1"}),
        stream("app", tag("1", f"{cluster.registry}/workloads/paused:1", scheduled=True), interval="5s"),
    )
    _says(kubectl, "deployment/web", "the first")
    kubectl("rollout", "pause", "deployment/web")
    before = kubectl("get", "replicasets", "-o", "name")
    digest = publisher.push("workloads/paused", "1", builder.saying("the second"))
    pinned = f"{cluster.registry}/workloads/paused@{digest}"
    eventually(lambda: images(kubectl, "web") == [pinned], within=20, what="the second image in the template")
    assert kubectl.get("deployment/web")["spec"]["paused"] is True
    assert before == kubectl("get", "replicasets", "-o", "name")
    kubectl("rollout", "resume", "deployment/web")
    _says(kubectl, "deployment/web", "the second")


def test_nothing_else_in_the_object_changes(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """While tags move and others scale and label, spec is as it was but for the images; no field is lost."""
    assert operator.alive
    with FaultRegistry() as registry:
        kubectl.apply(
            _rich(), stream("app", _scheduled(registry, "1"), _scheduled(registry, "2"), interval="5s")
        )
        before = kubectl.get("deployment/web")
        for number in range(3):
            expected = [
                f"{registry.host}/app@{registry.put_image('app', name, f'{name} {number}')}" for name in "12"
            ]
            # As an autoscaler does, by the subresource, and as people do, while the tags move.
            kubectl("scale", "deployment/web", f"--replicas={number % 2}")
            kubectl("label", "--overwrite", "deployment/web", f"round={number}")
            kubectl("set", "env", "deployment/web", "-c", "side", f"ROUND={number}")
            _shows(kubectl, expected)
        after = kubectl.get("deployment/web")
    for body in (before, after):
        for container in body["spec"]["template"]["spec"]["containers"][:2]:
            del container["image"]
    theirs = copy.deepcopy(before["spec"])
    theirs["replicas"] = 0
    theirs["template"]["spec"]["containers"][1]["env"].append({"name": "ROUND", "value": "2"})
    assert theirs == after["spec"]
    assert {"round": "2"} == after["metadata"]["labels"]
    assert {RESOLVED} == after["metadata"]["annotations"].keys() - before["metadata"]["annotations"].keys()
    assert before["metadata"].get("finalizers") == after["metadata"].get("finalizers")


def test_the_field_manager_owns_the_images_alone(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """What GitOps tools are told to leave alone is exactly what the operator wrote."""
    assert operator.alive
    with FaultRegistry() as registry:
        digest = registry.put_image("app", "1")
        kubectl.apply(
            deployment("web", {"web": "app:1"}, replicas=0), stream("app", tag("1", f"{registry.host}/app:1"))
        )
        eventually(
            lambda: images(kubectl, "web") == [f"{registry.host}/app@{digest}"], within=20, what="the image"
        )
    shown = kubectl.get("deployment/web", "--show-managed-fields")
    (ours,) = [item for item in shown["metadata"]["managedFields"] if item["manager"] == "imagestreams"]
    fields = {
        "f:metadata": {"f:annotations": {f"f:{RESOLVED}": {}}},
        "f:spec": {
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}},
        },
    }
    assert fields == ours["fieldsV1"]


def test_a_tag_is_followed_by_many_and_many_tags_by_one(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """Two tags of one image stay apart, a workload follows three streams, a tag has thirty followers."""
    assert operator.alive
    with FaultRegistry() as registry:
        digests = {name: registry.put_image("app", name) for name in ("a", "b")}
        others = [registry.put_image(name, "1") for name in ("base", "tool")]
        follows = {"one": "app:a", "two": "app:b", "three": "base:1", "four": "tool:1"}
        kubectl.apply(
            stream("app", *(_scheduled(registry, name) for name in digests), interval="5s"),
            *(stream(name, tag("1", f"{registry.host}/{name}:1")) for name in ("base", "tool")),
            deployment("mixed", follows, replicas=0),
            *(deployment(f"web-{number}", {"web": "app:a"}, replicas=0) for number in range(30)),
        )

        def expected() -> list[str]:
            return [
                f"{registry.host}/app@{digests['a']}",
                f"{registry.host}/app@{digests['b']}",
                f"{registry.host}/base@{others[0]}",
                f"{registry.host}/tool@{others[1]}",
            ]

        eventually(lambda: images(kubectl, "mixed") == expected(), within=30, what="four images")
        digests["a"] = registry.put_image("app", "a", "moved")
        eventually(lambda: images(kubectl, "mixed") == expected(), within=30, what="one of them moved")
        eventually(
            lambda: {expected()[0]} == _images_of_all(kubectl, "web-"),
            within=30,
            what="thirty that moved, too",
        )


def test_a_corrected_annotation_is_followed_at_once(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """An annotation that could not be read is told, and followed as soon as somebody corrects it."""
    assert operator.alive
    with FaultRegistry() as registry:
        digest = registry.put_image("app", "1")
        web = deployment("web", {"web": "app:1"}, replicas=0)
        right = web["metadata"]["annotations"][TRIGGERS]
        web["metadata"]["annotations"][TRIGGERS] = right[:-1]
        kubectl.apply(web, stream("app", tag("1", f"{registry.host}/app:1")))
        kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
        (told,) = eventually(
            lambda: events(kubectl, "web", "TriggerInvalid"),
            within=20,
            what="the Event that tells what is wrong",
        )
        assert "annotation image.openshift.io/triggers: is not JSON" in told
        assert [" "] == images(kubectl, "web")
        kubectl("annotate", "--overwrite", "deployment/web", f"{TRIGGERS}={right}")
        eventually(
            lambda: images(kubectl, "web") == [f"{registry.host}/app@{digest}"], within=5, what="the image"
        )


def _says(kubectl: Kubectl, name: str, text: str, container: str = "") -> None:
    """Wait until a pod of a workload logs a text."""
    command = ("logs", name, *(("-c", container) if container else ()))
    eventually(lambda: text in kubectl.run(*command).stdout, within=60, what=f'"{text}" logged by {name}')


def _shows(kubectl: Kubectl, expected: list[str]) -> None:
    eventually(lambda: images(kubectl, "web")[:2] == expected, within=30, what="both images")


def _cron_shows(kubectl: Kubectl, expected: str) -> None:
    eventually(lambda: _cron_image(kubectl) == expected, within=20, what="the image in the CronJob")


def _scheduled(registry: FaultRegistry, name: str) -> Manifest:
    return tag(name, f"{registry.host}/app:{name}", scheduled=True)


def _rich() -> Manifest:
    """Write a Deployment with as many different fields as fit."""
    web = deployment("web", {"web": "app:1", "side": "app:2"}, replicas=0)
    web["spec"] |= {
        "minReadySeconds": 3,
        "revisionHistoryLimit": 4,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "30%", "maxUnavailable": 1}},
    }
    template = web["spec"]["template"]
    template["metadata"]["annotations"] = {"note": 'ünïcödé "quoted"\n'}
    template["spec"] |= {
        "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}],
        "affinity": {"nodeAffinity": {}},
        "tolerations": [{"key": "a", "operator": "Exists"}],
    }
    web_container, side = template["spec"]["containers"]
    web_container |= {
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 7},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        "securityContext": {"capabilities": {"drop": ["ALL"]}},
    }
    side |= {"env": [{"name": "A", "value": "b"}], "ports": [{"containerPort": 8080}]}
    template["spec"]["containers"].append({"name": "own", "image": "example.com/own:1"})
    return web


def _pod_images(kubectl: Kubectl) -> set[str]:
    return {
        container["image"]
        for pod in kubectl.get("pods")["items"]
        if "deletionTimestamp" not in pod["metadata"]
        for container in pod["spec"]["containers"]
    }


def _cron_image(kubectl: Kubectl) -> str:
    spec = kubectl.get("cronjob/report")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    image: str = spec["containers"][0]["image"]
    return image


def _images_of_all(kubectl: Kubectl, prefix: str) -> set[str]:
    found: list[dict[str, Any]] = kubectl.get("deployments")["items"]
    return {
        container["image"]
        for item in found
        if item["metadata"]["name"].startswith(prefix)
        for container in item["spec"]["template"]["spec"]["containers"]
    }
