"""What is changed in an object while it is admitted: its triggers' images, then local lookup. Pure.

The triggers' part is the very patch that the follower would write a moment later (triggering.patch), so a
manifest that is applied again never starts a rollout. Called by serving.admission.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.model import annotation_keys, border
from imagestreams.triggering.lookup import LOOKED_UP, Found, Review, look_up
from imagestreams.triggering.patch import WorkloadPatch, patch_for
from imagestreams.triggering.workload import Workload, containers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imagestreams.model.permission import Permission
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.triggering.targets import Target

_WARNINGS_MOST = 10
_WARNING_MOST = 255
"""Kubernetes asks for warnings of less than 256 characters, and drops all beyond 4096 together."""


@dataclasses.dataclass(frozen=True, slots=True)
class Admitted:
    """The changes to make (RFC 6902, unguarded: nobody writes in between), and what the client is told."""

    operations: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()


class Admitter:
    """Decides what is changed in an object while it is admitted."""

    def __init__(
        self,
        *,
        targets: Sequence[Target],
        stream_of: Callable[[StreamKey], Stream | None],
        permission: Callable[[str, StreamKey], Permission],
        held: Callable[[Workload], bool],
    ) -> None:
        """`targets` are the kinds that follow tags.

        `permission` says whether a namespace may take images of a stream of another one, `held` whether the
        follower deliberately delays the next image of a workload, given as it is stored.
        """
        self._following = {(target.group, target.plural): target for target in targets}
        self._kinds = {(target.group, target.plural): target for target in LOOKED_UP} | self._following
        self._stream_of = stream_of
        self._permission = permission
        self._held = held

    def kind(self, group: str, plural: str) -> Target | None:
        """Find the kind of a resource; None for one in which nothing is ever changed."""
        return self._kinds.get((group, plural))

    def admit(self, review: Review) -> Admitted:
        """Decide about one request."""
        if border.mapping(review.body.get("metadata")).get("deletionTimestamp"):
            return Admitted()
        workload = self._read(review.target, review.body)
        stored = self._read(review.target, review.old)
        patch = WorkloadPatch((), (), ())
        if workload is not None:
            patch = patch_for(workload, self._stream_of, self._permission, stored=stored)
        warnings = _warnings(review, patch)
        written = patch
        if workload is not None and stored is not None and patch.moves and self._held(stored):
            # It moves in its own time, by the follower; what the follower writes moves nothing more.
            written = patch_for(workload, self._stream_of, self._permission, stored=stored, held=True)
        operations = [each for each in written.operations if each["op"] != "test"]
        for found in look_up(review, self._stream_of):
            if found.container.place not in patch.followed:
                operations += _rewrite(review.target, found)
                warnings += filter(None, (found.warning,))
        told = tuple(text[:_WARNING_MOST] for text in warnings[:_WARNINGS_MOST])
        return Admitted(tuple(operations), told)

    def _read(self, target: Target, body: Mapping[str, Any] | None) -> Workload | None:
        following = (target.group, target.plural) in self._following
        return Workload.parse(target, body) if following and body is not None else None


def _warnings(review: Review, patch: WorkloadPatch) -> list[str]:
    """Say what the user would else only find in an Event: what is wrong, and which image is not used.

    Of an image that says nothing else than the tag, or nothing at all, there is nothing to be said.
    """
    told = []
    if review.old is None or _triggers(review.old) != _triggers(review.body):
        told += [f"annotation {annotation_keys.TRIGGERS}: {problem}" for problem in patch.problems]
        told += patch.refusals
    if review.old is not None:
        before = [container.image for container in containers_of(review.target, review.old)]
        told += [
            f'container "{move.container}" follows {move.tag}: image "{move.before[:100]}" is not used'
            for move in patch.moves
            if move.before.strip() not in {"", move.tag} and move.before not in before
        ]
    return told


def _rewrite(target: Target, found: Found) -> list[dict[str, Any]]:
    if found.image in {"", found.container.image}:
        return []
    return [{"op": "add", "path": f"{found.container.path(target)}/image", "value": found.image}]


def _triggers(body: Any) -> Any:
    meta = border.mapping(border.mapping(body).get("metadata"))
    return border.mapping(meta.get("annotations")).get(annotation_keys.TRIGGERS)
