"""What is wrong with an object that was sent, as the original tells it: fields, causes and texts. Pure.

The rules are those of the original's validation of streams and tags; what our CRD refuses beyond them (names
of tags, names of sources) is told here first, by the tag's name, where the CRD would tell its number. Nothing
is looked up: whether another stream is there, or may be read, the operator tells by a condition.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError, StatusError
from imagestreams.imageapi.answers import Cause
from imagestreams.imageapi.shapes import check_shape
from imagestreams.importing.sources import IMAGE_STREAM_IMAGE, IMAGE_STREAM_TAG
from imagestreams.model import border
from imagestreams.model.reference import NAME_MAX, is_tag, parse_reference
from imagestreams.model.stream import DOCKER_IMAGE, IMPORT_MODE_LEGACY, IMPORT_MODE_PRESERVE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = "[a-z0-9]+(?:[._-][a-z0-9]+)*"
_STREAM = re.compile(_NAME)
_TAG_SOURCE = re.compile(rf"({_NAME}:)?[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}")
_IMAGE_SOURCE = re.compile(rf"({_NAME}@)?(sha(256|384|512):)?[a-f0-9]{{1,128}}")
_SEPARATORS = {IMAGE_STREAM_TAG: ":", IMAGE_STREAM_IMAGE: "@"}
_FORMS = "must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>"
NO_TAG = 'a tag begins with a letter, a digit or "_" and goes on with these, "." and "-", 128 at most'
"""What is told of a name that no tag can have."""
_ITEM = re.compile(r"spec\.tags\[(\d+)\]")


def required(field: str, why: str = "") -> Cause:
    """Spell that a field must be given."""
    return Cause("FieldValueRequired", field, f"Required value: {why}" if why else "Required value")


def invalid(field: str, value: Any, why: str) -> Cause:
    """Spell that a field's value cannot be."""
    shown = json.dumps(value, ensure_ascii=False)
    return Cause("FieldValueInvalid", field, f"Invalid value: {shown[:1000]}: {why}")


def validate_stream(view: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Cause]:
    """Say what is wrong with a submitted stream; `before` is what is stored, None for one that is new.

    Raises StatusError (400) where a field has a wrong type.
    """
    check_shape("ImageStream", view)
    metadata, spec = border.mapping(view.get("metadata")), border.mapping(view.get("spec"))
    tags = {border.text(tag.get("name")): tag for tag in map(border.mapping, border.items(spec.get("tags")))}
    stored = border.items(border.mapping((before or {}).get("spec")).get("tags"))
    known = {border.text(tag.get("name")): tag for tag in map(border.mapping, stored)}
    causes = _unresolvable(border.text(metadata.get("name")), tags, known)
    causes += validate_stream_name(metadata)
    causes += _repository(border.text(spec.get("dockerImageRepository")))
    for name in sorted(tags):
        path = f"spec.tags[{name[:200]}]"
        if not is_tag(name):
            causes.append(invalid(f"{path}.name", name, NO_TAG) if name else required(f"{path}.name"))
        causes += validate_reference(tags[name], path)
    return causes


def validate_status(view: Mapping[str, Any], before: Mapping[str, Any]) -> list[Cause]:
    """Say what is wrong with a submitted status; pull specs that are stored already are not looked at.

    Raises StatusError (400) where a field has a wrong type.
    """
    check_shape("ImageStream", view)
    known = {spec for _, spec in _pull_specs(before)}
    causes = []
    for path, spec in _pull_specs(view):
        if not spec:
            causes.append(required(path))
        elif spec not in known and (why := unreadable(spec)):
            causes.append(invalid(path, spec, why))
    return causes


def validate_stream_name(metadata: Mapping[str, Any]) -> list[Cause]:
    """Say what is wrong with the name of a stream."""
    name, path = border.text(metadata.get("name")), "metadata.name"
    if not name:
        if metadata.get("generateName"):
            return []
        return [required(path, "name or generateName is required")]
    causes = segment(name, path)
    if not causes and not _STREAM.fullmatch(name):
        causes = [invalid(path, name, f"must match {json.dumps(_NAME)}")]
    if len(f"{metadata.get('namespace') or ''}/{name}") > NAME_MAX:
        causes.append(invalid(path, name, f"'namespace/name' cannot be longer than {NAME_MAX} characters"))
    return causes


