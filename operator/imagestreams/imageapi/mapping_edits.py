"""An ImageStreamMapping as what it is: an Image to store, and one more event in the history of a tag. Pure.

What the original's registry sends after a push. A manifest that comes with it has to be the one that names
the image, for that image is everybody's, and it says what is in it. Spec is not touched: a tag that was only
pushed is in status alone. What the event changes beyond its own tag is importing.record's, as for any other.
Who reads, writes and tries again is imageapi.mappings.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers
from imagestreams.imageapi.resources import STORED_VERSION
from imagestreams.imageapi.shapes import check_shape
from imagestreams.imageapi.validation import NO_TAG, invalid, required, segment, unreadable
from imagestreams.importing.cautions import items_kept
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.record import record
from imagestreams.importing.repository import NOTHING_KNOWN
from imagestreams.model import annotation_keys, border
from imagestreams.model.history import add_event
from imagestreams.model.image import LAYERS_ORDER, MANAGED_LABEL, image_name
from imagestreams.model.permission import own_alone
from imagestreams.model.reference import is_digest, is_tag
from imagestreams.model.status import IMPORT_SUCCESS, TagEvent, TagStatus
from imagestreams.registry.description import config_of, describe_image, describe_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.imageapi.answers import Cause
    from imagestreams.model.status import StreamStatus
    from imagestreams.model.stream import Stream

KIND = "ImageStreamMapping"
RESOURCE = "imagestreammappings"
_MANIFEST, _CONFIG = _BLOBS = ("dockerImageManifest", "dockerImageConfig")
_METADATA, _MEDIA_TYPE = "dockerImageMetadata", "dockerImageManifestMediaType"
_PARTS = ("dockerImageLayers", "dockerImageManifests")
_BLOB_STORED = "image.openshift.io/manifestBlobStored"
"""The original's annotation on an Image whose registry keeps manifest and config itself."""
_NOT_STORED = frozenset({"kind", "apiVersion", "metadata", "signatures"})
_NO_DIGEST = "an image is named by the digest of its manifest: sha256: and 64 hexadecimal digits"


@dataclasses.dataclass(frozen=True, slots=True)
class ImageMapping:
    """What was pushed, and where to."""

    stream: str
    tag: str
    digest: str
    pull_spec: str
    image: dict[str, Any]
    """The Image as the CRD stores it."""


def read_mapping(sent: Mapping[str, Any], namespace: str) -> ImageMapping:
    """Read what was sent to a namespace. Raises StatusError (400, 422) with all that is wrong with it."""
    check_shape(KIND, sent)
    metadata, image = border.mapping(sent.get("metadata")), border.mapping(sent.get("image"))
    if (metadata.get("namespace") or namespace) != namespace:
        raise answers.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    name, tag = border.text(metadata.get("name")), border.text(sent.get("tag"))
    if causes := [*_named(name), *_tag(tag), *_image(image)]:
        raise answers.invalid(KIND, name, causes)
    return ImageMapping(
        name,
        tag,
        border.text(border.mapping(image.get("metadata")).get("name")),
        border.text(image.get("dockerImageReference")),
        stored_image(image),
    )


def stored_image(image: Mapping[str, Any]) -> dict[str, Any]:
    """Give an Image that was pushed as the CRD stores it: what its manifest says of it is so.

    It has the label of those that are ours, so it goes some time after the last history that named it.
    As in the original, signatures are not taken from whoever pushes.
    """
    metadata = border.mapping(image.get("metadata"))
    digest = border.text(metadata.get("name"))
    sent = {field: value for field, value in image.items() if value is not None and field not in _NOT_STORED}
    described = _described(sent, digest)
    content = {**sent, **described}
    if described:
        # What no manifest names is nobody's: a config beside an index, or parts that were sent.
        foreign = {*_PARTS, *(() if config_of(_blob(sent, _MANIFEST)) else (_CONFIG,))} - described.keys()
        content = {field: value for field, value in content.items() if field not in foreign}
    # What we note on Images ourselves is nobody else's to say.
    notes = {
        key: value
        for key, value in border.mapping(metadata.get("annotations")).items()
        if key != annotation_keys.UNREFERENCED_SINCE
    }
    if notes.get(_BLOB_STORED) == "true":
        content = {field: value for field, value in content.items() if field not in _BLOBS}
    if "dockerImageLayers" in described:
        notes |= dict([LAYERS_ORDER])
    return {
        "apiVersion": STORED_VERSION,
        "kind": "Image",
        "metadata": {
            "name": image_name(digest),
            "labels": {**border.mapping(metadata.get("labels")), **dict([MANAGED_LABEL])},
            "annotations": notes,
        },
        **content,
    }


