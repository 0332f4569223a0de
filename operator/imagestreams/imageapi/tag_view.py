"""The tags of a stream as objects of their own: ImageStreamTag and ImageTag of image.openshift.io/v1. Pure.

Neither is stored. An ImageStreamTag is there where its tag has an image; an ImageTag, the newer of both,
where spec or status knows the tag. In lists neither shows more of an image than its name, as in the original:
there may be thousands. Neighbours: imageapi.stream_view shows the stream, imageapi.tag_edits is the way back.

What is not changed is not copied: a view shares it with what it was made from, and neither may be altered.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers
from imagestreams.imageapi.image_view import embedded_image
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.imageapi.stream_view import (
    LOCAL_POLICY,
    internal_repository,
    lookup_policy,
    tag_histories,
    tag_references,
    view_metadata,
)
from imagestreams.model import border
from imagestreams.model.stream import IMPORT_MODE_LEGACY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KINDS = {"imagestreamtags": "ImageStreamTags", "imagetags": "ImageTags"}


def split_stream_tag(resource: str, name: str) -> tuple[str, str]:
    """Read STREAM:TAG, the name of an object of imagestreamtags or imagetags.

    Raises StatusError (400), in the original's words.
    """
    stream, colon, tag = name.partition(":")
    if not stream or not colon or not tag or ":" in tag or "@" in name:
        raise answers.bad_request(f"{_KINDS[resource]} must be retrieved with <name>:<tag>")
    return stream, tag


def current_image(stored_stream: Mapping[str, Any], tag: str) -> str:
    """Say which image a tag stands for, by its digest; "" for none, and for what is only a reference."""
    return border.text(_current(tag_histories(stored_stream).get(tag)).get("image"))


def stream_tag_names(stored_stream: Mapping[str, Any]) -> list[str]:
    """List the tags that have an ImageStreamTag, in order: those with an image."""
    return [tag for tag, history in tag_histories(stored_stream).items() if _current(history).get("image")]


def image_tag_names(stored_stream: Mapping[str, Any]) -> list[str]:
    """List the tags that have an ImageTag, in order: those that spec or status knows."""
    spec = border.items(border.mapping(stored_stream.get("spec")).get("tags"))
    named = {border.text(tag.get("name")) for tag in map(border.mapping, spec)}
    return sorted(named.union(tag_histories(stored_stream)))


def view_stream_tag(
    stored_stream: Mapping[str, Any],
    tag: str,
    image: Mapping[str, Any] | None,
    *,
    pending: bool = False,
    mode: str = IMPORT_MODE_LEGACY,
) -> dict[str, Any] | None:
    """Show a tag as an ImageStreamTag; None where there is none.

    `image` is the stored Image of current_image. `pending` shows one without an image, too, which is what
    whoever wrote the tag is answered. `mode` is as in view_stream.
    """
    tags = _Tags.of(stored_stream, mode)
    if not pending and not _current(tags.histories.get(tag)).get("image"):
        return None
    return tags.stream_tag(tag, image)


def view_stream_tags(
    stored_stream: Mapping[str, Any], names: Sequence[str], *, mode: str = IMPORT_MODE_LEGACY
) -> Iterator[dict[str, Any]]:
    """Show some tags of stream_tag_names as in a list, in one go."""
    if names:
        tags = _Tags.of(stored_stream, mode)
        yield from (tags.stream_tag(tag, None) for tag in names)


def view_image_tag(
    stored_stream: Mapping[str, Any],
    tag: str,
    image: Mapping[str, Any] | None,
    *,
    pending: bool = False,
    mode: str = IMPORT_MODE_LEGACY,
) -> dict[str, Any] | None:
    """Show a tag as an ImageTag; None where neither spec nor status knows it. Else as view_stream_tag."""
    tags = _Tags.of(stored_stream, mode)
    if not pending and tag not in tags.references and tag not in tags.histories:
        return None
    return tags.image_tag(tag, image)


def view_image_tags(
    stored_stream: Mapping[str, Any], names: Sequence[str], *, mode: str = IMPORT_MODE_LEGACY
) -> Iterator[dict[str, Any]]:
    """Show some tags of image_tag_names as in a list, in one go."""
    if names:
        tags = _Tags.of(stored_stream, mode)
        yield from (tags.image_tag(tag, None) for tag in names)


@dataclasses.dataclass(frozen=True, slots=True)
class _Tags:
    """A stream, as far as all of its tags need it."""

    metadata: dict[str, Any]
    references: dict[str, dict[str, Any]]
    histories: dict[str, dict[str, Any]]
    internal: str
    """Where the internal registry has the stream, "" where there is none."""
    policy: dict[str, bool]

    @classmethod
    def of(cls, stored: Mapping[str, Any], mode: str) -> _Tags:
        histories = tag_histories(stored)
        metadata = view_metadata(stored, histories)
        # They tell who wrote which field of the stream; a tag has other fields.
        metadata.pop("managedFields", None)
        references = tag_references(stored, histories, mode=mode)
        return cls(metadata, references, histories, internal_repository(stored), lookup_policy(stored))

    def stream_tag(self, tag: str, image: Mapping[str, Any] | None) -> dict[str, Any]:
        history, reference = self.histories.get(tag), self.references.get(tag)
        event = _current(history)
        notes = reference["annotations"] if reference is not None else None
        conditions = history.get("conditions") if history is not None else None
        return {
            "kind": "ImageStreamTag",
            "apiVersion": API_VERSION,
            "metadata": self._stream_tag_metadata(tag, event, notes),
            "tag": reference,
            "generation": border.integer(event.get("generation")),
            "lookupPolicy": self.policy,
            **border.without_empty(conditions=conditions),
            "image": embedded_image(
                image,
                border.text(event.get("image")),
                pull_spec=self._pull_spec(reference, event),
                annotations=notes,
            ),
        }

    def image_tag(self, tag: str, image: Mapping[str, Any] | None) -> dict[str, Any]:
        history, reference = self.histories.get(tag), self.references.get(tag)
        shown = None
        if image is not None:
            event = _current(history)
            digest = border.text(event.get("image"))
            shown = embedded_image(image, digest, pull_spec=self._pull_spec(reference, event))
        return {
            "kind": "ImageTag",
            "apiVersion": API_VERSION,
            "metadata": {**self.metadata, "name": self._name(tag)},
            "spec": reference,
            "status": history,
            "image": shown,
        }

    def _stream_tag_metadata(
        self, tag: str, event: Mapping[str, Any], notes: Mapping[str, str] | None
    ) -> dict[str, Any]:
        stream = self.metadata
        created = event.get("created") or stream.get("creationTimestamp")
        return {
            "name": self._name(tag),
            **border.without_empty(
                namespace=stream.get("namespace"),
                uid=stream.get("uid"),
                resourceVersion=stream.get("resourceVersion"),
                creationTimestamp=created,
                labels=stream.get("labels"),
                annotations=notes,
            ),
        }

    def _name(self, tag: str) -> str:
        return f"{self.metadata.get('name', '')}:{tag}"

    def _pull_spec(self, reference: Mapping[str, Any] | None, event: Mapping[str, Any]) -> str:
        """Say how a tag is pulled: from its source, or by the internal registry where it is to be Local."""
        digest = border.text(event.get("image"))
        local = reference is not None and reference["referencePolicy"]["type"] == LOCAL_POLICY
        if local and self.internal and digest:
            return f"{self.internal}@{digest}"
        return border.text(event.get("dockerImageReference"))


def _current(history: Mapping[str, Any] | None) -> dict[str, Any]:
    items = border.items(history.get("items")) if history is not None else []
    return border.mapping(items[0]) if items else {}
