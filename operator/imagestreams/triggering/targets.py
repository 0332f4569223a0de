"""The one table of kinds whose image fields can follow a tag.

A row is all there is to a kind: no code anywhere asks which one it has. watching.kinds watches the rows,
kube.workloads builds URLs from them, triggering.patch finds the pod spec by them. Kubernetes' own are here;
further ones are told in the settings and read once, by app.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from imagestreams.errors import StartError
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A kind of workload: where the API serves it and where its pod spec is."""

    group: str
    version: str
    plural: str
    pod_spec: tuple[str, ...] = ("spec", "template", "spec")
    kind: str = ""
    """As in its manifests; empty where only its objects tell."""

    @property
    def api_version(self) -> str:
        """The apiVersion of its manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Its name as kubectl writes it: "deployments", "rollouts.argoproj.io".

        Unique: a custom resource's group has a dot, Kubernetes' own groups of workloads have none.
        """
        return f"{self.plural}.{self.group}" if "." in self.group else self.plural

    @property
    def pod_spec_path(self) -> str:
        """The path of its pod spec, as fieldPath begins: "spec.template.spec"."""
        return ".".join(self.pod_spec)

    def pod_spec_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Find the pod spec in a body; an empty one where there is none."""
        found: Any = body
        for name in self.pod_spec:
            found = border.mapping(found).get(name)
        return border.mapping(found)


TARGETS = (
    Target("apps", "v1", "deployments", kind="Deployment"),
    Target("apps", "v1", "statefulsets", kind="StatefulSet"),
    Target("apps", "v1", "daemonsets", kind="DaemonSet"),
    Target("batch", "v1", "cronjobs", ("spec", "jobTemplate", "spec", "template", "spec"), kind="CronJob"),
)
"""Kubernetes' own: the rows that are always there."""

_VARIABLE = "IMAGESTREAMS_KINDS"
_ROW = re.compile(
    r"(?:(?P<group>[a-z0-9.-]+)/)?(?P<version>[a-z0-9-]+)/(?P<plural>[A-Za-z0-9-]+)"
    r"(?::(?P<path>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*))?",
    re.ASCII,
)


def read_targets(text: str) -> tuple[Target, ...]:
    """Give the whole table: Kubernetes' own rows, and those that a setting tells.

    The setting is a list as "argoproj.io/v1alpha1/rollouts, example.com/v1/apps:spec.pod": group (none for
    the core group), version and plural, and the path of the pod spec where it is not spec.template.spec.
    Raises StartError, which names what cannot be read and how to write it.
    """
    targets = list(TARGETS)
    for item in re.split(r"[,\s]+", text.strip(", \t\r\n")):
        if not item:
            continue
        target = _read_row(item)
        if any(target.resource == other.resource for other in targets):
            raise StartError(f'{_VARIABLE}: "{item}": {target.resource} follow tags already; remove it')
        targets.append(target)
    return tuple(targets)


def _read_row(item: str) -> Target:
    found = _ROW.fullmatch(item)
    if found is None:
        raise StartError(
            f'{_VARIABLE}: "{item[:100]}" is not understood; write GROUP/VERSION/PLURAL, with :PATH where '
            "the pod spec is not at spec.template.spec, such as argoproj.io/v1alpha1/rollouts or "
            "example.com/v1/apps:spec.workload.pod"
        )
    plural, path = found["plural"], found["path"] or "spec.template.spec"
    if not plural.islower():
        raise StartError(
            f'{_VARIABLE}: "{item}" names a kind; write its plural as `kubectl api-resources` shows it, '
            "such as argoproj.io/v1alpha1/rollouts for Rollout"
        )
    return Target(found["group"] or "", found["version"], plural, tuple(path.split(".")))