def validate_stream_tag(sent: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Cause]:
    """Say what is wrong with a submitted ImageStreamTag; `before` is the one that is shown.

    Raises StatusError (400) where a field has a wrong type.
    """
    check_shape("ImageStreamTag", sent)
    metadata, tag = border.mapping(sent.get("metadata")), sent.get("tag")
    causes = _unchanged(metadata, before, "may not update fields other than metadata.annotations")
    if tag is None:
        return causes
    causes += validate_reference(tag, "tag")
    noted = tag.get("annotations")
    # Whoever reads and sends back may change them in one of both places: on update, metadata's count.
    if before is None and noted is not None and noted != (metadata.get("annotations") or {}):
        why = "tag annotations must not be provided or must be equal to the object meta annotations"
        causes.append(invalid("tag.annotations", "<map>", why))
    return causes


def validate_image_tag(sent: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Cause]:
    """Say what is wrong with a submitted ImageTag. Else as validate_stream_tag."""
    check_shape("ImageTag", sent)
    metadata, tag = border.mapping(sent.get("metadata")), sent.get("spec")
    only_spec = "may not update fields other than spec"
    causes = _unchanged(metadata, before, only_spec, noted=True)
    if tag is None and before is None:
        causes.append(required("spec", "spec is a required field during creation"))
    if tag is not None:
        expected = border.text(metadata.get("name")).partition(":")[2]
        if tag.get("name") and tag["name"] != expected:
            causes.append(invalid("spec.name", tag["name"], "must match image tag name"))
        causes += validate_reference(tag, "spec")
    if before is not None and sent.get("status") and _history(sent["status"]) != _history(before["status"]):
        causes.append(invalid("status", "", only_spec))
    return causes


def validate_reference(tag: Mapping[str, Any], path: str) -> list[Cause]:
    """Say what is wrong with a tag's source and policies; `path` is where the tag stands."""
    causes = []
    policy = border.mapping(tag.get("importPolicy"))
    if tag.get("from") is not None:
        causes += _source(tag["from"], policy.get("scheduled") is True, path)
    return causes + validate_policies(tag, path)


def validate_policies(tag: Mapping[str, Any], path: str) -> list[Cause]:
    """Say what is wrong with a tag's policies; `path` is where the tag stands."""
    causes = []
    kind = border.mapping(tag.get("referencePolicy")).get("type")
    if kind not in (None, "", "Source", "Local"):
        causes.append(invalid(f"{path}.referencePolicy.type", kind, 'valid values are "Source", "Local"'))
    mode = border.mapping(tag.get("importPolicy")).get("importMode")
    if mode not in (None, "", IMPORT_MODE_LEGACY, IMPORT_MODE_PRESERVE):
        why = f"invalid import mode, valid modes are '', '{IMPORT_MODE_LEGACY}', '{IMPORT_MODE_PRESERVE}'"
        causes.append(invalid(f"{path}.importPolicy.importMode", mode, why))
    return causes


def by_tag_names(error: StatusError, written: Mapping[str, Any]) -> StatusError:
    """Tell what the CRD refused of a stream by the names of its tags, not by their numbers."""
    tags = border.items(border.mapping(written.get("spec")).get("tags"))

    def named(found: re.Match[str]) -> str:
        at = int(found[1]) if len(found[1]) < 9 else len(tags)
        return f"spec.tags[{border.mapping(tags[at]).get('name', at)}]" if at < len(tags) else found[0]

    causes = [
        {**cause, "field": _ITEM.sub(named, border.text(cause.get("field")))} if "field" in cause else cause
        for cause in map(border.mapping, border.items(error.details.get("causes")))
    ]
    details = {**error.details, "causes": causes} if causes else error.details
    return StatusError(error.code, error.reason, _ITEM.sub(named, str(error)), details)


def _source(source: Mapping[str, Any], scheduled: bool, path: str) -> list[Cause]:
    kind, name = border.text(source.get("kind")), border.text(source.get("name"))
    causes = [] if name else [required(f"{path}.from.name")]
    if kind == DOCKER_IMAGE:
        if name and (why := unreadable(name)):
            causes.append(invalid(f"{path}.from.name", name, why))
    elif kind in _SEPARATORS:
        causes += _stream_source(kind, name, f"{path}.from.name")
        if scheduled:
            why = "only tags pointing to Docker repositories may be scheduled for background import"
            causes.append(invalid(f"{path}.importPolicy.scheduled", True, why))
    else:
        valid = f"'{DOCKER_IMAGE}', '{IMAGE_STREAM_IMAGE}', '{IMAGE_STREAM_TAG}'"
        causes.append(required(f"{path}.from.kind", f"valid values are {valid}"))
    return causes


