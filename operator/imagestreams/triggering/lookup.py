"""Local lookup: which images of an object are names of image streams, and what they stand for. Pure.

The rules are those of the original's admission plugin (image.openshift.io/ImagePolicy): an image is looked up
once, when the object is written, in the object's own namespace. What is better: where a tag has no image yet
the user is told, instead of getting the image of that name from Docker Hub without a word. Called by
triggering.admit.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.model import annotation_keys, border
from imagestreams.model.reference import DEFAULT_TAG, Reference, parse_reference
from imagestreams.model.stream import StreamKey
from imagestreams.triggering.targets import Target
from imagestreams.triggering.workload import containers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagestreams.model.stream import Stream
    from imagestreams.triggering.workload import Container

_CRON = ("spec", "jobTemplate", "spec", "template", "spec")
_TEMPLATE = ("spec", "template", "spec")
LOOKED_UP = (
    Target("", "v1", "pods", kind="Pod", pod_spec=("spec",)),
    Target("", "v1", "replicationcontrollers", kind="ReplicationController", pod_spec=_TEMPLATE),
    Target("apps", "v1", "replicasets", kind="ReplicaSet", pod_spec=_TEMPLATE),
    Target("apps", "v1", "deployments", kind="Deployment", pod_spec=_TEMPLATE),
    Target("apps", "v1", "statefulsets", kind="StatefulSet", pod_spec=_TEMPLATE),
    Target("apps", "v1", "daemonsets", kind="DaemonSet", pod_spec=_TEMPLATE),
    Target("batch", "v1", "cronjobs", kind="CronJob", pod_spec=_CRON),
    Target("batch", "v1", "jobs", kind="Job", pod_spec=_TEMPLATE),
)
"""Kubernetes' own kinds whose images are looked up, as in the original."""


@dataclasses.dataclass(frozen=True, slots=True)
class Review:
    """A request to write an object: the object as it would be stored, and as it is (None: it is new)."""

    target: Target
    namespace: str
    body: Mapping[str, Any]
    old: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What is to be said of one container: the image its name stands for, or else a warning."""

    container: Container
    image: str = ""
    warning: str = ""


def look_up(review: Review, stream_of: Callable[[StreamKey], Stream | None]) -> tuple[Found, ...]:
    """Say which images are names of streams, and which should be but cannot be resolved.

    Nothing is said of an object that a controller owns (its owner was looked up), of an updated Job (its
    images cannot change), nor of containers that an update leaves as they are, unless the annotation
    resolve-names comes or goes with it.
    """
    body, old = review.body, review.old
    if _is_controlled(body) or (old is not None and review.target.plural == "jobs"):
        return ()
    every = _resolves_names(review.target, body)
    known: set[tuple[str, str]] = set()
    if old is not None and _resolves_names(review.target, old) == every:
        known = {(each.name, border.text(each.image)) for each in containers_of(review.target, old)}
    return tuple(
        found
        for each in containers_of(review.target, body)
        if (each.name, border.text(each.image)) not in known
        and (found := _find(each, review.namespace, stream_of, every=every)) is not None
    )


def _find(
    container: Container, namespace: str, stream_of: Callable[[StreamKey], Stream | None], *, every: bool
) -> Found | None:
    reference = _read(container.image)
    if reference is None or reference.digest:
        return None
    short = "/" not in reference.name
    if not (short or every):
        return None
    key = StreamKey(namespace, reference.repository.rpartition("/")[2])
    tag = reference.tag or DEFAULT_TAG
    stream = stream_of(key)
    if stream is None:
        missing = f"there is no image stream {key.name} in namespace {namespace}"
        return Found(container, warning=_warning(container, missing)) if short and every else None
    if not (every or stream.local_lookup):
        return None
    status = stream.status.tag(tag)
    if status is not None and status.current is not None:
        return Found(container, status.current.reference)
    named = stream.tag(tag) is not None or status is not None
    missing = f'image stream {key.name} has no {"image for " if named else ""}tag "{tag}" yet'
    return Found(container, warning=_warning(container, missing))


def _warning(container: Container, missing: str) -> str:
    # Kubernetes asks for less than 256 characters.
    return (
        f'{missing[:130]}: container "{container.name}" keeps image "{(container.image or "")[:60]}", '
        "which nodes take from elsewhere"
    )


def _read(image: Any) -> Reference | None:
    try:
        return parse_reference(border.text(image))
    except InvalidError:
        return None


def _resolves_names(target: Target, body: Mapping[str, Any]) -> bool:
    template: Any = body
    for name in target.pod_spec[:-1]:
        template = border.mapping(template).get(name)
    return any(
        border.mapping(_meta(part).get("annotations")).get(annotation_keys.RESOLVE_NAMES) == "*"
        for part in (template, body)
    )


def _is_controlled(body: Mapping[str, Any]) -> bool:
    owners = border.items(_meta(body).get("ownerReferences"))
    return any(border.mapping(owner).get("controller") is True for owner in owners)


def _meta(body: Any) -> dict[str, Any]:
    return border.mapping(border.mapping(body).get("metadata"))
