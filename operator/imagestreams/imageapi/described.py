"""Definitions of the kinds that are stored nowhere, so that `kubectl explain` knows them. Pure.

Kubernetes always publishes what a custom resource definition describes, but the descriptions of an API that
takes v1 over from one by chance only, if ever (docs/image-api.md). So these describe what imageapi.openapi
does, and nothing else of them is used: while the image API serves v1 no request reaches them, and without it
each answer warns that they are empty and each write is refused. Written to the overlay by `make docs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import openapi
from imagestreams.imageapi.resources import GROUP, RESOURCES, VERSION, Resource
from imagestreams.imageapi.virtual_kinds import META, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagestreams.imageapi.virtual_kinds import Schema

_GVK = "x-kubernetes-group-version-kind"
_KEPT = ("type", "format", "description", "nullable", "enum", "x-kubernetes-preserve-unknown-fields")
_REFERENCES = "#/components/schemas/"
_AWAY = "served by the image API (Deployment imagestreams-api), which does not answer now"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_WHOLE = frozenset({f"{PREFIX}.Image", f"{PREFIX}.ImageStream"})
"""What an import answers with in several places; there its fields are left to `explain image` and so on."""


def published(crds: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Write what the API server publishes of our CRDs at openapi.SOURCE, as far as it comes from them."""
    schemas: dict[str, Any] = {f"{META}.ObjectMeta": {"type": "object"}}
    for crd in crds:
        kind = crd["spec"]["names"]["kind"]
        door = next(each for each in crd["spec"]["versions"] if each["name"] == "v1alpha1")
        schemas[f"io.openshift.image.v1alpha1.{kind}"] = {
            **door["schema"]["openAPIV3Schema"],
            _GVK: [{"group": GROUP, "kind": kind, "version": "v1alpha1"}],
        }
        schemas[f"io.openshift.image.v1alpha1.{kind}List"] = {"type": "object"}
    return {"components": {"schemas": schemas}}


def definitions(crds: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write one of each kind that has none; `crds` are those of ImageStream and Image."""
    crds = list(crds)
    stored = {crd["spec"]["names"]["kind"] for crd in crds}
    schemas = openapi.document(published(crds), RESOURCES)["components"]["schemas"]
    return [
        _definition(resource, schemas)
        for resource in RESOURCES
        if not resource.subresource and resource.kind not in stored
    ]


def _definition(resource: Resource, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    names: dict[str, Any] = {
        "kind": resource.kind,
        "listKind": f"{resource.kind}List",
        "plural": resource.plural,
        "singular": resource.singular,
    }
    if resource.short_names:
        names["shortNames"] = list(resource.short_names)
    away = f"{resource.plural} are {_AWAY}"
    described = _inlined(schemas[f"{PREFIX}.{resource.kind}"], schemas, resource.kind, ())
    described["properties"]["metadata"] = {"type": "object"}
    described["x-kubernetes-validations"] = [
        {
            "rule": "false",
            "message": away,
        }
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{resource.plural}.{GROUP}",
            "labels": {
                "app.kubernetes.io/name": "imagestreams",
                "app.kubernetes.io/part-of": "imagestreams",
                "app.kubernetes.io/component": "image-api",
            },
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "names": names,
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "deprecated": True,
                    "deprecationWarning": f"{away}: none is shown, and a deletion removes nothing",
                    "schema": {"openAPIV3Schema": described},
                }
            ],
        },
    }


def _inlined(schema: Schema, schemas: Mapping[str, Schema], kind: str, within: tuple[str, ...]) -> Schema:
    """Write a schema without references, as a custom resource definition must have it."""
    for each in (*schema.get("allOf", ()), *([schema] if "$ref" in schema else ())):
        name = each["$ref"].removeprefix(_REFERENCES)
        text = {"description": schema.get("description") or schemas[name].get("description", "")}
        if name.startswith(META) or name in within or (name in _WHOLE and kind == "ImageStreamImport"):
            return {**_ANYTHING, **text}
        return _inlined(schemas[name], schemas, kind, (*within, name)) | text
    made: Schema = {key: schema[key] for key in _KEPT if key in schema}
    if "properties" in schema:
        made["properties"] = {
            name: _inlined(each, schemas, kind, within) for name, each in schema["properties"].items()
        }
        if "required" in schema:
            made["required"] = list(schema["required"])
    if "items" in schema:
        made["items"] = _inlined(schema["items"], schemas, kind, within)
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _inlined(schema["additionalProperties"], schemas, kind, within)
    return made
