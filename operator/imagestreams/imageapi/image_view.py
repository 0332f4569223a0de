"""Images, and which of them belong to a stream, as readers of image.openshift.io/v1 see them. Pure.

An Image is stored under a name without ":", and soon after its tag is imported, not before. So where a
stream names an image that is not stored (yet), as much of it is shown as is known. Neighbours: model.image
makes what is stored; imageapi.tag_view shows the image of a tag.

What is not changed is not copied: a view shares it with what it was made from, and neither may be altered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.imageapi.stream_view import tag_histories, view_managers, view_metadata
from imagestreams.model import border
from imagestreams.model.image import METADATA_VERSION, image_digest
from imagestreams.model.reference import is_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    FindImage = Callable[[str], Mapping[str, Any] | None]
    """Gives the stored Image of a digest; None where none is stored."""

_METADATA: dict[str, Any] = {
    "kind": "DockerImage",
    "apiVersion": "image.openshift.io/1.0",
    "Id": "",
    "Created": None,
    "ContainerConfig": {},
}
_NOT_OF_AN_OBJECT = ("kind", "apiVersion", "metadata")
_BLOBS = ("dockerImageManifest", "dockerImageConfig")
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIGS = {
    _MANIFEST: "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.manifest.v1+json": "application/vnd.oci.image.config.v1+json",
}
"""The media type of an image's config, by that of its manifest."""


def view_image(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Show a stored Image as v1."""
    metadata = _image_metadata(stored)
    return {
        "kind": "Image",
        "apiVersion": API_VERSION,
        **_content(stored, metadata),
        "metadata": metadata,
    }


def embedded_image(
    stored: Mapping[str, Any] | None,
    digest: str,
    *,
    pull_spec: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Show an Image inside of another object, without the blobs; one that is not stored by its name alone.

    `pull_spec` replaces the one that it was first imported from, `annotations` are added to its own.
    """
    metadata: dict[str, Any]
    if stored is None:
        metadata = {"name": digest} if digest else {}
        shown = {"dockerImageMetadata": _METADATA, "dockerImageMetadataVersion": METADATA_VERSION}
    else:
        metadata = _image_metadata(stored)
        metadata.pop("managedFields", None)
        shown = _content(stored, metadata)
        for blob in _BLOBS:
            shown.pop(blob, None)
        if annotations:
            metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}
    if pull_spec is not None:
        shown.pop("dockerImageReference", None)
        shown |= border.without_empty(dockerImageReference=pull_spec)
    shown["metadata"] = metadata
    return shown


def split_stream_image(name: str) -> tuple[str, str]:
    """Read STREAM@DIGEST, the digest in full or how it begins.

    Raises StatusError (400), in the original's words.
    """
    stream, at, digest = name.partition("@")
    if not stream or not at or not digest or "@" in digest:
        raise answers.bad_request("ImageStreamImages must be retrieved with <name>@<id>")
    return stream, digest


def history_images(stored: Mapping[str, Any]) -> dict[str, str]:
    """List the digests in the history of a stream's tags, each with a pull spec of it."""
    found: dict[str, str] = {}
    for tag in tag_histories(stored).values():
        for item in map(border.mapping, border.items(tag.get("items"))):
            if digest := border.text(item.get("image")):
                found.setdefault(digest, border.text(item.get("dockerImageReference")))
    return found


def wanted_images(
    stored_stream: Mapping[str, Any], name: str, known: Mapping[str, Mapping[str, Any] | None]
) -> list[str]:
    """Say which Images view_stream_image still has to be given for STREAM@DIGEST: ask until none is left.

    `known` are those that were looked for, by digest; None for what is not stored. All images of the history
    are wanted only where none of them is meant: then it may be one of the children of an index.
    """
    _, wanted = split_stream_image(name)
    history = history_images(stored_stream)
    found = _matching(history, wanted)
    if not found:
        missing = [digest for digest in history if digest not in known]
        if missing:
            return missing
        found = _matching(_children(history, known.get), wanted)
    return [digest for digest in found if digest not in known] if len(found) == 1 else []


def view_stream_image(stored_stream: Mapping[str, Any], name: str, find_image: FindImage) -> dict[str, Any]:
    """Show one image of a stream by STREAM@DIGEST: of the history of a tag, or the child of an index in it.

    Raises StatusError: 404 where the stream has no such image, 409 where several begin so.
    """
    stream, wanted = split_stream_image(name)
    history = history_images(stored_stream)
    children: dict[str, dict[str, Any]] = {}
    found = _matching(history, wanted)
    if not found:
        children = _children(history, find_image)
        found = _matching(children, wanted)
    if not found:
        # Not the plural: so the original says it.
        raise answers.not_found("imagestreamimage", name)
    if len(found) > 1:
        why = f'multiple images match the prefix "{wanted}": {", ".join(sorted(found))}'
        raise answers.conflict("imagestreamimages", name, why)
    digest = found[0]
    image = find_image(digest) or children.get(digest)
    shown = embedded_image(image, digest, pull_spec=None if image else history[digest])
    owner = view_metadata(stored_stream, tag_histories(stored_stream))
    created = shown["metadata"].get("creationTimestamp") or owner.get("creationTimestamp")
    return {
        "kind": "ImageStreamImage",
        "apiVersion": API_VERSION,
        "metadata": {
            "name": f"{stream}@{wanted}",
            **border.without_empty(
                namespace=owner.get("namespace"),
                creationTimestamp=created,
                annotations=owner.get("annotations"),
            ),
        },
        "image": shown,
    }


