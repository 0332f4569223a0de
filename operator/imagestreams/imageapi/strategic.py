"""Strategic merge patch, as `oc` and kubectl send it: lists whose entries are known by a key. Pure.

The rules are those of k8s.io/apimachinery/pkg/util/strategicpatch, with the directives $patch, $retainKeys,
$setElementOrder and $deleteFromPrimitiveList; the keys are in the tags of the Go types of
image.openshift.io/v1, for which the schemas below stand. Used by imageapi.patches.

What is patched is never altered: the result shares with it what did not change.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagestreams.errors import StatusError

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


@dataclasses.dataclass(frozen=True, slots=True)
class Schema:
    """How a value is merged: an object by its fields, a list by its key, all else is replaced."""

    fields: Mapping[str, Schema] = dataclasses.field(default_factory=dict)
    key: str = ""
    """Of a list of objects: which field tells the entries apart. `fields` are those of an entry."""
    united: bool = False
    """Of a list of plain values: whether new ones are added to it."""
    replaced: bool = False
    """Of an object: whether it is replaced as a whole."""


_WHOLE = Schema()
_METADATA = Schema({"ownerReferences": Schema(key="uid"), "finalizers": Schema(united=True)})
_IMAGE_FIELDS = {
    "metadata": _METADATA,
    "dockerImageMetadata": Schema(replaced=True),
    "signatures": Schema({"metadata": _METADATA, "conditions": Schema(key="type")}, key="name"),
}
_SCHEMAS = {
    "ImageStream": Schema(
        {
            "metadata": _METADATA,
            "spec": Schema({"tags": Schema(key="name")}),
            # conditions are ours, beyond the original; the CRD knows them by their type, too.
            "status": Schema({"tags": Schema(key="tag"), "conditions": Schema(key="type")}),
        }
    ),
    "ImageStreamTag": Schema({"metadata": _METADATA, "image": Schema(_IMAGE_FIELDS)}),
    "ImageTag": Schema({"metadata": _METADATA, "image": Schema(_IMAGE_FIELDS)}),
    "Image": Schema(_IMAGE_FIELDS),
}
_OTHER = Schema({"metadata": _METADATA})


def schema_of(kind: str) -> Schema:
    """Find how an object of a kind of the group is merged."""
    return _SCHEMAS.get(kind, _OTHER)


def strategic_patch(before: dict[str, Any], patch: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Merge a patch into an object. Raises StatusError (400) for a patch that contradicts itself."""
    if _DIRECTIVE in patch:
        return _directed(patch)
    after = _retained(before, patch)
    for field, value in patch.items():
        if field == _RETAIN or field.startswith((_ORDER, _DELETE)):
            continue
        merged = _merged(after.get(field), value, schema.fields.get(field, _WHOLE), patch.get(_ORDER + field))
        if value is None:
            after.pop(field, None)
        else:
            after[field] = merged
    for field, value in patch.items():
        name = field.partition("/")[2]
        if field.startswith(_DELETE) and isinstance(after.get(name), list):
            unwanted = {_key(each, "") for each in _list(field, value)}
            after[name] = [each for each in after[name] if _key(each, "") not in unwanted]
    _order_others(after, patch, schema)
    return after


def _directed(patch: dict[str, Any]) -> dict[str, Any]:
    if patch[_DIRECTIVE] == "replace":
        return {field: value for field, value in patch.items() if field != _DIRECTIVE}
    if patch[_DIRECTIVE] == "delete":
        return {}
    raise _bad(f"unknown patch type found: {str(patch[_DIRECTIVE])[:100]}")


