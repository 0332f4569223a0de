"""What imagestreamtags and imagetags differ in: the one table of both. Pure; used by imageapi.stream_tags."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import tag_edits, tag_view, validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imagestreams.imageapi.answers import Cause
    from imagestreams.imageapi.tag_edits import TagEdit


@dataclasses.dataclass(frozen=True, slots=True)
class TagKind:
    """What imagestreamtags and imagetags differ in."""

    resource: str
    kind: str
    existing: str
    """As what one that is there already is told: the original has the singular for one of them."""
    view: Callable[..., dict[str, Any] | None]
    names: Callable[[Mapping[str, Any]], list[str]]
    """The tags of a stream that have one."""
    views: Callable[..., Iterator[dict[str, Any]]]
    validate: Callable[[Mapping[str, Any], Mapping[str, Any] | None], list[Cause]]
    create: Callable[..., TagEdit]
    update: Callable[..., TagEdit]
    asked: str
    """The field that is the spec tag."""


STREAM_TAGS = TagKind(
    resource="imagestreamtags",
    kind="ImageStreamTag",
    existing="imagestreamtag",
    view=tag_view.view_stream_tag,
    names=tag_view.stream_tag_names,
    views=tag_view.view_stream_tags,
    validate=validation.validate_stream_tag,
    create=tag_edits.create_stream_tag,
    update=tag_edits.edit_stream_tag,
    asked="tag",
)
IMAGE_TAGS = TagKind(
    resource="imagetags",
    kind="ImageTag",
    existing="imagetags",
    view=tag_view.view_image_tag,
    names=tag_view.image_tag_names,
    views=tag_view.view_image_tags,
    validate=validation.validate_image_tag,
    create=tag_edits.edit_image_tag,
    update=tag_edits.edit_image_tag,
    asked="spec",
)
