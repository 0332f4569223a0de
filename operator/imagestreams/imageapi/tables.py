"""The tables that `oc get` and `kubectl get` show: their columns, and the cells of an object. Pure.

Columns and cells are those of the original, which always makes the wide ones, too (priority 1); what has no
table of its own has that of Kubernetes. Made from views (imageapi.stream_view, tag_view, image_view) by
imageapi.negotiation. The words for times are in imageapi.ages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi.ages import ago
from imagestreams.importing import sources
from imagestreams.model import border, stream
from imagestreams.model.status import IMPORT_SUCCESS, TagEvent, TagStatus
from imagestreams.model.summary import shorten_tags

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources "
    "may allow a client to request the generation of an appropriate name automatically. Name is primarily "
    "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_CREATED = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
    "guaranteed to be set in happens-before order across separate operations. Clients may not set this "
    "value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for "
    "lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
_REFERENCE = "DockerImageReference is the string that can be used to pull this image."
_REPOSITORY = (
    "DockerImageRepository represents the effective location this stream may be accessed at. May be empty "
    "until the server determines where the repository is located"
)
_UPDATED = "Last update time."


def _column(name: str, description: str, *, kind: str = "string", priority: int = 0) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "format": "name" if name == "Name" else "",
        "description": description,
        "priority": priority,
    }


_NAME_COLUMN = _column("Name", _NAME)
_COLUMNS = {
    "images": [_NAME_COLUMN, _column("Image Reference", _REFERENCE)],
    "imagestreams": [
        _NAME_COLUMN,
        _column("Image Repository", _REPOSITORY),
        _column("Tags", "Human readable list of tags."),
        _column("Updated", _UPDATED),
    ],
    "imagestreamtags": [
        _NAME_COLUMN,
        _column("Image Reference", _REFERENCE),
        _column("Updated", _UPDATED),
        _column("Image Name", "image associated with the ImageStream and tag.", priority=1),
    ],
    "imagetags": [
        _NAME_COLUMN,
        _column("Spec", "The type of the tag's source: how it is kept up to date."),
        _column("Status", "What the tag stands for now, or why it stands for nothing new."),
        _column("History", "The number of images that the tag has stood for.", kind="integer"),
        _column("Updated", _UPDATED),
    ],
    "imagestreamimages": [
        _NAME_COLUMN,
        _column("Updated", _UPDATED),
        _column("Image Reference", _REFERENCE, priority=1),
        _column("Image Name", "image associated with the ImageStream and image name.", priority=1),
    ],
}
_DEFAULT = [_NAME_COLUMN, _column("Created At", _CREATED, kind="date")]


def columns(resource: str) -> list[dict[str, Any]]:
    """Give the columns of a resource's table, as metav1.TableColumnDefinition."""
    return _COLUMNS.get(resource, _DEFAULT)


def cells(resource: str, shown: Mapping[str, Any], now: dt.datetime) -> list[Any]:
    """Give the cells of an object's row, one for each of `columns`. `shown` is as in v1, `now` is aware."""
    metadata = border.mapping(shown.get("metadata"))
    return [border.text(metadata.get("name")), *_CELLS.get(resource, _default)(shown, now)]


def _default(shown: Mapping[str, Any], _now: dt.datetime) -> list[Any]:
    return [border.mapping(shown.get("metadata")).get("creationTimestamp")]


def _image(shown: Mapping[str, Any], _now: dt.datetime) -> list[Any]:
    return [border.text(shown.get("dockerImageReference"))]


