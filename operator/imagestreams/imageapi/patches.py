"""Patches of a client, applied to the object it saw: JSON patch, merge patch, strategic merge patch. Pure.

The rules are RFC 6902, RFC 7386 and (imageapi.strategic) Kubernetes' own; bounds and errors are those of its
API server. What is patched is never altered: the result shares with it what did not change.
"""

from __future__ import annotations

import json
from typing import Any

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers, bodies, strategic

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
ACCEPTED = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH, STRATEGIC_PATCH)
OPERATIONS_MOST = 10_000
COPIED_MOST = 3 * 1024 * 1024
"""Bytes of JSON that the operations "copy" of one patch may add."""
_ABSENT: Any = object()


def apply_patch(content_type: str, patch: bytes, before: dict[str, Any], kind: str) -> dict[str, Any]:
    """Apply a patch of one of the first three types to an object of `kind`, as its readers see it.

    Raises StatusError: 400 for what is no patch, 415 for another type, 422 for what does not apply, 413 for
    what is beyond the bounds.
    """
    if content_type not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH):
        raise answers.unsupported_media_type(content_type, ACCEPTED)
    wanted = bodies.read_json(patch)
    try:
        if content_type == JSON_PATCH:
            after = json_patch(before, wanted)
        elif content_type == MERGE_PATCH:
            after = merge_patch(before, _object(wanted))
        else:
            after = strategic.strategic_patch(before, _object(wanted), strategic.schema_of(kind))
    except RecursionError:
        raise bodies.too_deep() from None
    if not isinstance(after, dict):
        raise not_applicable("the result is not an object")
    bodies.check_depth(after)
    return after


