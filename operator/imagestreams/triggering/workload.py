"""A workload that follows tags, as a value: its triggers and the images it has now.

Parsed in watching from the body the API server sent; only what deciding a write needs is kept.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.model import annotation_keys, border
from imagestreams.model.trigger import Triggers, parse_triggers
from imagestreams.triggering.rollouts import DONE, Rollout, read_rollout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.triggering.targets import Target


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class WorkloadKey:
    """Which workload: its kind (Target.resource), its namespace and name."""

    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource}/{self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Container:
    """One container of the pod spec: in which list, at which index, its name and image."""

    list_name: str
    index: int
    name: str
    image: str | None

    def __str__(self) -> str:
        # Only custom resources have containers without a name.
        return self.name or f"{self.list_name}[{self.index}]"

    @property
    def place(self) -> tuple[str, int]:
        """Where it is: only custom resources have containers without a name, or two of one name."""
        return self.list_name, self.index

    def path(self, target: Target) -> str:
        """Give the JSON pointer to it in an object of this kind."""
        return "/" + "/".join((*target.pod_spec, self.list_name, str(self.index)))


def containers_of(target: Target, body: Mapping[str, Any]) -> tuple[Container, ...]:
    """List the containers of a body whose images we may write: those that run first, first."""
    pod_spec = target.pod_spec_of(body)
    return tuple(
        Container(list_name, index, border.text(item.get("name")), item.get("image"))
        for list_name in ("initContainers", "containers")
        for index, item in enumerate(map(border.mapping, border.items(pod_spec.get(list_name))))
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    """A workload with the trigger annotation, at one resourceVersion."""

    key: WorkloadKey
    target: Target
    uid: str
    resource_version: str
    triggers: Triggers
    containers: tuple[Container, ...]
    resolved: str | None
    """The value of our annotation, None where it is not there."""
    rollout: Rollout = DONE
    order: str = ""
    """imagestreams.dev/rollout, as typed."""
    kind: str = ""
    """As in its manifest."""

    def needs_the_same(self, other: Workload) -> bool:
        """Tell whether another reading of it, whatever its version and its rollout, needs the same write."""
        now = dataclasses.replace(other, resource_version=self.resource_version, rollout=self.rollout)
        return now == self

    @classmethod
    def parse(cls, target: Target, body: Any) -> Workload | None:
        """Read a workload; None for one without the annotation, which is none of our business."""
        raw = border.mapping(body)
        meta = border.mapping(raw.get("metadata"))
        notes = border.mapping(meta.get("annotations"))
        text = notes.get(annotation_keys.TRIGGERS)
        if not isinstance(text, str):
            return None
        namespace = border.text(meta.get("namespace"))
        resolved = notes.get(annotation_keys.RESOLVED)
        return cls(
            key=WorkloadKey(target.resource, namespace, border.text(meta.get("name"))),
            target=target,
            uid=border.text(meta.get("uid")),
            resource_version=border.text(meta.get("resourceVersion")),
            triggers=parse_triggers(text, namespace=namespace, pod_spec_path=target.pod_spec_path),
            containers=containers_of(target, raw),
            resolved=resolved if isinstance(resolved, str) else None,
            rollout=read_rollout(target.group, target.plural, raw),
            order=border.text(notes.get(annotation_keys.ROLLOUT)),
            kind=border.text(raw.get("kind")) or target.kind,
        )
