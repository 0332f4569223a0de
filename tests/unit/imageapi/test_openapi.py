"""The OpenAPI documents: what clients read in them is there, for every kind, made of the shipped CRDs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.imageapi import openapi
from unit.imageapi.crd_source import crd_source

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "com.github.openshift.api.image.v1"
_BASE = "/apis/image.openshift.io/v1"
_STORED = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_VIRTUAL = ("create", "delete", "get", "list", "patch", "update")


@dataclasses.dataclass(frozen=True)
class _Row:
    path: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]


ROWS = (
    _Row("images", "Image", namespaced=False, verbs=_STORED),
    _Row("imagesignatures", "ImageSignature", namespaced=False, verbs=("create", "delete")),
    _Row("imagestreamimages", "ImageStreamImage", namespaced=True, verbs=("get",)),
    _Row("imagestreamimports", "ImageStreamImport", namespaced=True, verbs=("create",)),
    _Row("imagestreammappings", "ImageStreamMapping", namespaced=True, verbs=("create",)),
    _Row("imagestreams", "ImageStream", namespaced=True, verbs=_STORED),
    _Row("imagestreams/layers", "ImageStreamLayers", namespaced=True, verbs=("get",)),
    _Row("imagestreams/secrets", "SecretList", namespaced=True, verbs=("get",)),
    _Row("imagestreams/status", "ImageStream", namespaced=True, verbs=("get", "patch", "update")),
    _Row("imagestreamtags", "ImageStreamTag", namespaced=True, verbs=_VIRTUAL),
    _Row("imagetags", "ImageTag", namespaced=True, verbs=_VIRTUAL),
)


@pytest.fixture(scope="module")
def v3(source: dict[str, Any]) -> dict[str, Any]:
    """The document made of them."""
    return openapi.document(source, ROWS)


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    """The shipped CRDs, as the API server publishes them."""
    return crd_source()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_kind_is_found_as_kubectl_explain_looks_for_it(v3: dict[str, Any], row: _Row) -> None:
    """A path of the resource names its kind, and one schema says that it is that kind."""
    plural, _, subresource = row.path.partition("/")
    inside = "/namespaces/{namespace}" if row.namespaced else ""
    whole = f"{_BASE}{inside}/{plural}"
    tail = f"/{subresource}" if subresource else ""
    items = [v3["paths"].get(path, {}) for path in (f"{whole}/{{name}}{tail}", *(() if tail else (whole,)))]
    kinds = [
        operation["x-kubernetes-group-version-kind"]
        for item in items
        for method, operation in item.items()
        if method != "parameters"
    ]
    wanted = {"group": "image.openshift.io", "kind": row.kind, "version": "v1"}
    assert [wanted] * len(row.verbs) == kinds + [wanted] * ("watch" in row.verbs)
    if row.kind != "SecretList":
        schemas = v3["components"]["schemas"]
        assert [f"{_PREFIX}.{row.kind}"] == [
            name
            for name, schema in schemas.items()
            if wanted in schema.get("x-kubernetes-group-version-kind", ())
        ]


def test_fields_have_the_types_that_the_original_names(v3: dict[str, Any]) -> None:
    """`explain is.spec.tags` shows []TagReference, and its fields are the CRD's with their texts."""
    schemas = v3["components"]["schemas"]
    tags = schemas[f"{_PREFIX}.ImageStreamSpec"]["properties"]["tags"]
    assert {"$ref": f"#/components/schemas/{_PREFIX}.TagReference"} == tags["items"]
    fields = schemas[f"{_PREFIX}.TagReference"]
    assert ["name"] == fields["required"]
    original = {"annotations", "from", "generation", "importPolicy", "name", "reference", "referencePolicy"}
    assert original == set(fields["properties"])
    assert all(field["description"] for field in fields["properties"].values())
    assert (
        "io.k8s.api.core.v1.ObjectReference"
        == fields["properties"]["from"]["allOf"][0]["$ref"].rpartition("/")[2]
    )