def view_layers(
    stored_stream: Mapping[str, Any], images: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Show what a registry may serve of a stream: all images of its history, and the blobs of them.

    `images` are the stored Images by digest; one that is not among them is shown as missing.
    """
    blobs: dict[str, Any] = {}
    references: dict[str, Any] = {}
    history = history_images(stored_stream)
    for digest in [*history, *_children(history, images.get)]:
        stored = images.get(digest)
        references[digest] = {"layers": None, "imageMissing": True} if stored is None else _parts(stored)
        if stored is not None:
            blobs |= {name: blob for name, blob in _blobs(stored, digest) if name not in blobs}
    metadata = view_metadata(stored_stream, tag_histories(stored_stream))
    metadata.pop("managedFields", None)
    return {
        "kind": "ImageStreamLayers",
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "blobs": blobs,
        "images": references,
    }


def _image_metadata(stored: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        field: value
        for field, value in border.mapping(stored.get("metadata")).items()
        # The original's Images have no generation: they never change.
        if field != "generation" and (value or field not in ("annotations", "labels"))
    }
    shown["name"] = image_digest(border.text(shown.get("name")))
    return shown | view_managers(shown)


def _content(stored: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    shown = {field: value for field, value in stored.items() if value and field not in _NOT_OF_AN_OBJECT}
    described = border.mapping(shown.get("dockerImageMetadata")) or _METADATA
    if shown.get("dockerImageManifests") and not described.get("Created"):
        # An index has no time of its own; the original writes when it was imported.
        described = {**described, "Created": metadata.get("creationTimestamp")}
    shown["dockerImageMetadata"] = described
    shown.setdefault("dockerImageMetadataVersion", METADATA_VERSION)
    return shown


def _matching(digests: Iterable[str], wanted: str) -> list[str]:
    """Find the digests that are meant, by how they or their hex digits begin."""
    found = list(digests)
    if is_digest(wanted):
        return [wanted] if wanted in found else []
    return [each for each in found if each.startswith(wanted) or each.partition(":")[2].startswith(wanted)]


def _children(history: Mapping[str, str], find_image: FindImage) -> dict[str, dict[str, Any]]:
    """List the images in the indexes of a history, each as far as its index describes it."""
    found: dict[str, dict[str, Any]] = {}
    for digest, pull_spec in history.items():
        index = find_image(digest)
        if index is None:
            continue
        created = border.mapping(index.get("metadata")).get("creationTimestamp")
        for entry in map(border.mapping, border.items(index.get("dockerImageManifests"))):
            child = border.text(entry.get("digest"))
            if child and child not in history:
                found.setdefault(child, _child(entry, child, pull_spec.partition("@")[0], created))
    return found


def _child(entry: Mapping[str, Any], digest: str, repository: str, created: Any) -> dict[str, Any]:
    described = {**_METADATA, **border.without_empty(Architecture=entry.get("architecture"))}
    return {
        "metadata": {"name": digest, **border.without_empty(creationTimestamp=created)},
        "dockerImageReference": f"{repository}@{digest}",
        "dockerImageManifestMediaType": entry.get("mediaType"),
        "dockerImageMetadata": described,
    }


def _parts(stored: Mapping[str, Any]) -> dict[str, Any]:
    layers = [
        layer.get("name") for layer in map(border.mapping, border.items(stored.get("dockerImageLayers")))
    ]
    manifests = [
        child.get("digest") for child in map(border.mapping, border.items(stored.get("dockerImageManifests")))
    ]
    config = _config(stored)
    return {
        "layers": layers or None,
        **border.without_empty(config=config and config[0], manifests=manifests),
    }


def _blobs(stored: Mapping[str, Any], digest: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for layer in map(border.mapping, border.items(stored.get("dockerImageLayers"))):
        yield border.text(layer.get("name")), {"size": layer.get("size"), "mediaType": layer.get("mediaType")}
    if config := _config(stored):
        yield config[0], {"size": None, "mediaType": config[1]}
    # A manifest is a blob, too; how large it is, is not stored.
    media_type = border.text(stored.get("dockerImageManifestMediaType")) or _MANIFEST
    yield digest, {"size": None, "mediaType": media_type}


def _config(stored: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name the config blob of an image with its media type; the metadata's Id is its digest."""
    kind = _CONFIGS.get(border.text(stored.get("dockerImageManifestMediaType")) or _MANIFEST)
    name = border.text(border.mapping(stored.get("dockerImageMetadata")).get("Id"))
    return (name, kind) if kind and is_digest(name) else None
