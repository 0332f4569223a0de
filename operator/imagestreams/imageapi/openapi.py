"""OpenAPI v2 and v3 of the image API, for `kubectl explain`, `apply` and `edit`. Pure.

Made from what the API server publishes of our CRDs at v1alpha1 (SOURCE; everybody who is authenticated may
read it), so that there is one place where a field is described; imageapi.virtual_kinds adds the kinds that
have no CRD, and imageapi.openapi_paths the paths. Clients read three things: the schemas with their
x-kubernetes-group-version-kind, the media types of each PATCH (strategic merge is announced, so kubectl sends
it), and the merge keys of lists.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import openapi_paths
from imagestreams.imageapi.resources import ROOT
from imagestreams.imageapi.virtual_kinds import (
    MERGED,
    META,
    PARTS,
    PREFIX,
    TYPE_META,
    VIRTUAL,
    described,
    ref,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imagestreams.imageapi.openapi_paths import Served
    from imagestreams.imageapi.virtual_kinds import Schema

SOURCE = "/openapi/v3/apis/image.openshift.io/v1alpha1"
"""Where the API server publishes the schemas of our CRDs, whoever serves v1."""
GROUP_VERSION = ROOT.removeprefix("/")
_ALONE = f"{GROUP_VERSION}/whole"
_GVK = "x-kubernetes-group-version-kind"
_V3 = "#/components/schemas/"
_KEPT = frozenset(
    {
        "type", "format", "description", "properties", "required", "items", "additionalProperties", "enum",
        "nullable",
        "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
        "x-kubernetes-map-type", "allOf", "$ref", "default",
    }
)  # fmt: skip
"""What is told of a schema; rules and limits are the CRD's own to check."""
_LISTED = ("Image", "ImageStream", "ImageStreamTag", "ImageTag")


