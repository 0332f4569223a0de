"""A submitted ImageStream turned back into what is stored: the way back from imageapi.stream_view. Pure.

A client changes the view that it saw and sends it whole, with all that the view has beyond what is stored:
generations, defaults, nulls, the order by name. Only what differs from the view is an edit; the rest keeps
what is stored, to the byte and in its order. So `get | replace` changes nothing, and Git sees no drift.

What is not changed is not copied: a result shares it with what it was made from, and neither may be altered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi.resources import API_VERSION, STORED_VERSION
from imagestreams.imageapi.shapes import check_shape
from imagestreams.imageapi.stream_view import LAST_IMPORT, view_stream
from imagestreams.model import border
from imagestreams.model.stream import IMPORT_MODE_LEGACY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_ABSENT: Any = object()
_OURS = ("summary", "conditions", "observedGeneration")
"""Fields of status that the original has not, so that its typed clients lose them; so are the next."""
_OURS_OF_TAG = ("intent", "index", "available")


def stored_stream(
    view: Mapping[str, Any], before: Mapping[str, Any] | None, *, mode: str = IMPORT_MODE_LEGACY
) -> dict[str, Any]:
    """Say what to write to the CRD for a submitted stream: without status, which is not written there.

    `before` is what is stored, None for a stream that is new. `mode` is as in view_stream.

    Raises StatusError (400) where a field has a wrong type: tags that are no list are not no tags.
    """
    check_shape("ImageStream", view)
    shown = view_stream(before, mode=mode) if before is not None else {}
    stored = border.mapping((before or {}).get("spec"))
    # A null stands for a field that is not set, which the CRD would refuse.
    sent = border.mapping(view.get("spec"))
    submitted = {field: value for field, value in sent.items() if value is not None}
    spec = _restored(
        _without(submitted, "tags"),
        _without(border.mapping(shown.get("spec")), "tags"),
        _without(stored, "tags"),
    )
    tags = _restored_tags(
        map(_asked, map(border.mapping, border.items(submitted.get("tags")))),
        map(_asked, border.items(border.mapping(shown.get("spec")).get("tags"))),
        border.items(stored.get("tags")),
    )
    if tags or "tags" in stored:
        spec = _with_tags(spec, tags, stored)
    return {
        "apiVersion": STORED_VERSION,
        "kind": "ImageStream",
        "metadata": _metadata(view, shown, before),
        "spec": spec,
    }


def stored_status(
    view: Mapping[str, Any], before: Mapping[str, Any], *, mode: str = IMPORT_MODE_LEGACY
) -> dict[str, Any]:
    """Say what to write to the CRD's status for a submitted one; spec stays as it is stored.

    What a typed client of the original does not know, and so leaves out, is kept.

    Raises StatusError (400) where a field has a wrong type.
    """
    check_shape("ImageStream", view)
    shown = view_stream(before, mode=mode)
    seen = border.mapping(shown.get("status"))
    submitted, stored = border.mapping(view.get("status")), border.mapping(before.get("status"))
    status = _restored(
        {**_only(stored, _OURS), **_without(submitted, "tags")},
        _without(seen, "tags"),
        _without(stored, "tags"),
    )
    tags = _restored_histories(
        map(border.mapping, border.items(submitted.get("tags"))),
        border.items(seen.get("tags")),
        border.items(stored.get("tags")),
    )
    tags = _numbered(tags, shown, stored)
    if tags or "tags" in stored:
        status = _with_tags(status, tags, stored)
    kept = {field: value for field, value in before.items() if field not in ("metadata", "status")}
    return {
        **kept,
        "apiVersion": STORED_VERSION,
        "kind": "ImageStream",
        "metadata": _metadata(view, shown, before),
        "status": status,
    }


def forced_tags(view: Mapping[str, Any], before: Mapping[str, Any] | None) -> frozenset[str]:
    """Say which tags are submitted with the generation 0, by which the original is asked to import anew.

    What is only asked for so has to lose its intent (without_intents): spec alone would not show it.
    """
    if before is None:
        return frozenset()
    submitted = map(border.mapping, border.items(border.mapping(view.get("spec")).get("tags")))
    return frozenset(border.text(tag.get("name")) for tag in submitted if is_forced(tag))


def is_forced(tag: Mapping[str, Any]) -> bool:
    """Tell whether a submitted tag asks for an import by its generation."""
    generation = tag.get("generation")
    return generation == 0 and isinstance(generation, int) and not isinstance(generation, bool)


def without_intents(stored: Mapping[str, Any], names: Collection[str]) -> dict[str, Any] | None:
    """Give a stored stream whose status remembers no intent of some tags; None where it remembers none now.

    The operator then finds that they were never asked for, and imports them.
    """
    status = border.mapping(stored.get("status"))
    tags = [
        _without(tag, "intent") if tag.get("tag") in names and "intent" in tag else tag
        for tag in map(border.mapping, border.items(status.get("tags")))
    ]
    if tags == border.items(status.get("tags")):
        return None
    return {**stored, "status": {**status, "tags": tags}}


def restored_tag(
    submitted: Mapping[str, Any], shown: Mapping[str, Any] | None, stored: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Say what to store for one submitted spec tag, which was shown and is stored so; None for a new one."""
    if shown is None or stored is None:
        return _asked(submitted)
    tag: dict[str, Any] = _restored(_asked(submitted), _asked(shown), stored)
    return tag