def _retained(before: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Drop the fields that $retainKeys does not name; it must name each that the patch sets."""
    if _RETAIN not in patch:
        return dict(before)
    names = {name for name in _list(_RETAIN, patch[_RETAIN]) if isinstance(name, str)}
    for field, value in patch.items():
        directive = field == _RETAIN or field.startswith((_ORDER, _DELETE))
        if value is not None and not directive and field not in names:
            raise _bad(f"invalid patch format of retainKeys: it lacks {field[:100]}")
    return {field: value for field, value in before.items() if field in names}


def _merged(before: Any, value: Any, schema: Schema, order: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(before, dict) and not schema.replaced:
            return strategic_patch(before, value, schema)
        return _plain(value)
    if isinstance(value, list):
        if schema.key:
            return _merged_entries(before if isinstance(before, list) else [], value, schema, order)
        if schema.united:
            known = before if isinstance(before, list) else []
            return _in_order(
                _distinct([*known, *value]), value if order is None else _list(_ORDER, order), known
            )
        return [_plain(each) for each in value]
    return value


def _merged_entries(before: list[Any], patch: list[Any], schema: Schema, order: Any) -> list[Any]:
    """Merge entries that have the same key, add those that are new, and put them in the patch's order."""
    key = schema.key
    kept, changes, replacing = _without_special(before, patch, key)
    if replacing:
        return [_plain(each) for each in changes]
    entries = {_key(each, key, at): each for at, each in enumerate(kept)}
    for each in changes:
        name = _needed_key(each, key)
        entry = entries.get(name)
        entries[name] = strategic_patch(entry, each, schema) if isinstance(entry, dict) else _plain(each)
    wanted = changes if order is None else _list(_ORDER, order)
    if order is not None:
        _check_order(changes, wanted, key)
    return _in_order(list(entries.values()), wanted, before, key)


def _without_special(
    before: list[Any], patch: list[Any], key: str
) -> tuple[list[Any], list[dict[str, Any]], bool]:
    """Obey the entries with $patch: give what is left of both, and whether the list is to be replaced."""
    changes, replacing = [], False
    deleted = set()
    for each in patch:
        if not isinstance(each, dict):
            raise _bad(f"an entry of a list with the merge key {key} is not an object")
        directive = each.get(_DIRECTIVE)
        if directive is None:
            changes.append(each)
        elif directive == "delete":
            deleted.add(_needed_key(each, key))
        elif directive == "replace":
            replacing = True
        else:
            raise _bad(f"unknown patch type found: {str(directive)[:100]}")
    return [each for each in before if _key(each, key) not in deleted], changes, replacing


def _check_order(changes: list[dict[str, Any]], wanted: list[Any], key: str) -> None:
    ranks = _places(wanted, key)
    places = [ranks.get(_key(each, key), -1) for each in changes]
    if -1 in places or places != sorted(places):
        raise _bad(f"The order in patch list doesn't match $setElementOrder list (merge key {key})")


def _order_others(after: dict[str, Any], patch: dict[str, Any], schema: Schema) -> None:
    """Obey $setElementOrder of lists that the patch does not change otherwise."""
    for field, value in patch.items():
        name = field.partition("/")[2]
        if not field.startswith(_ORDER) or name in patch or not isinstance(after.get(name), list):
            continue
        how = schema.fields.get(name, _WHOLE)
        if how.key or how.united:
            after[name] = _in_order(after[name], _list(field, value), after[name], how.key)


def _in_order(entries: list[Any], wanted: Iterable[Any], before: list[Any], key: str = "") -> list[Any]:
    """Put entries in the wanted order; others stay before those that they stood before."""
    ranks, places = _places(wanted, key), _places(before, key)
    ordered = sorted(
        (each for each in entries if _key(each, key) in ranks), key=lambda each: ranks[_key(each, key)]
    )
    others = collections.deque(each for each in entries if _key(each, key) not in ranks)
    result: list[Any] = []
    for each in ordered:
        place = places.get(_key(each, key))
        while others and place is not None and places.get(_key(others[0], key), place) < place:
            result.append(others.popleft())
        result.append(each)
    return [*result, *others]


def _places(entries: Iterable[Any], key: str) -> dict[Any, int]:
    """Say at which place each key first stands."""
    places: dict[Any, int] = {}
    for at, each in enumerate(entries):
        places.setdefault(_key(each, key), at)
    return places


def _plain(value: Any) -> Any:
    """Take a value of a patch as it is: without nulls in objects and without directives."""
    if isinstance(value, list):
        kept = [each for each in value if not (isinstance(each, dict) and each.get(_DIRECTIVE) == "delete")]
        return [_plain(each) for each in kept]
    if not isinstance(value, dict):
        return value
    directives = (_DIRECTIVE, _RETAIN)
    return {
        field: _plain(inner)
        for field, inner in value.items()
        if inner is not None and field not in directives and not field.startswith((_ORDER, _DELETE))
    }


def _key(entry: Any, key: str, other: int = -1) -> Any:
    """Say what an entry is known by; one without a key (which no patch can mean) by its place."""
    value = entry.get(key) if key and isinstance(entry, dict) else entry if not key else None
    if isinstance(value, (dict, list)) or value is None:
        return ("at", other)
    return (type(value).__name__, value)


def _needed_key(entry: dict[str, Any], key: str) -> Any:
    if not isinstance(entry.get(key), str):
        raise _bad(f"map does not contain declared merge key: {key}")
    return _key(entry, key)


def _distinct(values: list[Any]) -> list[Any]:
    found: dict[Any, Any] = {}
    for at, value in enumerate(values):
        found.setdefault(_key(value, "", at), value)
    return list(found.values())


def _list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _bad(f"invalid patch format of {field[:100]}: it must be a list")
    return value


def _bad(why: str) -> StatusError:
    return answers.bad_request(f"error decoding patch: {why}")
