"""Tags that get their image from another tag, or from an image of a stream's history. Pure.

The original's ImageStreamTag and ImageStreamImage sources. It follows live only within one stream; we
follow live across streams too, so that an alias never goes stale, unless `reference: true` asks for a
copy. Called by importing.record, after the answers of registries are in.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import Reason
from imagestreams.model.stream import StreamKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagestreams.model.status import TagEvent, TagStatus
    from imagestreams.model.stream import Source, Stream, TagSpec

IMAGE_STREAM_TAG = "ImageStreamTag"
IMAGE_STREAM_IMAGE = "ImageStreamImage"


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class TagKey:
    """A tag of a stream."""

    stream: StreamKey
    tag: str

    def __str__(self) -> str:
        return f"{self.stream}:{self.tag}"


@dataclasses.dataclass(frozen=True, slots=True)
class Copied:
    """The image a tag gets from its source."""

    event: TagEvent


@dataclasses.dataclass(frozen=True, slots=True)
class Unfollowable:
    """Why a tag gets no image from its source, and what to do."""

    reason: Reason
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Permission:
    """Whether a namespace may take images of a stream of another; `granted` None: not known yet."""

    granted: bool | None
    how: str = ""
    """The commands that grant it."""


def derived(tag: TagSpec) -> bool:
    """Tell whether a tag gets its image from another tag or stream."""
    return tag.source is not None and tag.source.kind in {IMAGE_STREAM_TAG, IMAGE_STREAM_IMAGE}


def source_stream(stream: Stream, source: Source) -> StreamKey:
    """Say which stream a source is in: `tag` and bare digests mean the stream's own name."""
    separator = ":" if source.kind == IMAGE_STREAM_TAG else "@"
    name, found, _ = source.name.partition(separator)
    bare = not found or (source.kind == IMAGE_STREAM_IMAGE and name == "sha256")
    return StreamKey(source.namespace or stream.key.namespace, stream.key.name if bare else name)


def followed_streams(stream: Stream) -> frozenset[StreamKey]:
    """Name the other streams that a stream takes images from."""
    found = {source_stream(stream, tag.source) for tag in stream.tags if tag.source and derived(tag)}
    return frozenset(found - {stream.key})


def in_order(stream: Stream) -> list[TagSpec]:
    """Give the derived tags of a stream so that each comes after the tag of the stream that it follows."""
    by_name = {tag.name: tag for tag in stream.tags if derived(tag)}
    ordered: dict[str, TagSpec] = {}
    for start in by_name.values():
        path: dict[str, TagSpec] = {}
        tag: TagSpec | None = start
        while tag is not None and tag.name not in ordered and tag.name not in path:
            path[tag.name] = tag
            tag = by_name.get(_own_source(stream, tag))
        ordered.update(reversed(path.items()))
    return list(ordered.values())


def derive(
    stream: Stream,
    tag: TagSpec,
    tags: Mapping[str, TagStatus],
    *,
    lookup: Callable[[StreamKey], Stream | None],
    permitted: Callable[[StreamKey], Permission],
) -> Copied | Unfollowable | None:
    """Find the image of a derived tag; None while there is nothing to say yet.

    `tags` is the status of the stream's own tags, with those that this one follows up to date; `lookup`
    finds other streams, `permitted` tells whether this stream's namespace may take images of them.
    """
    source = tag.source
    if source is None:
        return None
    if problem := _malformed(source):
        return Unfollowable(Reason.INVALID, problem)
    key = source_stream(stream, source)
    permission = permitted(key)
    if not permission.granted:
        return None if permission.granted is None else _forbidden(stream, key, permission)
    own = key == stream.key
    other = stream if own else lookup(key)
    if other is None:
        return Unfollowable(
            Reason.NOT_FOUND,
            f'there is no stream "{key.name}" in namespace {key.namespace}. Create it, or correct '
            "spec.tags[].from.name; the tag is resolved as soon as it is there",
        )
    known = tags if own else {item.tag: item for item in other.status.tags}
    if source.kind == IMAGE_STREAM_IMAGE:
        return _pinned(source, key, known)
    return _followed(stream, tag, TagKey(key, _tag_name(source)), known, lookup)