def _restored(submitted: Any, shown: Any, stored: Any) -> Any:
    """Give what was submitted, with what is stored wherever what was shown has not been changed."""
    if submitted == shown:
        return stored
    if not (isinstance(submitted, dict) and isinstance(shown, dict)):
        return submitted
    known = stored if isinstance(stored, dict) else {}
    # What is stored and not shown (an empty text, a false) nobody can have meant to remove.
    kept = [field for field in known if field in submitted or field not in shown]
    fields = [*kept, *(field for field in submitted if field not in known)]
    restored = {
        field: _restored(submitted[field], shown.get(field, _ABSENT), known.get(field, _ABSENT))
        if field in submitted
        else known[field]
        for field in fields
    }
    return {field: value for field, value in restored.items() if value is not _ABSENT}


def _restored_tags(
    submitted: Iterable[dict[str, Any]], shown: Iterable[dict[str, Any]], stored: list[Any]
) -> list[Any]:
    """Restore spec.tags: those that are stored in their order, then the new ones; of two the last counts."""
    wanted = {_name(tag, "name"): tag for tag in submitted}
    seen = {_name(tag, "name"): tag for tag in shown}
    # Two of a name cannot be stored; were they, what was shown is the last of them.
    known = {_name(tag, "name"): tag for tag in map(border.mapping, stored)}
    kept = [_restored(wanted[name], seen.get(name), tag) for name, tag in known.items() if name in wanted]
    return [*kept, *(tag for name, tag in wanted.items() if name not in known)]


def _restored_histories(
    submitted: Iterable[dict[str, Any]], shown: Iterable[dict[str, Any]], stored: list[Any]
) -> list[dict[str, Any]]:
    """Restore status.tags, in the order of their names where there are new ones."""
    wanted = {_name(tag, "tag"): tag for tag in submitted}
    seen = {_name(tag, "tag"): tag for tag in shown}
    known = {_name(tag, "tag"): tag for tag in map(border.mapping, stored)}
    kept = [
        _restored({**_only(tag, _OURS_OF_TAG), **wanted[name]}, seen.get(name), tag)
        for name, tag in known.items()
        if name in wanted
    ]
    new = [tag for name, tag in wanted.items() if name not in known]
    # The original drops a history that says nothing; one that is stored so stays.
    tags = [tag for tag in [*kept, *new] if _counts(tag) or tag is known.get(_name(tag, "tag"))]
    return sorted(tags, key=lambda tag: _name(tag, "tag")) if new else tags


def _numbered(
    tags: list[dict[str, Any]], shown: Mapping[str, Any], stored: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Number current items that are new and have no generation: as their spec tag, or as the stream."""
    spec = map(border.mapping, border.items(border.mapping(shown.get("spec")).get("tags")))
    asked = {_name(tag, "name"): border.integer(tag.get("generation")) for tag in spec}
    of_stream = border.integer(border.mapping(shown.get("metadata")).get("generation"))
    before = {
        _name(tag, "tag"): _newest(tag) for tag in map(border.mapping, border.items(stored.get("tags")))
    }
    numbered = []
    for tag in tags:
        name, newest = _name(tag, "tag"), _newest(tag)
        if newest and not newest.get("generation") and newest != before.get(name):
            current = {**newest, "generation": asked.get(name, of_stream)}
            numbered.append({**tag, "items": [current, *tag["items"][1:]]})
        else:
            numbered.append(tag)
    return numbered


def _with_tags(content: dict[str, Any], tags: list[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Put the tags in, each field where it is stored; no tags are spelled as they are stored."""
    spelled = tags if tags or stored["tags"] is not None else None
    both = {**content, "tags": spelled}
    return {field: both[field] for field in (*(known for known in stored if known in both), *both)}


def _newest(history: Mapping[str, Any]) -> dict[str, Any]:
    items = border.items(history.get("items"))
    return border.mapping(items[0]) if items else {}


def _counts(history: dict[str, Any]) -> bool:
    """Tell whether a submitted history says anything; the original drops those that do not."""
    return bool(history.get("items") or history.get("conditions"))


def _asked(tag: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a spec tag what a user can ask for: no generation, and nothing that is empty."""
    asked = {field: _asked_of(value) for field, value in tag.items() if field != "generation"}
    return {field: value for field, value in asked.items() if value not in (None, {}, "")}


def _asked_of(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {field: inner for field, inner in value.items() if inner is not None and inner != ""}


def _metadata(
    view: Mapping[str, Any], shown: Mapping[str, Any], before: Mapping[str, Any] | None
) -> dict[str, Any]:
    submitted = dict(border.mapping(view.get("metadata")))
    seen = dict(border.mapping(shown.get("metadata")))
    stored = border.mapping((before or {}).get("metadata"))
    noted = border.mapping(stored.get("annotations"))
    if LAST_IMPORT not in noted:
        for each in (submitted, seen):
            _drop_note(each)
    metadata: dict[str, Any] = _restored(submitted, seen, stored)
    if "managedFields" in metadata and submitted.get("managedFields") != seen.get("managedFields"):
        managers = map(border.mapping, border.items(metadata.get("managedFields")))
        metadata = {**metadata, "managedFields": [_manager(entry) for entry in managers]}
    return dict(metadata)


def _drop_note(metadata: dict[str, Any]) -> None:
    notes = metadata.get("annotations")
    if not isinstance(notes, dict) or LAST_IMPORT not in notes:
        return
    left = _without(notes, LAST_IMPORT)
    if left:
        metadata["annotations"] = left
    else:
        del metadata["annotations"]


def _manager(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "apiVersion": STORED_VERSION} if entry.get("apiVersion") == API_VERSION else entry


def _name(entry: Mapping[str, Any], field: str) -> str:
    return border.text(entry.get(field))


def _without(content: Mapping[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != field}


def _only(content: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {field: content[field] for field in fields if field in content}
