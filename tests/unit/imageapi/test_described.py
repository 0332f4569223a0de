"""The definitions that describe what is stored nowhere: what a reader of `kubectl explain` finds is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from imagestreams.__main__ import main
from imagestreams.imageapi.described import definitions
from imagestreams.imageapi.resources import RESOURCES
from unit.imageapi.crd_source import shipped_crds

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROJECT = Path(__file__).resolve().parents[3]
_SHIPPED = _PROJECT / "deploy" / "overlays" / "openshift-api" / "described.yaml"


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    """All of them, by plural."""
    return {each["spec"]["names"]["plural"]: each for each in definitions(shipped_crds())}


def schema_of(definition: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of its one version."""
    (version,) = definition["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def every_schema(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through a schema and all within."""
    yield schema
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for each in inner:
        if each is not None:
            yield from every_schema(each)


def test_what_is_shipped_is_what_is_made() -> None:
    """`make docs` was run since the last change of a kind."""
    files = [str(_PROJECT / "crds" / f"{name}.yaml") for name in ("imagestreams", "images")]
    printed = CliRunner().invoke(main, ["described", *files])

    assert 0 == printed.exit_code
    comment, _, shipped = _SHIPPED.read_text(encoding="utf-8").partition("---\n")
    assert printed.output == shipped
    assert "make docs" in comment


def test_each_kind_that_is_stored_nowhere_has_one(made: dict[str, dict[str, Any]]) -> None:
    """Names, short names and scopes are those of the image API."""
    expected = {
        row.plural: ({"kind": row.kind, "listKind": f"{row.kind}List", "plural": row.plural}, row)
        for row in RESOURCES
        if not row.subresource and row.plural not in {"images", "imagestreams"}
    }
    assert expected.keys() == made.keys()
    for plural, (names, row) in expected.items():
        spec = made[plural]["spec"]
        assert {**names, "singular": row.singular} | (
            {"shortNames": list(row.short_names)} if row.short_names else {}
        ) == spec["names"]
        assert ("Namespaced" if row.namespaced else "Cluster") == spec["scope"]
        assert f"{plural}.image.openshift.io" == made[plural]["metadata"]["name"]


def test_nothing_is_ever_kept_at_one(made: dict[str, dict[str, Any]]) -> None:
    """Who meets it in place of the image API is warned, and what is written is refused with the reason."""
    for plural, definition in made.items():
        (version,) = definition["spec"]["versions"]
        assert "v1" == version["name"]
        assert version["deprecated"]
        # Kubernetes takes no longer one.
        assert len(version["deprecationWarning"]) <= 256
        assert version["deprecationWarning"].startswith(f"{plural} are served by the image API")
        (rule,) = schema_of(definition)["x-kubernetes-validations"]
        assert "false" == rule["rule"]
        assert plural in rule["message"]


def test_fields_are_explained_down_to_the_last(made: dict[str, dict[str, Any]]) -> None:
    """What a tag's image, history and policies consist of is told, with the CRDs' own words."""
    image = schema_of(made["imagestreamtags"])["properties"]["image"]["properties"]
    stored = next(crd for crd in shipped_crds() if crd["spec"]["names"]["kind"] == "Image")
    own = stored["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]

    assert own.keys() == image.keys()
    assert own["dockerImageReference"]["description"] == image["dockerImageReference"]["description"]
    history = schema_of(made["imagetags"])["properties"]["status"]["properties"]["items"]
    assert {"created", "dockerImageReference", "image"} <= history["items"]["properties"].keys()
    asked = schema_of(made["imagestreamimports"])["properties"]["spec"]["properties"]["images"]["items"]
    assert {"type", "description", "properties"} <= asked["properties"]["importPolicy"].keys()


def test_each_schema_is_one_that_kubernetes_takes(made: dict[str, dict[str, Any]]) -> None:
    """It has a type and no references, and the metadata is Kubernetes' own."""
    for definition in made.values():
        assert {"type": "object"} == schema_of(definition)["properties"]["metadata"]
        for schema in every_schema(schema_of(definition)):
            assert {"$ref", "allOf", "default"} & schema.keys() == set()
            assert "type" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
