"""What must be written to a workload so that its fields show what its tags stand for. Pure.

Input: a workload and a way to look up a stream. Output: one JSON patch, guarded by the image it replaces, or
nothing. Called whenever a workload or a stream it follows changed; applied by kube.workloads.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.model import annotation_keys
from imagestreams.model.reference import is_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.model.trigger import ContainerField, Trigger
    from imagestreams.triggering.workload import Container, Workload


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """One field that changes: which container, from which image to which, and the tag it follows."""

    container: str
    tag: str
    before: str
    after: str

    def __str__(self) -> str:
        before = self.before.strip() or "(none)"
        return f'{self.tag} moved container "{self.container}" from {before} to {self.after}'


@dataclasses.dataclass(frozen=True, slots=True)
class WorkloadPatch:
    """What to write (RFC 6902), what it means, and what could not be done."""

    operations: tuple[dict[str, Any], ...]
    moves: tuple[Move, ...]
    problems: tuple[str, ...]


def patch_for(workload: Workload, stream_of: Callable[[StreamKey], Stream | None]) -> WorkloadPatch:
    """Compute the write a workload needs; without operations when it shows what its tags stand for.

    A tag without an image yet, or a stream that is not there, leaves its field as it is, as in the
    original. Paused entries are left alone. What the annotation said of them before, it goes on saying:
    after a restart a stream may only not be known yet.
    """
    operations: list[dict[str, Any]] = []
    moves: list[Move] = []
    notes: dict[str, str] = {}
    noted = dict(part.partition("=")[::2] for part in (workload.resolved or "").split(", "))
    fields, problems = _fields(workload)
    for trigger, container in fields:
        stream = stream_of(trigger.stream)
        status = stream.status.tag(trigger.tag) if stream is not None else None
        if trigger.paused or status is None or status.current is None:
            if container.name in noted:
                notes[container.name] = noted[container.name]
            continue
        image = status.current.reference
        label = f"{trigger.stream.name}:{trigger.tag}"
        notes[container.name] = f"{label}{_pin(status.current.image)}"
        if container.image == image:
            continue
        path = "/" + "/".join((*workload.target.pod_spec, container.list_name, str(container.index)))
        # The names and images are those this decision was made on; if anybody changed them, nothing
        # is written, and the change that follows brings us here again.
        operations.append({"op": "test", "path": f"{path}/name", "value": container.name})
        if container.image is not None:
            operations.append({"op": "test", "path": f"{path}/image", "value": container.image})
        operations.append({"op": "add", "path": f"{path}/image", "value": image})
        moves.append(Move(container.name, label, container.image or "", image))
    resolved = ", ".join(f"{name}={note}" for name, note in notes.items())
    if notes and workload.resolved != resolved:
        key = annotation_keys.RESOLVED.replace("/", "~1")
        operations.append({"op": "add", "path": f"/metadata/annotations/{key}", "value": resolved})
    if operations:
        operations.insert(0, {"op": "test", "path": "/metadata/uid", "value": workload.uid})
    return WorkloadPatch(tuple(operations), tuple(moves), tuple(problems))


def _fields(workload: Workload) -> tuple[list[tuple[Trigger, Container]], list[str]]:
    """Find the container of each trigger, and tell what is wrong with the others.

    A name and an index can mean the same container: the first counts, for two writes would never end.
    """
    fields: list[tuple[Trigger, Container]] = []
    problems = list(workload.triggers.problems)
    for trigger in workload.triggers.entries:
        container = _find(workload, trigger.field)
        if container is None:
            known = ", ".join(item.name for item in workload.containers)
            wanted = trigger.field.name or f"{trigger.field.list_name}[{trigger.field.index}]"
            problems.append(f'there is no container "{wanted}"; there is {known or "none"}')
        elif any(container is taken for _, taken in fields):
            problems.append(f'container "{container.name}" has a trigger already')
        else:
            fields.append((trigger, container))
    return fields, problems


def _pin(image: str) -> str:
    return f"@{image}" if is_digest(image) else ""


def _find(workload: Workload, field: ContainerField) -> Container | None:
    # As the original: a name is looked for in init containers first, then in containers, whichever
    # list the path says (`oc set triggers` writes "containers" even for an init container).
    if field.name:
        return next((item for item in workload.containers if item.name == field.name), None)
    for item in workload.containers:
        if item.list_name == field.list_name and item.index == field.index:
            return item
    return None
