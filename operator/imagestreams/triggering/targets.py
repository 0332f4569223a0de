"""The one table of kinds whose image fields can follow a tag.

A row is all there is to a kind: no code anywhere asks which one it has. watching subscribes to the rows,
kube.workloads builds URLs from them, triggering.patch finds the pod spec by them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A kind of workload: where the API serves it and where its pod spec is."""

    group: str
    version: str
    plural: str
    kind: str
    pod_spec: tuple[str, ...]

    @property
    def api_version(self) -> str:
        """The apiVersion of its manifests."""
        return f"{self.group}/{self.version}"

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


TARGETS = (Target("apps", "v1", "deployments", "Deployment", ("spec", "template", "spec")),)
