"""Writes of an ImageStreamTag or ImageTag as what they are: edits of their stream. Pure.

Neither kind is stored. What is written to one is written to the spec tag of the stream, by the same rules as
a write of the stream itself (imageapi.stream_edits); what is deleted goes from spec and from status. Who
reads, writes and tries again is imageapi.stream_tags.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers
from imagestreams.imageapi.resources import STORED_VERSION
from imagestreams.imageapi.stream_edits import is_forced, restored_tag
from imagestreams.imageapi.stream_view import tag_histories, tag_references
from imagestreams.model import border
from imagestreams.model.stream import IMPORT_MODE_LEGACY

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class TagEdit:
    """What has to be written for a write of a tag."""

    stream: dict[str, Any]
    """The whole stream with its new spec, as the CRD stores it."""
    changed: bool
    """Whether the spec is another than before."""
    created: bool
    """Whether the stream had no such spec tag."""
    forced: bool
    """Whether the tag is to be imported anew, for which its status has to lose the intent."""


def new_stream(namespace: str, name: str) -> dict[str, Any]:
    """Make the stream that a tag is written to where there is none."""
    return {
        "apiVersion": STORED_VERSION,
        "kind": "ImageStream",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
    }


def has_spec_tag(stored: Mapping[str, Any], tag: str) -> bool:
    """Tell whether a stream's spec has a tag."""
    return _spec_tag(stored, tag) is not None


def edit_stream_tag(
    stored: Mapping[str, Any], tag: str, sent: Mapping[str, Any], *, mode: str = IMPORT_MODE_LEGACY
) -> TagEdit:
    """Write an ImageStreamTag: its `tag`, if it has one, with the annotations of its metadata.

    Raises StatusError (400) where it has none, and the stream neither.
    """
    wanted = sent.get("tag")
    if wanted is None:
        wanted = tag_references(stored, tag_histories(stored), mode=mode).get(tag)
    if wanted is None:
        metadata = border.mapping(stored.get("metadata"))
        where = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        raise answers.bad_request(
            f"imagestreamtag {tag} is not a spec tag in imagestream {where}, cannot be updated"
        )
    notes = border.mapping(sent.get("metadata")).get("annotations")
    return _edit(stored, tag, {**wanted, "annotations": notes}, mode)


def create_stream_tag(
    stored: Mapping[str, Any], tag: str, sent: Mapping[str, Any], *, mode: str = IMPORT_MODE_LEGACY
) -> TagEdit:
    """Write an ImageStreamTag that is new; without a `tag` it makes sure of the stream alone."""
    wanted = sent.get("tag")
    if wanted is None:
        return TagEdit(dict(stored), changed=False, created=True, forced=False)
    notes = border.mapping(sent.get("metadata")).get("annotations")
    return _edit(stored, tag, {**wanted, "annotations": wanted.get("annotations") or notes}, mode)


def edit_image_tag(
    stored: Mapping[str, Any], tag: str, sent: Mapping[str, Any], *, mode: str = IMPORT_MODE_LEGACY
) -> TagEdit:
    """Write an ImageTag: its spec. Without one, the spec tag is removed, and its history stays."""
    wanted = sent.get("spec")
    if wanted is None:
        known = has_spec_tag(stored, tag)
        stream = without_spec_tag(stored, tag) if known else dict(stored)
        return TagEdit(stream, changed=known, created=not known, forced=False)
    return _edit(stored, tag, dict(wanted), mode)


def without_spec_tag(stored: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """Give a stream without a spec tag."""
    spec = border.mapping(stored.get("spec"))
    tags = [each for each in border.items(spec.get("tags")) if border.mapping(each).get("name") != tag]
    return {**stored, "spec": {**spec, "tags": tags}}


def without_history(stored: Mapping[str, Any], tag: str) -> dict[str, Any] | None:
    """Give a stream whose status knows nothing of a tag; None where it knows nothing already."""
    status = border.mapping(stored.get("status"))
    known = border.items(status.get("tags"))
    tags = [each for each in known if border.mapping(each).get("tag") != tag]
    return None if len(tags) == len(known) else {**stored, "status": {**status, "tags": tags}}


def _edit(stored: Mapping[str, Any], tag: str, wanted: dict[str, Any], mode: str) -> TagEdit:
    known = _spec_tag(stored, tag)
    shown = tag_references(stored, tag_histories(stored), mode=mode).get(tag)
    written = restored_tag({**wanted, "name": tag}, shown, known)
    spec = border.mapping(stored.get("spec"))
    tags = border.items(spec.get("tags"))
    kept = [written if each is known else each for each in tags]
    tags = [*kept, written] if known is None else kept
    return TagEdit(
        {**stored, "spec": {**spec, "tags": tags}},
        changed=written != known,
        created=known is None,
        forced=is_forced(wanted) and known is not None,
    )


def _spec_tag(stored: Mapping[str, Any], tag: str) -> dict[str, Any] | None:
    tags = border.items(border.mapping(stored.get("spec")).get("tags"))
    found = [each for each in map(border.mapping, tags) if each.get("name") == tag]
    # Of two of a name the last counts.
    return found[-1] if found else None
