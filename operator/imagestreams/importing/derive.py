"""Tags that get their image from another tag, or from an image of a stream's history. Pure.

The original's ImageStreamTag and ImageStreamImage sources. It follows live only within one stream; we
follow live across streams too, so that an alias never goes stale, unless `reference: true` asks for a
copy. Called by importing.record, after the answers of registries are in.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import Reason
from imagestreams.importing.sources import (
    IMAGE_STREAM_IMAGE,
    IMAGE_STREAM_TAG,
    TagKey,
    source_stream,
    source_tag,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.importing.sources import Sources
    from imagestreams.model.permission import Permission
    from imagestreams.model.status import TagEvent
    from imagestreams.model.stream import Source, Stream, StreamKey, TagSpec

_SHOWN = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Copied:
    """The image a tag gets from its source."""

    event: TagEvent


@dataclasses.dataclass(frozen=True, slots=True)
class Unfollowable:
    """Why a tag gets no image from its source, and what to do."""

    reason: Reason
    message: str


def derived(tag: TagSpec) -> bool:
    """Tell whether a tag gets its image from another tag or stream."""
    return tag.source is not None and tag.source.kind in {IMAGE_STREAM_TAG, IMAGE_STREAM_IMAGE}


def followed_streams(stream: Stream) -> frozenset[StreamKey]:
    """Name the other streams that a stream takes images from."""
    found = {source_stream(stream.key, tag.source) for tag in stream.tags if tag.source and derived(tag)}
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
    stream: Stream, tag: TagSpec, sources: Sources, *, permitted: Callable[[StreamKey], Permission]
) -> Copied | Unfollowable | None:
    """Find the image of a derived tag; None while there is nothing to say yet.

    In `sources` the tags that this one follows are up to date; `permitted` tells whether this stream's
    namespace may take images of a stream.
    """
    source = tag.source
    if source is None:
        return None
    if problem := _malformed(source):
        return Unfollowable(Reason.INVALID, problem)
    key = source_stream(stream.key, source)
    permission = permitted(key)
    if not permission.granted:
        return _forbidden(stream, key, permission)
    if not sources.there(key):
        return Unfollowable(
            Reason.NOT_FOUND,
            f'there is no stream "{key.name}" in namespace {key.namespace}. Create it, or correct '
            "spec.tags[].from.name; the tag is resolved as soon as it is there",
        )
    if source.kind == IMAGE_STREAM_IMAGE:
        return _pinned(source, key, sources)
    return _followed(TagKey(stream.key, tag.name), source_tag(stream.key, source), sources)


def _forbidden(stream: Stream, key: StreamKey, permission: Permission) -> Unfollowable | None:
    if permission.granted is None:
        return None
    return Unfollowable(Reason.FORBIDDEN, permission.refusal(stream.key.namespace, key))


def _followed(follower: TagKey, source: TagKey, sources: Sources) -> Copied | Unfollowable | None:
    if circle := sources.circle(follower):
        return Unfollowable(
            Reason.INVALID,
            f"it follows itself: {_chain(circle)}. Give one of these tags an image of its own",
        )
    status = sources.status(source)
    if status is not None and status.current is not None:
        return Copied(status.current)
    if status is not None and (failure := status.failure) is not None:
        return Unfollowable(
            Reason(failure.reason) if failure.reason in set(Reason) else Reason.INTERNAL_ERROR,
            f"it follows {source}, which has no image: {failure.message}",
        )
    spec = sources.spec(source)
    if spec is None:
        there = ", ".join(sources.tags(source.stream)[:10]) or "none"
        return Unfollowable(
            Reason.NOT_FOUND,
            f"it follows {source}, and there is no such tag; there is {there}. Create it, or correct "
            "spec.tags[].from.name; the tag is resolved as soon as it is there",
        )
    if spec.source is None:
        return Unfollowable(
            Reason.NOT_FOUND,
            f"it follows {source}, which has no image, and no source to import one from. Give it a source "
            "(spec.tags[].from), or follow another tag; the tag is resolved as soon as there is an image",
        )
    return None


def _chain(circle: tuple[TagKey, ...]) -> str:
    shown = [str(key) for key in circle[:_SHOWN]]
    if len(circle) > _SHOWN:
        shown.append(f"{len(circle) - _SHOWN} more")
    return " -> ".join([*shown, str(circle[0])])


def _pinned(source: Source, key: StreamKey, sources: Sources) -> Copied | Unfollowable:
    wanted = source.name.rpartition("@")[2].removeprefix("sha256:")
    found = sources.images(key, wanted)
    if len(found) == 1:
        return Copied(found[0])
    if found:
        return Unfollowable(
            Reason.INVALID,
            f"{len(found)} images of {key} begin with {wanted}; write more digits: "
            f"{', '.join(item.image for item in found[:5])}",
        )
    return Unfollowable(
        Reason.NOT_FOUND,
        f"no image in the history of {key} begins with {wanted}. Name one that is in its status.tags[].items",
    )


def _own_source(stream: Stream, tag: TagSpec) -> str:
    source = tag.source
    if source is None or source.kind != IMAGE_STREAM_TAG:
        return ""
    key = source_tag(stream.key, source)
    return key.tag if key.stream == stream.key else ""


def _malformed(source: Source) -> str:
    separator = ":" if source.kind == IMAGE_STREAM_TAG else "@"
    parts = source.name.split(separator)
    if len(parts) > 2 or not all(parts):
        forms = "TAG or STREAM:TAG" if source.kind == IMAGE_STREAM_TAG else "DIGEST or STREAM@DIGEST"
        return f'"{source.name[:200]}" is not {forms}; correct spec.tags[].from.name'
    return ""
