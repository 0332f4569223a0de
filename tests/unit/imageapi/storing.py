"""What would be stored for an object that the original showed: the CRD's object that our operator leaves.

The way back of the views, as far as it can be known; for their tests.
"""

from __future__ import annotations

import copy
from typing import Any

from imagestreams.imageapi.stream_view import LAST_IMPORT
from imagestreams.model import annotation_keys
from imagestreams.model.image import MANAGED_LABEL, image_name

OWN = "image.openshift.io/v1alpha1"
MANAGER = {
    "manager": "oc",
    "operation": "Update",
    "apiVersion": OWN,
    "fieldsType": "FieldsV1",
    "fieldsV1": {},
}


def stored_stream(shown: dict[str, Any]) -> dict[str, Any]:
    """Store a stream as its author wrote it, tags backwards, with the status that our operator adds."""
    stored = copy.deepcopy(shown) | {"apiVersion": OWN}
    annotations = stored["metadata"].get("annotations", {})
    if "tags" in stored["status"]:
        # An import that told of no tag leaves no other trace than this.
        annotations.pop(LAST_IMPORT, None)
    if not annotations:
        stored["metadata"].pop("annotations", None)
    stored["metadata"]["managedFields"] = [MANAGER]
    spec = stored["spec"]
    if not spec["lookupPolicy"]["local"]:
        del spec["lookupPolicy"]
    generations = {tag["name"]: tag["generation"] for tag in spec.get("tags", [])}
    if "tags" in spec:
        spec["tags"] = [_as_typed(tag) for tag in reversed(spec["tags"])]
    status = stored["status"]
    for tag in status.get("tags", []):
        typed = next((each for each in spec.get("tags", []) if each["name"] == tag["tag"]), None)
        if typed is not None and "from" in typed:
            tag["intent"] = _intent(typed, generations[tag["tag"]])
            if generations[tag["tag"]] > _observed(tag):
                # It was asked for something else before.
                tag["intent"] |= {"name": "before", "generation": _observed(tag)}
    status["observedGeneration"] = stored["metadata"]["generation"]
    status["conditions"] = [{"type": "Ready", "status": "True", "observedGeneration": 1}]
    status["summary"] = {"tags": "x"}
    return stored


def without_ours(shown: dict[str, Any]) -> dict[str, Any]:
    """Leave out of an object what the original does not have: what our operator notes."""
    left = copy.deepcopy(shown)
    left["metadata"].pop("managedFields", None)
    if left["kind"] == "Image":
        return left
    status = left.get("status") or {}
    for field in ("conditions", "observedGeneration", "summary"):
        if left["kind"] == "ImageStream":
            status.pop(field, None)
    for tag in [status, *status.get("tags", [])]:
        tag.pop("intent", None)
    return left


def stored_image(shown: dict[str, Any]) -> dict[str, Any]:
    """Store an Image, or one that is part of another object, without what readers alone see."""
    stored = copy.deepcopy(shown) | {"apiVersion": OWN, "kind": "Image"}
    metadata = stored["metadata"]
    metadata |= {"name": image_name(metadata["name"]), "generation": 1, "managedFields": [MANAGER]}
    metadata.setdefault("annotations", {})
    metadata["labels"] = {}
    if "dockerImageManifests" in stored:
        stored["dockerImageMetadata"]["Created"] = None
    return stored


def with_our_label(stored: dict[str, Any]) -> dict[str, Any]:
    """Store an Image as our operator labels it."""
    return stored | {"metadata": stored["metadata"] | {"labels": dict([MANAGED_LABEL])}}


def _as_typed(tag: dict[str, Any]) -> dict[str, Any]:
    typed = {name: value for name, value in tag.items() if name != "generation" and value is not None}
    if typed["importPolicy"].get("importMode") == "Legacy":
        del typed["importPolicy"]["importMode"]
    if typed["referencePolicy"] == {"type": "Source"}:
        del typed["referencePolicy"]
    return {name: value for name, value in typed.items() if value != {}}


def _intent(tag: dict[str, Any], generation: int) -> dict[str, Any]:
    source, policy = tag["from"], tag.get("importPolicy", {})
    notes = tag.get("annotations", {})
    intent: dict[str, Any] = {
        "kind": source["kind"],
        "name": source["name"],
        "importMode": policy.get("importMode", "Legacy"),
        "generation": generation,
    }
    if "namespace" in source:
        intent["namespace"] = source["namespace"]
    if tag.get("reference"):
        intent["reference"] = True
    if policy.get("insecure"):
        intent["insecure"] = True
    if annotation_keys.PREFER_ARCH in notes:
        intent["preferArch"] = notes[annotation_keys.PREFER_ARCH]
    return intent


def _observed(tag: dict[str, Any]) -> int:
    items, conditions = tag["items"] or [], tag.get("conditions", [])
    newest: int = max(each["generation"] for each in (*items[:1], *conditions))
    return newest
