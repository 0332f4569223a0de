"""Whether what a client sent has the types that the group's kinds have. Pure.

Go's typed decoder refuses a wrong type before anything else is looked at; without that, a list that is a
text would read as no list, and what is stored be removed. Used by imageapi.validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAP: Any = {"*": str}
_REFERENCE: Any = {"kind": str, "name": str, "namespace": str}
_TAG: Any = {
    "name": str,
    "annotations": _MAP,
    "from": _REFERENCE,
    "reference": bool,
    "generation": int,
    "importPolicy": {"insecure": bool, "scheduled": bool, "importMode": str},
    "referencePolicy": {"type": str},
}
_IMPORTED: Any = {
    **{field: _TAG[field] for field in ("from", "importPolicy", "referencePolicy")},
    "includeManifest": bool,
}
_CONDITION: Any = {"type": str, "status": str, "reason": str, "message": str, "generation": int}
_HISTORY: Any = {
    "tag": str,
    "items": [{"created": str, "dockerImageReference": str, "image": str, "generation": int}],
    "conditions": [_CONDITION],
}
_METADATA: Any = {
    "name": str,
    "generateName": str,
    "namespace": str,
    "uid": str,
    "resourceVersion": str,
    "labels": _MAP,
    "annotations": _MAP,
    "finalizers": [str],
    "ownerReferences": [{"uid": str, "name": str}],
    "managedFields": [{"apiVersion": str}],
}
_SHAPES: Mapping[str, Any] = {
    "ImageStream": {
        "metadata": _METADATA,
        "spec": {"lookupPolicy": {"local": bool}, "dockerImageRepository": str, "tags": [_TAG]},
        "status": {"dockerImageRepository": str, "publicDockerImageRepository": str, "tags": [_HISTORY]},
    },
    "ImageStreamTag": {"metadata": _METADATA, "tag": _TAG},
    "ImageStreamImport": {
        "metadata": _METADATA,
        "spec": {
            "import": bool,
            "repository": _IMPORTED,
            "images": [{**_IMPORTED, "to": {"name": str}}],
        },
    },
    "ImageSignature": {"metadata": _METADATA, "type": str, "content": str},
    "ImageStreamMapping": {
        "metadata": _METADATA,
        "tag": str,
        "image": {
            "metadata": _METADATA,
            "dockerImageReference": str,
            "dockerImageManifest": str,
            "dockerImageManifestMediaType": str,
            "dockerImageConfig": str,
        },
    },
    "ImageTag": {"metadata": _METADATA, "spec": _TAG, "status": _HISTORY},
}
_WORDS = {str: "a string", bool: "a boolean", int: "an integer"}


def check_shape(kind: str, content: Mapping[str, Any]) -> None:
    """Refuse an object of a kind in which a field has a wrong type; null stands for a field that is not set.

    Raises StatusError (400), which names the field and its type.
    """
    wrong = _wrong(content, _SHAPES[kind], "")
    if wrong:
        version = f'{kind} in version "v1"'
        raise answers.bad_request(f"{version} cannot be handled as a {kind}: {wrong}")


def _wrong(value: Any, shape: Any, path: str) -> str:
    if value is None:
        return ""
    if isinstance(shape, dict):
        return _wrong_object(value, shape, path)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{path} must be a list"
        found = (_wrong(inner, shape[0], f"{path}[{at}]") for at, inner in enumerate(value))
        return next((wrong for wrong in found if wrong), "") or (
            f"{path} must have no null" if None in value else ""
        )
    right = isinstance(value, shape) and isinstance(value, bool) == (shape is bool)
    return "" if right else f"{path} must be {_WORDS[shape]}"


def _wrong_object(value: Any, shape: dict[str, Any], path: str) -> str:
    if not isinstance(value, dict):
        return f"{path} must be an object"
    anything = shape.get("*")
    for field, inner in value.items():
        expected = anything or shape.get(field)
        if expected is not None:
            wrong = _wrong(inner, expected, f"{path}.{field}" if path else field)
            if wrong:
                return wrong
    return ""