@pytest.mark.parametrize(
    ("schema", "field", "expected"),
    [
        ("ImageStreamSpec", "tags", ("merge", "name")),
        ("ImageStreamStatus", "tags", ("merge", "tag")),
        ("Image", "signatures", ("merge", "name")),
        ("ImageSignature", "conditions", ("merge", "type")),
        ("Image", "dockerImageMetadata", ("replace", None)),
    ],
)
def test_lists_say_how_a_strategic_patch_merges_them(
    v3: dict[str, Any], schema: str, field: str, expected: tuple[str, str | None]
) -> None:
    """Clients make their patches by these keys, in both versions of the document."""
    for schemas in (v3["components"]["schemas"], openapi.swagger(v3)["definitions"]):
        found = schemas[f"{_PREFIX}.{schema}"]["properties"][field]
        keys = ("x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key")
        assert expected == tuple(found.get(key) for key in keys)


def test_patches_and_dry_runs_are_announced(v3: dict[str, Any]) -> None:
    """A client sees which patches are taken, and that writes can be tried and be checked by the server."""
    one = f"{_BASE}/namespaces/{{namespace}}/imagestreamtags/{{name}}"
    patch = v3["paths"][one]["patch"]
    assert {
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    } == set(patch["requestBody"]["content"])
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} == {
        each["name"] for each in patch["parameters"]
    }
    v2 = openapi.swagger(v3)["paths"][one]["patch"]
    assert sorted(patch["requestBody"]["content"]) == sorted(v2["consumes"])


def test_nothing_is_referred_to_that_is_not_there(v3: dict[str, Any]) -> None:
    """Every reference leads somewhere, and every operation has an id of its own."""
    v2 = openapi.swagger(v3)
    for whole, head, schemas in (
        (v3, "#/components/schemas/", v3["components"]["schemas"]),
        (v2, "#/definitions/", v2["definitions"]),
    ):
        found = set(_references(whole))
        assert found
        assert {each for each in found if each.removeprefix(head) not in schemas} == set()
    ids = [
        operation["operationId"]
        for item in v3["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    assert len(ids) == len(set(ids))


def test_version_2_has_no_schema_that_no_path_leads_to(source: dict[str, Any]) -> None:
    """The API server would keep it, without those that it refers to."""
    definitions = openapi.swagger(openapi.document(source, ROWS[:1]))["definitions"]
    assert f"{_PREFIX}.Image" in definitions
    assert f"{_PREFIX}.ImageStreamImportStatus" not in definitions


def test_version_2_has_nothing_that_only_version_3_knows(v3: dict[str, Any]) -> None:
    """The API server merges it with its own, which has no allOf, nullable or requestBody."""
    text = str(openapi.swagger(v3))
    assert [] == [
        word for word in ("'allOf'", "'nullable'", "'requestBody'", "'content': {'app") if word in text
    ]


def test_clients_are_sent_to_an_address_that_only_this_document_has(v3: dict[str, Any]) -> None:
    """Clients keep what they got by its address, which changes with the document and is not the CRDs' own."""
    paths = openapi.root(v3)["paths"]
    address, _, found = paths["apis/image.openshift.io/v1"]["serverRelativeURL"].partition("?hash=")
    assert openapi.etag(v3) == found
    assert openapi.etag(v3) != openapi.etag({**v3, "paths": {}})
    assert address.removeprefix("/openapi/v3/") in paths
    assert "/openapi/v3/apis/image.openshift.io/v1" != address


def test_every_address_that_is_told_is_served(source: dict[str, Any], v3: dict[str, Any]) -> None:
    """Both versions are there, and version 3 wherever the root says."""
    bodies = openapi.served(source, ROWS)
    told = {each["serverRelativeURL"].partition("?")[0] for each in bodies["/openapi/v3"]["paths"].values()}
    assert [v3] * len(told) == [bodies[address] for address in told]
    assert v3 == bodies["/openapi/v3/apis/image.openshift.io/v1"]
    assert "2.0" == bodies["/openapi/v2"]["swagger"]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
