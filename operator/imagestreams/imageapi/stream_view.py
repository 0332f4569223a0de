"""The ImageStream that readers of image.openshift.io/v1 see, made from the one that is stored. Pure.

What the original computes or fills in is here alone, never in what is stored: the generations of tags,
their order by name, defaults, nulls, the time of the last import. What our CRD has beyond the original
(conditions of the stream, status.tags[].intent and the like) is shown as it is stored. The way back is
imageapi.stream_edits. Neighbours: imageapi.tag_view shows single tags, imageapi.image_view the images.

What is not changed is not copied: a view shares it with what it was made from, and neither may be altered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi.generations import tag_generations
from imagestreams.imageapi.resources import API_VERSION, GROUP
from imagestreams.model import border
from imagestreams.model.status import IMPORT_SUCCESS, REPOSITORY_FOLLOWED
from imagestreams.model.stream import DOCKER_IMAGE, IMPORT_MODE_LEGACY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LAST_IMPORT = "openshift.io/image.dockerRepositoryCheck"
"""The original's annotation on a stream: when an import last changed it; absent while none did."""
SOURCE_POLICY = "Source"
LOCAL_POLICY = "Local"


def view_stream(stored: Mapping[str, Any], *, mode: str = IMPORT_MODE_LEGACY) -> dict[str, Any]:
    """Show a stored stream as v1. `mode` is the import mode of tags that name none."""
    spec = border.mapping(stored.get("spec"))
    status = border.mapping(stored.get("status"))
    histories = tag_histories(stored)
    tags = list(tag_references(stored, histories, mode=mode).values())
    return {
        "kind": "ImageStream",
        "apiVersion": API_VERSION,
        "metadata": view_metadata(stored, histories),
        "spec": {
            "lookupPolicy": lookup_policy(stored),
            **border.without_empty(
                dockerImageRepository=border.text(spec.get("dockerImageRepository")), tags=tags
            ),
        },
        "status": {
            **{field: value for field, value in status.items() if field != "tags"},
            "dockerImageRepository": repository(stored),
            **border.without_empty(tags=list(histories.values())),
        },
    }


def view_metadata(stored: Mapping[str, Any], histories: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Show the metadata of a stream: with the time of its last import, and in terms of v1."""
    metadata = dict(border.mapping(stored.get("metadata")))
    annotations = border.mapping(metadata.get("annotations"))
    if LAST_IMPORT not in annotations and (last := _last_import(stored, histories)):
        metadata["annotations"] = {**annotations, LAST_IMPORT: last}
    return metadata | view_managers(metadata)


def view_managers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Show the managedFields of an object of ours in terms of v1; nothing where there are none."""
    managers = border.items(metadata.get("managedFields"))
    return border.without_empty(managedFields=[_manager(border.mapping(entry)) for entry in managers])


def lookup_policy(stored: Mapping[str, Any]) -> dict[str, bool]:
    """Show spec.lookupPolicy, which is always there."""
    policy = border.mapping(border.mapping(stored.get("spec")).get("lookupPolicy"))
    return {"local": policy.get("local") is True}


def repository(stored: Mapping[str, Any]) -> str:
    """Say status.dockerImageRepository: until it is recorded, that of spec; may be ""."""
    status, spec = border.mapping(stored.get("status")), border.mapping(stored.get("spec"))
    return border.text(status.get("dockerImageRepository")) or border.text(spec.get("dockerImageRepository"))


def internal_repository(stored: Mapping[str, Any]) -> str:
    """Say where an internal registry has the images of the stream, "" where there is none.

    That of spec, which takes its place in status then, has the images of its own tags alone.
    """
    spec = border.mapping(stored.get("spec"))
    known = repository(stored)
    return known if known != border.text(spec.get("dockerImageRepository")) else ""


def tag_histories(stored: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Show status.tags, in the order of their names, by which they are found here."""
    tags = border.items(border.mapping(stored.get("status")).get("tags"))
    return _by_name((border.text(tag.get("tag")), _history(tag)) for tag in map(border.mapping, tags))


def tag_references(
    stored: Mapping[str, Any], histories: Mapping[str, Mapping[str, Any]], *, mode: str = IMPORT_MODE_LEGACY
) -> dict[str, dict[str, Any]]:
    """Show spec.tags, in the order of their names, by which they are found here; of two the last counts."""
    tags = border.items(border.mapping(stored.get("spec")).get("tags"))
    if not tags:
        return {}
    generations = tag_generations(stored, histories, mode)
    raw = ((border.text(tag.get("name")), tag) for tag in map(border.mapping, tags))
    return {name: _reference(name, tag, generations[name], mode) for name, tag in _by_name(raw).items()}


def _reference(name: str, tag: dict[str, Any], generation: int, mode: str) -> dict[str, Any]:
    policy = border.mapping(tag.get("importPolicy"))
    imported: dict[str, Any] = {"importMode": policy.get("importMode") or mode}
    for field in ("insecure", "scheduled"):
        if value := policy.get(field):
            imported[field] = value
    shown = {
        "name": name,
        "annotations": tag.get("annotations") or None,
        "generation": generation,
        "importPolicy": imported,
        "referencePolicy": {
            "type": border.mapping(tag.get("referencePolicy")).get("type") or SOURCE_POLICY,
        },
    }
    if source := {field: value for field, value in border.mapping(tag.get("from")).items() if value}:
        shown["from"] = source
    if reference := tag.get("reference"):
        shown["reference"] = reference
    return shown


def _history(tag: dict[str, Any]) -> dict[str, Any]:
    if tag.get("items") and ("conditions" not in tag or tag["conditions"]):
        return tag
    shown = {field: value for field, value in tag.items() if field != "conditions" or value}
    shown["items"] = tag.get("items") or None
    return shown


def _by_name(named: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    # A stable sort, so that of two the last is what counts.
    return dict(sorted(named, key=lambda each: each[0]))


def _manager(entry: dict[str, Any]) -> dict[str, Any]:
    # Whichever door it was written through: there is one schema.
    ours = border.text(entry.get("apiVersion")).startswith(f"{GROUP}/")
    return {**entry, "apiVersion": API_VERSION} if ours else entry


def _last_import(stored: Mapping[str, Any], histories: Mapping[str, Mapping[str, Any]]) -> str:
    """Say when an import last told something new: of a tag that is imported, or of the repository's list."""
    status = border.mapping(stored.get("status"))
    followed = _transitions(status, REPOSITORY_FOLLOWED)
    return max((*followed, *(time for tag in histories.values() for time in _import_times(tag))), default="")


def _import_times(tag: Mapping[str, Any]) -> Iterator[str]:
    intent = border.mapping(tag.get("intent"))
    if intent.get("kind") != DOCKER_IMAGE or intent.get("reference") is True:
        return
    items = border.items(tag.get("items"))
    if items:
        yield border.text(border.mapping(items[0]).get("created"))
    yield from _transitions(tag, IMPORT_SUCCESS)


def _transitions(holder: Mapping[str, Any], kind: str) -> Iterator[str]:
    for condition in map(border.mapping, border.items(holder.get("conditions"))):
        if condition.get("type") == kind:
            yield border.text(condition.get("lastTransitionTime"))