def document(source: Mapping[str, Any], resources: Iterable[Served]) -> dict[str, Any]:
    """Write the OpenAPI v3 document of image.openshift.io/v1.

    `source` is the API server's document at SOURCE. KeyError where it lacks the schema of ImageStream or
    Image.
    """
    schemas = dict(_schemas(source))
    needed = openapi_paths.META_KINDS
    schemas |= {name: schema for name, schema in _meta(source).items() if name not in schemas}
    schemas |= {name: {"type": "object"} for name in needed if name not in schemas}
    return {
        "openapi": "3.0.0",
        "info": {"title": "image.openshift.io", "version": "v1"},
        "paths": openapi_paths.paths(resources),
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def root(v3: Mapping[str, Any]) -> dict[str, Any]:
    """Write what /openapi/v3 answers: where the document is, at an address that changes with it.

    The API server goes on publishing v1 of our CRDs, at the usual address; of two that offer the same it
    takes either, by chance. So ours is offered at one that nobody else has, too, and clients are sent there.
    """
    there = {"serverRelativeURL": f"/openapi/v3/{_ALONE}?hash={etag(v3)}"}
    return {"paths": {GROUP_VERSION: there, _ALONE: there}}


def served(source: Mapping[str, Any], resources: Iterable[Served]) -> dict[str, dict[str, Any]]:
    """Write all that is served of OpenAPI, by path. KeyError as for `document`."""
    v3 = document(source, resources)
    return {
        "/openapi/v2": swagger(v3),
        "/openapi/v3": root(v3),
        f"/openapi/v3/{GROUP_VERSION}": v3,
        f"/openapi/v3/{_ALONE}": v3,
    }


def swagger(v3: Mapping[str, Any]) -> dict[str, Any]:
    """Write the same as OpenAPI v2, which the API server merges with its own."""
    # The API server drops what only a path that it has already leads to, but never what no path leads to:
    # that would be left with references to nothing, and kubectl refuses the whole document.
    schemas = _reached(v3["components"]["schemas"], v3["paths"])
    return {
        "swagger": "2.0",
        "info": v3["info"],
        "paths": {path: openapi_paths.swagger_path(item) for path, item in v3["paths"].items()},
        "definitions": {name: _plain(schema) for name, schema in schemas.items()},
    }


def etag(body: Mapping[str, Any]) -> str:
    """Give what changes whenever the document does."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest().upper()


def _schemas(source: Mapping[str, Any]) -> Iterable[tuple[str, Schema]]:
    stored = _stored(source)
    for kind in ("ImageStream", "Image"):
        parts: dict[str, Schema] = {}
        whole = _lifted(stored[kind], (), PARTS[kind], MERGED[kind], parts)
        whole["properties"] = {
            **whole["properties"],
            **TYPE_META,
            "metadata": described(f"{META}.ObjectMeta", "Its metadata."),
        }
        yield from parts.items()
        yield f"{PREFIX}.{kind}", whole | _is(kind)
    for name, schema in VIRTUAL.items():
        kind = name.rpartition(".")[2]
        yield (
            name,
            schema | (_is(kind) if name.startswith(PREFIX) and "metadata" in schema["properties"] else {}),
        )
    for kind in _LISTED:
        yield f"{PREFIX}.{kind}List", _list(kind)
    # A signature can be sent by itself too.
    signature = f"{PREFIX}.ImageSignature"
    yield signature, dict(parts[signature]) | _is("ImageSignature")


def _stored(source: Mapping[str, Any]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for schema in source["components"]["schemas"].values():
        for each in schema.get(_GVK, ()):
            if each["group"] == "image.openshift.io":
                found[each["kind"]] = schema
    return found


def _meta(source: Mapping[str, Any]) -> dict[str, Schema]:
    """Take over the schemas of metadata, lists, Status and so on, which the API server has beside ours."""
    schemas = source["components"]["schemas"]
    return {name: schema for name, schema in schemas.items() if not name.startswith("io.openshift.image.")}


def _is(kind: str) -> Schema:
    return {_GVK: [{"group": "image.openshift.io", "kind": kind, "version": "v1"}]}


def _list(kind: str) -> Schema:
    return {
        "type": "object",
        "description": f"A list of objects of kind {kind}.",
        "required": ["items"],
        "properties": {
            **TYPE_META,
            "metadata": described(f"{META}.ListMeta", "Its metadata."),
            "items": {"type": "array", "items": ref(f"{PREFIX}.{kind}"), "description": "The objects."},
        },
        **_is(f"{kind}List"),
    }


def _lifted(
    schema: Schema,
    at: tuple[str, ...],
    names: Mapping[tuple[str, ...], str],
    merged: Mapping[tuple[str, ...], dict[str, str]],
    parts: dict[str, Schema],
) -> Schema:
    """Copy a schema, move its named parts to `parts`, and refer to them from where they stood."""
    made = {key: value for key, value in schema.items() if key in _KEPT} | merged.get(at, {})
    if "properties" in made:
        made["properties"] = {
            name: _lifted(each, (*at, name), names, merged, parts)
            for name, each in made["properties"].items()
        }
    if "items" in made:
        made["items"] = _lifted(made["items"], (*at, "[]"), names, merged, parts)
    if at not in names:
        return made
    parts[names[at]] = {key: value for key, value in made.items() if key != "nullable"}
    if at[-1] == "[]":
        return ref(names[at])
    return described(names[at], made.get("description", ""))


def _reached(schemas: Mapping[str, Schema], paths: Mapping[str, Any]) -> dict[str, Schema]:
    """Keep the schemas that a path leads to."""
    found: dict[str, Schema] = {}
    waiting = list(_names(paths))
    while waiting:
        if (name := waiting.pop()) in schemas and name not in found:
            found[name] = schemas[name]
            waiting += _names(schemas[name])
    return dict(sorted(found.items()))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_V3)
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _plain(schema: Any) -> Any:
    """Turn a v3 schema into a v2 one: definitions for components, no allOf of one, no null, no defaults."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: _plain(value) for key, value in schema.items() if key not in {"nullable", "default", "allOf"}
    }
    for each in schema.get("allOf", ()):
        made |= _plain(each)
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace(_V3, "#/definitions/")
    return made
