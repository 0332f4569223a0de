"""Kinds that the settings tell: they come and go, and their rights; each follows tags by its row alone."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from conftest import Kubectl
from e2e.reading import events, images
from support.faults import FaultRegistry
from support.manifests import deployment, stream, tag, trigger
from support.overhearing import OverheardOperator
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcluster import Cluster
    from localrun import OperatorProcess
    from support.manifests import Manifest

TRIGGERS = "image.openshift.io/triggers"
KINDS = (
    "argoproj.io/v1alpha1/rollouts:spec.template.spec, serving.knative.dev/v1/services, "
    "example.com/v1/widgets:spec.workload.pod"
)
VERBS = ["get", "list", "watch", "patch"]

pytestmark = pytest.mark.usefixtures("operator_aside")


@pytest.fixture
def told_of_kinds(cluster: Cluster, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that is told of an Argo Rollout, a Knative Service and a made-up kind."""
    process = OverheardOperator(
        operator_kubeconfig, tmp_path / "operator.log", settings={"IMAGESTREAMS_KINDS": KINDS}
    )
    process.start()
    yield process
    if process.alive:
        process.terminate()
    admin = Kubectl(cluster)
    names = [_crd(*names)["metadata"]["name"] for names in _CUSTOM]
    admin("delete", "crd", "--ignore-not-found", *names)
    admin("delete", "clusterrole", "--ignore-not-found", *(f"test-{name}" for name in names))


def test_a_kind_and_its_rights_may_come_late_and_go(told_of_kinds: OperatorProcess, kubectl: Kubectl) -> None:
    """A missing kind, and each missing right, is told with its rule and stops nothing; it may come later."""
    pid = told_of_kinds.pid
    with FaultRegistry() as registry:
        first = f"{registry.host}/app@{registry.put_image('app', '1')}"
        kubectl.apply(
            deployment("web", {"web": "app:1"}, replicas=0),
            stream("app", tag("1", f"{registry.host}/app:1", scheduled=True), interval="5s"),
        )
        eventually(lambda: images(kubectl, "web") == [first], within=20, what="a Deployment that follows")
        said = "rollouts.argoproj.io are not watched: the API server does not serve argoproj.io/v1alpha1"
        rule = f'{{apiGroups: ["argoproj.io"], resources: ["rollouts"], verbs: [{", ".join(VERBS)}]}}'
        lacks = f"the operator has no right to list rollouts.argoproj.io: it needs the rule {rule}"
        eventually(
            lambda: lacks in told_of_kinds.log.read_text(), within=30, what="the rule to list in the log"
        )

        kubectl.apply(_role("argoproj.io", "rollouts", VERBS[:-1]))
        eventually(lambda: said in told_of_kinds.log.read_text(), within=60, what="the kind that is missing")
        _install(kubectl, "argoproj.io", "v1alpha1", "rollouts", "Rollout")
        kubectl.apply(_rollout())
        (message,) = eventually(
            lambda: events(kubectl, "roll", "WriteForbidden"),
            within=60,
            what="an Event about the right to patch",
        )
        assert f"the operator has no right to patch rollouts.argoproj.io: it needs the rule {rule}" in message
        assert 'labelled imagestreams.dev/aggregate-to-operator: "true"' in message
        assert message in told_of_kinds.log.read_text()

        kubectl.apply(_role("argoproj.io", "rollouts", VERBS))
        eventually(lambda: _image(kubectl, "rollout/roll") == first, within=90, what="a Rollout that follows")
        moved = f"{registry.host}/app@{registry.put_image('app', '1', 'second')}"
        eventually(lambda: _image(kubectl, "rollout/roll") == moved, within=20, what="a Rollout that moves")
        (updated, *_) = events(kubectl, "roll", "ImageUpdated")
        assert updated.startswith("app:1 moved from ")
        assert '(container "' in updated

        kubectl("delete", "crd", "rollouts.argoproj.io")
        third = f"{registry.host}/app@{registry.put_image('app', '1', 'third')}"
        eventually(lambda: images(kubectl, "web") == [third], within=20, what="a Deployment that moves on")
        eventually(
            lambda: "imagestreams_workloads 1.0" in told_of_kinds.metrics(),
            within=20,
            what="no Rollout known",
        )
    assert pid == told_of_kinds.pid
    assert told_of_kinds.alive