def with_push(
    stream: Stream, mapping: ImageMapping, *, now: str, defaults: Defaults | None = None
) -> StreamStatus:
    """Give the status of a stream after a push; `now` is RFC 3339 in UTC.

    The tags of the stream that follow the tag have the image too. A tag that is held stays where it is, and
    the image is what is available. What is said of the whole stream stays the operator's to say.
    """
    defaults = defaults or Defaults()
    event = TagEvent(now, mapping.pull_spec, mapping.digest, stream.generation)
    before = stream.status.tag(mapping.tag) or TagStatus(mapping.tag)
    spec = stream.tag(mapping.tag)
    # It is not of the index that the image before it was chosen from; and what failed before is over.
    conditions = tuple(each for each in before.conditions if each.type != IMPORT_SUCCESS)
    pushed = dataclasses.replace(before, index="", conditions=conditions)
    if spec is not None and spec.hold and before.current is not None:
        pushed = dataclasses.replace(pushed, available=dataclasses.replace(event, generation=0))
    else:
        items = add_event(before.items, event, keep=items_kept(stream, defaults))
        pushed = dataclasses.replace(pushed, items=items)
    others = (tag for tag in stream.status.tags if tag.tag != mapping.tag)
    tags = tuple(sorted((*others, pushed), key=lambda tag: tag.tag))
    after = dataclasses.replace(stream, status=dataclasses.replace(stream.status, tags=tags))

    found = record(
        effective(after, NOTHING_KNOWN, defaults),
        {},
        now=now,
        lookup=lambda _: None,
        permitted=own_alone(stream.key),
        defaults=defaults,
    )
    return dataclasses.replace(stream.status, tags=found.tags, summary=found.summary)


def same_place(tag: str, one: Stream, other: Stream) -> bool:
    """Tell whether a tag stands for the same image in two versions of a stream.

    If it does not, somebody else pushed or imported meanwhile, and whose image is the newer is not known.
    """
    events = [
        status.current if (status := stream.status.tag(tag)) is not None else None for stream in (one, other)
    ]
    before, now = ((event.image, event.reference) if event is not None else None for event in events)
    return before is None or before == now


def _named(name: str) -> list[Cause]:
    path = "metadata.name"
    return segment(name, path) if name else [required(path, "name or generateName is required")]


def _tag(tag: str) -> list[Cause]:
    if not tag:
        return [required("tag")]
    return [] if is_tag(tag) else [invalid("tag", tag, NO_TAG)]


def _image(image: Mapping[str, Any]) -> list[Cause]:
    digest = border.text(border.mapping(image.get("metadata")).get("name"))
    pull_spec = border.text(image.get("dockerImageReference"))
    name, reference = "image.metadata.name", "image.dockerImageReference"
    causes = []
    if not digest:
        causes.append(required(name, "name or generateName is required"))
    elif not is_digest(digest):
        causes.append(invalid(name, digest, _NO_DIGEST))
    else:
        causes += _hashed(image, digest)
    if not pull_spec:
        causes.append(required(reference))
    elif why := unreadable(pull_spec):
        causes.append(invalid(reference, pull_spec, why))
    return causes


def _hashed(image: Mapping[str, Any], digest: str) -> list[Cause]:
    """Say whether manifest and config, where they came, are those that the name of the image stands for."""
    manifest = _blob(image, _MANIFEST)
    if not manifest or _is_signed(_load(manifest)):
        return []
    if (found := _digest(manifest)) != digest:
        why = f'the manifest has this digest, and the image is named "{digest}"'
        return [invalid(f"image.{_MANIFEST}", found, why)]
    config, named = _blob(image, _CONFIG), config_of(manifest)
    if config and named is not None and (found := _digest(config)) != named.digest:
        why = f'the config has this digest, and the manifest names "{named.digest}"'
        return [invalid(f"image.{_CONFIG}", found, why)]
    return []


def _described(image: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """Describe an image by its manifest and config, where they came with it."""
    manifest, config = _blob(image, _MANIFEST), _blob(image, _CONFIG)
    body = _load(manifest)
    if not manifest or _is_signed(body):
        return {}
    media_type = border.text(body.get("mediaType")) or border.text(image.get(_MEDIA_TYPE))
    found = describe_index(manifest, digest=digest, media_type=media_type)
    if not found.manifests:
        found = describe_image(manifest, digest=digest, media_type=media_type, config=config)
    known = {field: value for field, value in found.to_json("").items() if value and field not in _NOT_STORED}
    if not config:
        # A manifest alone says little of how the image is run.
        sent = border.mapping(image.get(_METADATA))
        known[_METADATA] = {**found.metadata, **sent, "Id": found.metadata["Id"]}
    return known


def _blob(image: Mapping[str, Any], field: str) -> bytes:
    return border.text(image.get(field)).encode(errors="replace")


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _load(manifest: bytes) -> dict[str, Any]:
    try:
        return border.mapping(json.loads(manifest))
    except (ValueError, RecursionError):
        return {}


def _is_signed(manifest: Mapping[str, Any]) -> bool:
    # Docker's schema 1: its digest is that of a part of it, without the signatures.
    return manifest.get("schemaVersion") == 1 and bool(manifest.get("signatures"))