def _stream_source(kind: str, name: str, path: str) -> list[Cause]:
    # Those with too many separators are told by _unresolvable, as in the original.
    if not name or name.count(_SEPARATORS[kind]) > 1:
        return []
    form = _TAG_SOURCE if kind == IMAGE_STREAM_TAG else _IMAGE_SOURCE
    return [] if form.fullmatch(name) else [invalid(path, name, _FORMS)]


def _unresolvable(
    stream: str, tags: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]
) -> list[Cause]:
    """Say of which new sources the original cannot find the stream: all in one cause, wrapped as there."""
    inner = []
    for name in sorted(tags):
        source = tags[name].get("from")
        if source is None or source == border.mapping(known.get(name)).get("from"):
            continue
        kind, of = border.text(source.get("kind")), border.text(source.get("name"))
        fine = of.count(_SEPARATORS[kind]) <= 1 if kind in _SEPARATORS else kind == DOCKER_IMAGE and of
        if not fine:
            inner.append(invalid(f"spec.tags[{name[:200]}].from.name", of, _FORMS))
    if not inner:
        return []
    told = str(inner[0]) if len(inner) == 1 else f"[{', '.join(map(str, inner))}]"
    return [Cause("InternalError", "[]", f'Internal error: imagestreams "{stream}" is invalid: {told}')]


def _repository(name: str) -> list[Cause]:
    path = "spec.dockerImageRepository"
    if not name:
        return []
    if why := unreadable(name):
        return [invalid(path, name, why)]
    reference, causes = parse_reference(name), []
    if reference.tag:
        causes.append(invalid(path, name, "the repository name may not contain a tag"))
    if reference.digest:
        causes.append(invalid(path, name, "the repository name may not contain an ID"))
    return causes


def unreadable(name: str) -> str:
    """Say why a pull spec cannot be read, in the words of the original's parser; "" where it can."""
    if not _fails(parse_reference, name):
        return ""
    if not _fails(parse_reference, name.lower()):
        return "repository name must be lowercase"
    if len(name.partition("@")[0]) > NAME_MAX:
        return f"repository name must not be more than {NAME_MAX} characters"
    return "invalid reference format"


def _fails(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parse(text)
    except InvalidError:
        return True
    return False


def segment(name: str, path: str) -> list[Cause]:
    """Say why a name cannot be one part of a path."""
    if name in (".", ".."):
        return [invalid(path, name, f"may not be '{name}'")]
    return [invalid(path, name, f"may not contain '{sign}'") for sign in "/%" if sign in name]


def _unchanged(
    metadata: Mapping[str, Any], before: Mapping[str, Any] | None, why: str, *, noted: bool = False
) -> list[Cause]:
    """Say what of the metadata was changed that belongs to the stream; what is left out is not changed."""
    if before is None:
        return []
    seen = border.mapping(before.get("metadata"))
    uid = metadata.get("uid")
    causes = [invalid("metadata.uid", uid, "field is immutable")] if uid and uid != seen.get("uid") else []
    fields = ("labels", "annotations") if noted else ("labels",)
    if any(metadata.get(field) and metadata[field] != (seen.get(field) or {}) for field in fields):
        causes.append(invalid("metadata", "", why))
    return causes


def _history(raw: Any) -> dict[str, Any]:
    """Take of a tag's status what the original knows of it, as its typed clients do."""
    history = border.mapping(raw)
    items = [
        {field: item.get(field) for field in ("created", "dockerImageReference", "image", "generation")}
        for item in map(border.mapping, border.items(history.get("items")))
    ]
    return {"items": items, "conditions": border.items(history.get("conditions"))}


def _pull_specs(view: Mapping[str, Any]) -> list[tuple[str, str]]:
    tags = border.items(border.mapping(view.get("status")).get("tags"))
    return [
        (
            f"status.tags[{border.text(tag.get('tag'))[:200]}].items[{at}].dockerImageReference",
            border.text(border.mapping(item).get("dockerImageReference")),
        )
        for tag in map(border.mapping, tags)
        for at, item in enumerate(border.items(tag.get("items")))
    ]