def test_each_kind_follows_by_its_row_alone(told_of_kinds: OperatorProcess, kubectl: Kubectl) -> None:
    """Pod specs elsewhere, containers without names, fields nobody knows: the image moves, nothing else."""
    assert told_of_kinds.alive
    for group, version, plural, kind in _CUSTOM:
        _install(kubectl, group, version, plural, kind)
        kubectl.apply(_role(group, plural, VERBS))
    with FaultRegistry() as registry:
        registry.put_image("app", "1")
        kubectl.apply(
            _rollout(),
            _knative(),
            _widget(),
            stream("app", tag("1", f"{registry.host}/app:1", scheduled=True), interval="5s"),
        )
        names = ("rollout/roll", "service.serving.knative.dev/kn", "widget/made-up")
        before = {name: kubectl.get(name) for name in names}
        for text in ("second", "third"):
            pinned = f"{registry.host}/app@{registry.put_image('app', '1', text)}"
            for name in names:
                _shows(kubectl, name, pinned)
        after = {name: kubectl.get(name) for name in names}
        assert ["setup:1", pinned] == [
            container["image"]
            for part in ("initContainers", "containers")
            for container in after["widget/made-up"]["spec"]["workload"]["pod"][part]
        ]
    for name in names:
        assert _without_image(before[name]) == _without_image(after[name])
    notes = {name: after[name]["metadata"]["annotations"]["imagestreams.dev/resolved"] for name in names}
    digest = pinned.rpartition("@")[2]
    assert notes == {
        "rollout/roll": f"web=app:1@{digest}",
        "service.serving.knative.dev/kn": f"containers[0]=app:1@{digest}",
        "widget/made-up": f"main=app:1@{digest}",
    }


_CUSTOM = (
    ("argoproj.io", "v1alpha1", "rollouts", "Rollout"),
    ("serving.knative.dev", "v1", "services", "Service"),
    ("example.com", "v1", "widgets", "Widget"),
)


def _crd(group: str, version: str, plural: str, kind: str) -> Manifest:
    """Write a custom resource definition that takes any spec."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}},
                }
            ],
        },
    }


def _install(kubectl: Kubectl, group: str, version: str, plural: str, kind: str) -> None:
    kubectl.apply(_crd(group, version, plural, kind))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{plural}.{group}")


def _role(group: str, plural: str, verbs: list[str]) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": f"test-{plural}.{group}",
            "labels": {"imagestreams.dev/aggregate-to-operator": "true"},
        },
        "rules": [{"apiGroups": [group], "resources": [plural], "verbs": verbs}],
    }


def _followed(kind: str, api_version: str, name: str, entry: Manifest, spec: Manifest) -> Manifest:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "annotations": {TRIGGERS: json.dumps([entry])}},
        "spec": spec,
    }


def _rollout() -> Manifest:
    spec = copy.deepcopy(deployment("roll", {"web": "app:1"})["spec"])
    spec["strategy"] = {"canary": {"steps": [{"setWeight": 20}, {"pause": {"duration": "1h"}}]}}
    return _followed("Rollout", "argoproj.io/v1alpha1", "roll", trigger("web", "app:1"), spec)


def _knative() -> Manifest:
    container = {"image": " ", "env": [{"name": "TARGET", "value": "x"}], "ports": [{"containerPort": 8080}]}
    spec = {
        "template": {"spec": {"containerConcurrency": 0, "containers": [container], "timeoutSeconds": 300}},
        "traffic": [{"latestRevision": True, "percent": 100}],
    }
    entry = {**trigger("", "app:1"), "fieldPath": "spec.template.spec.containers[0].image"}
    return _followed("Service", "serving.knative.dev/v1", "kn", entry, spec)


def _widget() -> Manifest:
    pod = {
        "initContainers": [{"name": "setup", "image": "setup:1"}],
        "containers": [{"name": "main", "image": "old:1", "unknown": {"deep": [1, 1.5, None, "x"]}}],
    }
    entry = trigger("main", "app:1", pod_spec="spec.workload.pod")
    return _followed(
        "Widget", "example.com/v1", "made-up", entry, {"size": 12345678901, "workload": {"pod": pod}}
    )


def _containers(body: Manifest) -> list[dict[str, Any]]:
    spec = body["spec"]
    found: list[dict[str, Any]] = (
        spec["workload"]["pod"] if "workload" in spec else spec["template"]["spec"]
    )["containers"]
    return found


def _shows(kubectl: Kubectl, name: str, image: str) -> None:
    eventually(lambda: _image(kubectl, name) == image, within=60, what=f"the image of {name}")


def _image(kubectl: Kubectl, name: str) -> str:
    image: str = _containers(kubectl.get(name))[0]["image"]
    return image


def _without_image(body: Manifest) -> Manifest:
    spec: Manifest = copy.deepcopy(body)["spec"]
    del _containers({"spec": spec})[0]["image"]
    return spec