def _stream(shown: Mapping[str, Any], now: dt.datetime) -> list[Any]:
    spec, status = border.mapping(shown.get("spec")), border.mapping(shown.get("status"))
    repository = (
        border.text(status.get("publicDockerImageRepository"))
        or border.text(spec.get("dockerImageRepository"))
        or border.text(status.get("dockerImageRepository"))
    )
    # Of each history the newest item is all that is needed.
    tags = [
        TagStatus(border.text(tag.get("tag")), tuple(map(TagEvent.parse, border.items(tag.get("items"))[:1])))
        for tag in map(border.mapping, border.items(status.get("tags")))
    ]
    updated = max((tag.items[0].created for tag in tags if tag.items), default="")
    return [repository, shorten_tags(tags), ago(updated, now)]


def _stream_tag(shown: Mapping[str, Any], now: dt.datetime) -> list[Any]:
    reference, name = _embedded(shown)
    return [reference, _updated(shown, now), name]


def _stream_image(shown: Mapping[str, Any], now: dt.datetime) -> list[Any]:
    return [_updated(shown, now), *_embedded(shown)]


def _embedded(shown: Mapping[str, Any]) -> tuple[str, str]:
    image = border.mapping(shown.get("image"))
    name = border.mapping(image.get("metadata")).get("name")
    return border.text(image.get("dockerImageReference")), border.text(name)


def _updated(shown: Mapping[str, Any], now: dt.datetime) -> str:
    return ago(border.text(border.mapping(shown.get("metadata")).get("creationTimestamp")), now)


def _image_tag(shown: Mapping[str, Any], now: dt.datetime) -> list[Any]:
    spec, history = border.mapping(shown.get("spec")), border.mapping(shown.get("status"))
    items = border.items(history.get("items"))
    # Of the history, which may be long, only the newest item is told.
    status = TagStatus.parse({**history, "items": items[:1]})
    asked = border.integer(spec.get("generation"))
    there = status.current.generation if status.current is not None else 0
    source, invalid = _source(border.mapping(spec.get("from"))) if spec.get("from") is not None else ("", "")
    if status.current is not None:
        source = _target(status.current) or source
    kind = _kind(spec)
    if (not kind and source) or (there > asked > 0 and kind != "Track"):
        kind = "Push"
    told = invalid or source
    if status.failure is not None:
        told = f"ImportFailed ({status.failure.reason})"
    elif asked > there > 0:
        told = "Importing"
    times = [status.current.created] if status.current is not None else []
    times += [each.last_transition for each in status.conditions if each.type == IMPORT_SUCCESS]
    return [kind, told, len(items) or None, ago(max(times, default=""), now)]


def _kind(spec: Mapping[str, Any]) -> str:
    source = spec.get("from")
    if source is None:
        return ""
    if source.get("kind") == sources.IMAGE_STREAM_TAG and ":" not in border.text(source.get("name")):
        return "Track"
    if border.mapping(spec.get("importPolicy")).get("scheduled") is True:
        return "Scheduled"
    return "Ref" if spec.get("reference") is True else "Tag"


def _target(event: TagEvent) -> str:
    return f"image/{event.image}" if event.image else event.reference


def _source(source: Mapping[str, Any]) -> tuple[str, str]:
    """Name the source of a tag; or say, as the second, what is wrong with it."""
    kind, name, namespace = (border.text(source.get(field)) for field in ("kind", "name", "namespace"))
    match kind:
        case stream.DOCKER_IMAGE:
            return name, ""
        case sources.IMAGE_STREAM_TAG:
            shown = f"istag {namespace}/{name}" if namespace else f"istag/{name}"
            return (shown, "") if name and name.count(":") <= 1 else ("", "InvalidRefName")
        case sources.IMAGE_STREAM_IMAGE:
            _, at, digest = name.partition("@")
            return (f"image/{digest}", "") if at and digest and "@" not in digest else ("", "InvalidRefName")
        case _:
            return "", "InvalidRefKind"


_CELLS: dict[str, Callable[[Mapping[str, Any], dt.datetime], list[Any]]] = {
    "images": _image,
    "imagestreams": _stream,
    "imagestreamtags": _stream_tag,
    "imagetags": _image_tag,
    "imagestreamimages": _stream_image,
}
