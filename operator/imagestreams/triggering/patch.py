"""What must be written to a workload so that its fields show what its tags stand for. Pure.

Input: a workload and a way to look up a stream. Output: one JSON patch, guarded by the image it replaces, or
nothing. Called whenever a workload or a stream it follows changed; applied by kube.workloads.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.model import annotation_keys
from imagestreams.model.permission import OWN, UNKNOWN
from imagestreams.model.reference import is_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.model.permission import Permission
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
        return f'{self.tag} moved from {before} to {self.after} (container "{self.container}")'


@dataclasses.dataclass(frozen=True, slots=True)
class WorkloadPatch:
    """What to write (RFC 6902), what it means, and what could not be done."""

    operations: tuple[dict[str, Any], ...]
    moves: tuple[Move, ...]
    problems: tuple[str, ...]
    refusals: tuple[str, ...] = ()
    """Which streams of other namespaces may not be followed, and how that is granted."""
    streams: frozenset[StreamKey] = frozenset()
    """Whose tags move something."""
    corrects: bool = dataclasses.field(default=False, compare=False)
    """Whether an image is replaced that no tag put there: a placeholder, or one set by hand."""
    followed: frozenset[tuple[str, int]] = dataclasses.field(default=frozenset(), compare=False)
    """Where the containers are whose image a tag decides now, whether it moves or not."""

    @property
    def is_first(self) -> bool:
        """Tell whether a container gets its first image: without it nothing of the workload can run."""
        return any(not move.before.strip() for move in self.moves)


def own_namespace(namespace: str, stream: StreamKey) -> Permission:
    """Permit the streams of a namespace itself, and say of others that it is not known."""
    return OWN if stream.namespace == namespace else UNKNOWN


def patch_for(
    workload: Workload,
    stream_of: Callable[[StreamKey], Stream | None],
    permission: Callable[[str, StreamKey], Permission] = own_namespace,
    *,
    stored: Workload | None = None,
    held: bool = False,
) -> WorkloadPatch:
    """Compute the write a workload needs; without operations when it shows what its tags stand for.

    A tag without an image yet, or a stream that is not there, leaves its field as it is, as in the
    original; so does a stream of another namespace without `permission` to follow it. Paused entries are
    left alone. What the annotation said of them before, it goes on saying: after a restart a stream may
    only not be known yet. Whoever writes a workload gives it as it is `stored`, too: images whose move is
    `held` back stay what they are there, so that no rollout starts before its turn, and so do those of which
    it is not known yet whether they may be followed.
    """
    fields, problems = _fields(workload)
    writing = _Writing(workload)
    refusals: dict[str, None] = {}
    streams: set[StreamKey] = set()
    followed: set[tuple[str, int]] = set()
    kept = _kept(stored)
    for trigger, container in fields:
        granted = permission(workload.key.namespace, trigger.stream)
        stream = stream_of(trigger.stream) if granted.granted and not trigger.paused else None
        status = stream.status.tag(trigger.tag) if stream is not None else None
        if status is not None and status.current is not None:
            followed.add(container.place)
            label = _label(workload, trigger)
            image, note = status.current.reference, f"{label}{_pin(status.current.image)}"
            if held and str(container) in kept:
                image, note = kept[str(container)]
            if writing.image(container, label, image, note):
                streams.add(trigger.stream)
        elif granted.granted is None and not trigger.paused and _is_noted(workload, trigger, container, kept):
            followed.add(container.place)
            writing.image(container, _label(workload, trigger), *kept[str(container)])
        else:
            writing.as_noted(container)
        if granted.granted is False and not trigger.paused:
            refusals[granted.refusal(workload.key.namespace, trigger.stream)] = None
    found = writing.patch(tuple(problems), tuple(refusals), frozenset(streams))
    corrects = any(_corrects(move, _noted(workload).get(move.container)) for move in found.moves)
    return dataclasses.replace(found, followed=frozenset(followed), corrects=corrects)


def _kept(stored: Workload | None) -> dict[str, tuple[str, str]]:
    """Give image and note of each container that has an image, as they are stored."""
    if stored is None:
        return {}
    noted = _noted(stored)
    images = {str(item): str(item.image or "") for item in stored.containers}
    return {name: (image, noted.get(name, "")) for name, image in images.items() if image.strip()}


def _is_noted(
    workload: Workload, trigger: Trigger, container: Container, kept: dict[str, tuple[str, str]]
) -> bool:
    _, note = kept.get(str(container), ("", ""))
    return note.partition("@")[0] == _label(workload, trigger)


def _corrects(move: Move, note: str | None) -> bool:
    """Tell whether a move replaces what no tag put there; a note without a digest does not tell."""
    if note is None:
        return True
    return "@" in note and note.partition("@")[2] != move.before.rpartition("@")[2]


class _Writing:
    """Collects what is written to one workload."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._noted = _noted(workload)
        self._notes: dict[str, str] = {}
        self._operations: list[dict[str, Any]] = []
        self._moves: list[Move] = []

    def image(self, container: Container, label: str, image: str, note: str) -> bool:
        """Give a container an image; tell whether it has another now."""
        self._notes[str(container)] = note
        if container.image == image:
            return False
        path = container.path(self._workload.target)
        # The names and images are those this decision was made on; if anybody changed them, nothing
        # is written, and the change that follows brings us here again.
        if container.name:
            self._operations.append({"op": "test", "path": f"{path}/name", "value": container.name})
        if container.image is not None:
            self._operations.append({"op": "test", "path": f"{path}/image", "value": container.image})
        self._operations.append({"op": "add", "path": f"{path}/image", "value": image})
        self._moves.append(Move(str(container), label, str(container.image or ""), image))
        return True

    def as_noted(self, container: Container) -> None:
        """Leave a container alone, and what the annotation says of it."""
        if (name := str(container)) in self._noted:
            self._notes[name] = self._noted[name]

    def patch(
        self,
        problems: tuple[str, ...] = (),
        refusals: tuple[str, ...] = (),
        streams: frozenset[StreamKey] = frozenset(),
    ) -> WorkloadPatch:
        operations = self._operations
        resolved = ", ".join(f"{name}={note}" for name, note in self._notes.items())
        if self._notes and self._workload.resolved != resolved:
            key = annotation_keys.RESOLVED.replace("/", "~1")
            operations.append({"op": "add", "path": f"/metadata/annotations/{key}", "value": resolved})
        if operations:
            operations.insert(0, {"op": "test", "path": "/metadata/uid", "value": self._workload.uid})
        return WorkloadPatch(tuple(operations), tuple(self._moves), problems, refusals, streams)


def _fields(workload: Workload) -> tuple[list[tuple[Trigger, Container]], list[str]]:
    """Find the container of each trigger, and tell what is wrong with the others.

    A name and an index can mean the same container: the first counts, for two writes would never end.
    """
    fields: list[tuple[Trigger, Container]] = []
    problems = list(workload.triggers.problems)
    for trigger in workload.triggers.entries:
        container = _find(workload, trigger.field)
        if container is None:
            known = ", ".join(map(str, workload.containers))
            wanted = trigger.field.name or f"{trigger.field.list_name}[{trigger.field.index}]"
            problems.append(
                f'entry {trigger.number}: there is no container "{wanted}"; there is {known or "none"}'
            )
        elif first := next((other for other, taken in fields if taken is container), None):
            problems.append(
                f'entry {trigger.number}: container "{container}" has a trigger already, entry {first.number}'
            )
        else:
            fields.append((trigger, container))
    return fields, problems


def _noted(workload: Workload) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in (workload.resolved or "").split(", "))


def _label(workload: Workload, trigger: Trigger) -> str:
    stream = trigger.stream
    name = stream.name if stream.namespace == workload.key.namespace else str(stream)
    return f"{name}:{trigger.tag}"


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