def _forbidden(stream: Stream, key: StreamKey, permission: Permission) -> Unfollowable:
    return Unfollowable(
        Reason.FORBIDDEN,
        f"namespace {stream.key.namespace} may not take images of {key}: its service accounts may not "
        f'"get" its imagestreams/layers. Who may grant it runs: {permission.how}',
    )


def _followed(
    stream: Stream,
    tag: TagSpec,
    source: TagKey,
    known: Mapping[str, TagStatus],
    lookup: Callable[[StreamKey], Stream | None],
) -> Copied | Unfollowable | None:
    if loop := _loop(stream, TagKey(stream.key, tag.name), lookup):
        chain = " -> ".join(str(key) for key in loop)
        return Unfollowable(
            Reason.INVALID, f"it follows itself: {chain}. Give one of these tags an image of its own"
        )
    status = known.get(source.tag)
    if status is not None and status.current is not None:
        return Copied(status.current)
    if status is not None and (failure := status.failure) is not None:
        return Unfollowable(
            Reason(failure.reason) if failure.reason in set(Reason) else Reason.INTERNAL_ERROR,
            f"it follows {source}, which has no image: {failure.message}",
        )
    other = stream if source.stream == stream.key else lookup(source.stream)
    if other is not None and other.tag(source.tag) is None:
        there = ", ".join(sorted({item.name for item in other.tags} | set(known))[:10]) or "none"
        return Unfollowable(
            Reason.NOT_FOUND,
            f"it follows {source}, and there is no such tag; there is {there}. Create it, or correct "
            "spec.tags[].from.name; the tag is resolved as soon as it is there",
        )
    return None


def _loop(stream: Stream, start: TagKey, lookup: Callable[[StreamKey], Stream | None]) -> tuple[TagKey, ...]:
    path: list[TagKey] = []
    at: TagKey | None = start
    while at is not None:
        path.append(at)
        owner = stream if at.stream == stream.key else lookup(at.stream)
        spec = owner.tag(at.tag) if owner is not None else None
        if owner is None or spec is None or spec.source is None or spec.source.kind != IMAGE_STREAM_TAG:
            return ()
        at = TagKey(source_stream(owner, spec.source), _tag_name(spec.source))
        if at in path:
            return (*path[path.index(at) :], at)
    return ()


def _pinned(source: Source, key: StreamKey, known: Mapping[str, TagStatus]) -> Copied | Unfollowable:
    wanted = source.name.rpartition("@")[2].removeprefix("sha256:")
    found = {
        item.image: item
        for status in known.values()
        for item in status.items
        if item.image.removeprefix("sha256:").startswith(wanted) and item.image
    }
    if len(found) == 1:
        return Copied(next(iter(found.values())))
    if found:
        return Unfollowable(
            Reason.INVALID,
            f"{len(found)} images of {key} begin with {wanted}; write more digits: "
            f"{', '.join(sorted(found)[:5])}",
        )
    return Unfollowable(
        Reason.NOT_FOUND,
        f"no image in the history of {key} begins with {wanted}. Name one that is in its status.tags[].items",
    )


def _own_source(stream: Stream, tag: TagSpec) -> str:
    source = tag.source
    if source is None or source.kind != IMAGE_STREAM_TAG or source_stream(stream, source) != stream.key:
        return ""
    return _tag_name(source)


def _tag_name(source: Source) -> str:
    return source.name.partition(":")[2] or source.name


def _malformed(source: Source) -> str:
    separator = ":" if source.kind == IMAGE_STREAM_TAG else "@"
    parts = source.name.split(separator)
    if len(parts) > 2 or not all(parts):
        forms = "TAG or STREAM:TAG" if source.kind == IMAGE_STREAM_TAG else "DIGEST or STREAM@DIGEST"
        return f'"{source.name[:200]}" is not {forms}; correct spec.tags[].from.name'
    return ""
