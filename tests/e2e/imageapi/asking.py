"""Every verb of every resource of the image API, as requests that change nothing: to ask who may do what."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASE = "/apis/image.openshift.io/v1"
STREAM, TAG = "app", "1"
NOWHERE = "127.0.0.1:1/no/where:1"
_METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}
_OF_ONE = frozenset({"get", "update", "patch", "delete"})
OFFERED = {resource.path: resource.verbs for resource in RESOURCES}
"""The verbs of each resource that is served."""
CLUSTERED = frozenset({"images", "imagesignatures"})


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One request, which changes nothing whoever sends it."""

    resource: str
    verb: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Any = None
    content_type: str = "application/json"


def questions(namespace: str, digest: str) -> Iterator[Question]:
    """Write a request for every verb of every resource; `digest` is of the image that STREAM:TAG leads to."""
    for resource, verbs in OFFERED.items():
        for verb in verbs:
            yield question(resource, verb, namespace, digest)


def question(resource: str, verb: str, namespace: str, digest: str) -> Question:
    """Write the request for one verb of one resource."""
    plural, _, subresource = resource.partition("/")
    inside = "" if plural in CLUSTERED else f"/namespaces/{namespace}"
    path = f"{BASE}{inside}/{plural}"
    if verb in _OF_ONE:
        path += f"/{_name(plural, digest)}" + (f"/{subresource}" if subresource else "")
    query: dict[str, str] = {}
    if verb == "watch":
        query = {"watch": "1", "timeoutSeconds": "1"}
    elif verb not in {"get", "list"}:
        query = {"dryRun": "All"}
    if verb == "deletecollection":
        query["labelSelector"] = "no=such"
    content_type = "application/merge-patch+json" if verb == "patch" else "application/json"
    body = _body(plural, verb, namespace, digest)
    return Question(resource, verb, _METHODS[verb], path, query, body, content_type)


def _name(plural: str, digest: str) -> str:
    names = {
        "imagestreams": STREAM,
        "imagestreamtags": f"{STREAM}:{TAG}",
        "imagetags": f"{STREAM}:{TAG}",
        "imagestreamimages": f"{STREAM}@{digest}",
        "images": digest,
        "imagesignatures": f"{digest}@none",
    }
    return names[plural]


def _body(plural: str, verb: str, namespace: str, digest: str) -> Any:
    if verb == "patch":
        return {"metadata": {"annotations": {"asked": "yes"}}}
    if verb not in {"create", "update"}:
        return None
    name = _name(plural, digest) if verb == "update" else f"new{':1' if plural in _TAGGED else ''}"
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "imagestreams": ("ImageStream", {"spec": {}}),
        "imagestreamtags": ("ImageStreamTag", {"tag": _tag()}),
        "imagetags": ("ImageTag", {"spec": _tag()}),
        "imagestreamimports": (
            "ImageStreamImport",
            {"spec": {"import": False, "images": [{"from": _tag()["from"]}]}},
        ),
        "imagestreammappings": ("ImageStreamMapping", {"tag": "pushed", "image": _image(digest)}),
        "images": ("Image", _image(digest if verb == "update" else f"sha256:{'0' * 64}")),
        "imagesignatures": ("ImageSignature", {"type": "AtomicImageV1", "content": "YQ=="}),
    }
    kind, fields = bodies[plural]
    if plural == "imagesignatures":
        name = f"{digest}@new"
    if plural == "imagestreammappings":
        name = STREAM
    inside = {} if plural in CLUSTERED else {"namespace": namespace}
    metadata = {"name": name, **inside, **(fields.get("metadata") or {})}
    return {"apiVersion": "image.openshift.io/v1", "kind": kind, **fields, "metadata": metadata}


_TAGGED = frozenset({"imagestreamtags", "imagetags"})


def _tag() -> dict[str, Any]:
    return {"name": TAG, "from": {"kind": "DockerImage", "name": NOWHERE}, "importPolicy": {"insecure": True}}


def _image(digest: str) -> dict[str, Any]:
    return {"metadata": {"name": digest}, "dockerImageReference": f"127.0.0.1:1/no/where@{digest}"}
