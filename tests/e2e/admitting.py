"""What the tests of admission share: a namespace with streams, and objects of every kind that has images."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Kubectl
    from support.manifests import Manifest
    from support.overhearing import OverheardOperator

ELSEWHERE = "quay.io/org/app:1"
FLAG = {"alpha.image.policy.openshift.io/resolve-names": "*"}
POD_SPECS = {
    "Pod": ("v1", ("spec",)),
    "ReplicationController": ("v1", ("spec", "template", "spec")),
    "ReplicaSet": ("apps/v1", ("spec", "template", "spec")),
    "Deployment": ("apps/v1", ("spec", "template", "spec")),
    "StatefulSet": ("apps/v1", ("spec", "template", "spec")),
    "DaemonSet": ("apps/v1", ("spec", "template", "spec")),
    "Job": ("batch/v1", ("spec", "template", "spec")),
    "CronJob": ("batch/v1", ("spec", "jobTemplate", "spec", "template", "spec")),
}

_SPECS: dict[str, Manifest] = {
    "ReplicationController": {"replicas": 0},
    "ReplicaSet": {"replicas": 0},
    "Deployment": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "serviceName": "x"},
    "Job": {"suspend": True},
    "CronJob": {"suspend": True, "schedule": "0 0 1 1 *"},
}
"""What a kind needs besides, so that it does nothing."""


def workload(
    kind: str,
    image: str = "httpd:2.4",
    *,
    name: str = "x",
    notes: dict[str, str] | None = None,
    template_notes: dict[str, str] | None = None,
    init: str = "",
) -> Manifest:
    """Write an object of a kind with one container, for which no pod ever runs."""
    version, path = POD_SPECS[kind]
    pod_spec: Manifest = {
        "containers": [{"name": "web", "image": image}],
        "initContainers": [{"name": "init", "image": init}] if init else [],
        "restartPolicy": "Never" if kind in {"Job", "CronJob", "Pod"} else "Always",
        "nodeSelector": {"there": "is-none"},
    }
    labels = {"app": name}
    made: Manifest = {path[-1]: pod_spec}
    if kind != "Pod":
        made["metadata"] = {"labels": labels, "annotations": template_notes or {}}
    for field in reversed(path[:-1]):
        made = {field: made}
    made["spec"] |= _SPECS.get(kind, {})
    if kind in {"ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"}:
        made["spec"]["selector"] = {"matchLabels": labels}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "annotations": notes or {}},
        **made,
    }


def image_of(made: Manifest, container: str = "web") -> str:
    """Find a container's image."""
    found: Any = made
    for field in POD_SPECS[made["kind"]][1]:
        found = found[field]
    (image,) = [
        each["image"]
        for each in [*found.get("initContainers", []), *found["containers"]]
        if each["name"] == container
    ]
    return str(image)


@dataclasses.dataclass(frozen=True, slots=True)
class Shop:
    """A namespace with a stream httpd that is local and one, redis, that is not, and the operator."""

    kubectl: Kubectl
    httpd: str
    """The pull spec of httpd:2.4."""
    redis: str
    operator: OverheardOperator

    def reviews(self) -> int:
        """Count the objects that the webhook has seen."""
        found = re.findall(
            r"^imagestreams_admissions_total{[^}]*} (\S+)$", self.operator.metrics(), re.MULTILINE
        )
        return sum(int(float(count)) for count in found)

    def would_be(self, manifest: Manifest, *options: str) -> Manifest:
        """Give an object as it would be stored, without storing it."""
        made = self.kubectl("create", "--dry-run=server", "-o", "json", *options, "-f", "-", stdin=manifest)
        found: Manifest = json.loads(made)
        return found

    def followers(self) -> int:
        """Count the workloads that the operator knows to follow a tag."""
        (found,) = re.findall(r"^imagestreams_workloads (\S+)$", self.operator.metrics(), re.MULTILINE)
        return int(float(found))

    def version(self, name: str) -> str:
        """Give the version at which an object is stored."""
        found: str = self.kubectl.get(name)["metadata"]["resourceVersion"]
        return found

    @property
    def looks_up(self) -> bool:
        """Tell whether the webhook does its work now."""
        return image_of(self.would_be(workload("Deployment"))) == self.httpd

    @property
    def port(self) -> int:
        """Where the webhook listens."""
        return int(self.operator.settings["IMAGESTREAMS_WEBHOOK_LISTEN"].rpartition(":")[2])