def merge_patch(before: Any, patch: Any) -> Any:
    """Merge as RFC 7386 says: null removes, an object merges, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    after = dict(before) if isinstance(before, dict) else {}
    for field, value in patch.items():
        if value is None:
            after.pop(field, None)
        else:
            after[field] = merge_patch(after.get(field), value)
    return after


def json_patch(before: Any, patch: Any) -> Any:
    """Apply the operations of RFC 6902, one after the other, or none of them.

    Raises StatusError: 400 for what is no patch, 422 for what does not apply, 413 beyond the bounds.
    """
    operations = _operations(patch)
    if len(operations) > OPERATIONS_MOST:
        raise answers.too_large(
            f"The allowed maximum operations in a JSON patch is {OPERATIONS_MOST}, got {len(operations)}"
        )
    after, copied = before, 0
    for operation in operations:
        if operation["op"] == "copy":
            copied += len(json.dumps(_value_of(after, operation)))
            if copied > COPIED_MOST:
                raise answers.too_large(
                    f"Unable to copy, the accumulated size increase of copy is {copied}, "
                    f"exceeding the limit {COPIED_MOST}"
                )
        after = _operate(after, operation)
    return after


def not_applicable(why: str) -> StatusError:
    """422: a patch that is well formed, but not for this object."""
    causes = [{"reason": "UnexpectedServerResponse", "message": why}]
    message = "the server rejected our request due to an error in our request"
    return StatusError(422, "Invalid", message, {"causes": causes})


def _object(patch: Any) -> dict[str, Any]:
    if not isinstance(patch, dict):
        raise answers.bad_request("error decoding patch: a merge patch must be an object")
    return patch


_NEEDED = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("from", "path"),
    "copy": ("from", "path"),
    "test": ("path",),
}


def _operations(patch: Any) -> list[dict[str, Any]]:
    if not isinstance(patch, list):
        raise answers.bad_request("error decoding patch: a JSON patch must be an array of operations")
    for number, operation in enumerate(patch):
        if not isinstance(operation, dict):
            raise answers.bad_request(f"error decoding patch: operation {number} is not an object")
        name = operation.get("op")
        if not isinstance(name, str) or name not in _NEEDED:
            raise answers.bad_request(f"error decoding patch: Unexpected kind: {str(name)[:100]}")
        for field in _NEEDED[name]:
            if field not in operation or (field != "value" and not isinstance(operation[field], str)):
                raise answers.bad_request(f"error decoding patch: operation {number} ({name}) lacks {field}")
    return patch


def _operate(content: Any, operation: dict[str, Any]) -> Any:
    name, pointer = operation["op"], _pointer(operation["path"], operation)
    if name == "add":
        return _changed(content, pointer, operation, lambda _: operation["value"], inserting=True)
    if name == "remove":
        return _changed(content, pointer, operation, lambda _: _ABSENT)
    if name == "replace":
        return _changed(content, pointer, operation, lambda _: operation["value"])
    if name == "test":
        if not _same(_found(content, pointer), operation.get("value")):
            raise not_applicable(f"testing value {operation['path'][:200]} failed: test failed")
        return content
    value = _value_of(content, operation)
    source = _pointer(operation["from"], operation)
    if name == "move":
        if pointer[: len(source)] == source and pointer != source:
            raise not_applicable(
                f"move operation does not apply: {operation['from'][:200]} would move into itself"
            )
        content = _changed(content, source, operation, lambda _: _ABSENT)
    return _changed(content, pointer, operation, lambda _: value, inserting=True)


def _pointer(path: str, operation: dict[str, Any]) -> list[str]:
    if not path:
        return []
    if not path.startswith("/"):
        raise _missing(operation)
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _value_of(content: Any, operation: dict[str, Any]) -> Any:
    value = _found(content, _pointer(operation["from"], operation))
    if value is _ABSENT:
        raise not_applicable(
            f"{operation['op']} operation does not apply: doc is missing from path: "
            f'"{operation["from"][:200]}": missing value'
        )
    return value


def _found(content: Any, pointer: list[str]) -> Any:
    for part in pointer:
        if isinstance(content, dict):
            content = content.get(part, _ABSENT)
        elif isinstance(content, list):
            at = _index(part, len(content) - 1)
            content = _ABSENT if at is None else content[at]
        else:
            return _ABSENT
    return content


def _changed(
    content: Any, pointer: list[str], operation: dict[str, Any], change: Any, *, inserting: bool = False
) -> Any:
    """Give the content with what is at the pointer changed; nothing of the content itself is altered."""
    if not pointer:
        changed = change(content)
        return None if changed is _ABSENT else changed
    spine = [content]
    for part in pointer[:-1]:
        spine.append(_found(spine[-1], [part]))
    changed = _member(spine[-1], pointer[-1], operation, change, inserting=inserting)
    for holder, part in zip(reversed(spine[:-1]), reversed(pointer[:-1]), strict=True):
        changed = _with(holder, part, changed)
    return changed


def _member(holder: Any, part: str, operation: dict[str, Any], change: Any, *, inserting: bool) -> Any:
    if isinstance(holder, dict):
        if part not in holder and not inserting:
            raise _missing(operation)
        value = change(holder.get(part))
        if value is _ABSENT:
            return {field: kept for field, kept in holder.items() if field != part}
        return {**holder, part: value}
    if not isinstance(holder, list):
        raise _missing(operation)
    at = len(holder) if inserting and part == "-" else _index(part, len(holder) - (not inserting))
    if at is None:
        raise _missing(operation)
    if inserting:
        return [*holder[:at], change(None), *holder[at:]]
    value = change(holder[at])
    return [*holder[:at], *([] if value is _ABSENT else [value]), *holder[at + 1 :]]


def _with(holder: Any, part: str, value: Any) -> Any:
    if isinstance(holder, dict):
        return {**holder, part: value}
    after = list(holder)
    after[int(part)] = value
    return after


def _index(part: str, most: int) -> int | None:
    """Read an index of at most `most`; RFC 6901 knows no sign and no leading zero."""
    if not part.isascii() or not part.isdigit() or len(part) > 9 or (part != "0" and part.startswith("0")):
        return None
    at = int(part)
    return at if at <= most else None


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1. What is not there is as null, as Kubernetes has it."""
    one = None if one is _ABSENT else one
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[field], other[field]) for field in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _missing(operation: dict[str, Any]) -> StatusError:
    return not_applicable(
        f"{operation['op']} operation does not apply: doc is missing path: "
        f'"{operation["path"][:200]}": missing value'
    )
