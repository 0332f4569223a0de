"""Who wrote an image, as managedFields say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from imagestreams.triggering.owners import other_writers
from unit.model.arbitrary import anything, nearly, several, words

POD_SPEC = ("spec", "template", "spec")


def owned(*keys: str, list_name: str = "containers", field: str = "image") -> dict[str, Any]:
    """Write the fieldsV1 of somebody who owns a field of containers, by the keys of their list."""
    containers: dict[str, Any] = {key: {".": {}, f"f:{field}": {}} for key in keys}
    return {"f:spec": {"f:template": {"f:spec": {f"f:{list_name}": containers}}}}


def body(*entries: tuple[str, str, str, Any]) -> dict[str, Any]:
    """Write a body with managedFields: manager, operation, time and fields."""
    return {
        "metadata": {
            "managedFields": [
                {"manager": manager, "operation": operation, "time": time, "fieldsV1": fields}
                for manager, operation, time, fields in entries
            ]
        }
    }


WEB = 'k:{"name":"web"}'


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (owned(WEB), True),
        (owned(WEB, list_name="initContainers"), True),
        (owned('k:{"name":"side"}'), False),
        (owned(WEB, field="args"), False),
        (owned(), True),
        (owned("k:nonsense"), False),
        ({"f:spec": {"f:replicas": {}}}, False),
        ({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{}": []}}}}}, False),
        (None, False),
    ],
    ids=["image", "init", "another", "another field", "whole list", "no JSON", "elsewhere", "odd", "none"],
)
def test_only_who_owns_the_image_is_named(fields: Any, found: bool) -> None:
    """Whoever owns the image of the container, or its list as a whole, is named, with how they write."""
    raw = body(("argocd-controller", "Apply", "2026-01-01T00:00:00Z", fields))

    assert (("argocd-controller (Apply)",) if found else ()) == other_writers(raw, POD_SPEC, {"web"})


def test_the_last_writer_comes_first_and_we_are_none() -> None:
    """Of several owners the last to write is named first; we ourselves are not."""
    raw = body(
        ("helm", "Update", "2026-01-01T00:00:00Z", owned(WEB)),
        ("imagestreams", "Update", "2026-01-03T00:00:00Z", owned(WEB)),
        ("kubectl-set", "Update", "2026-01-02T00:00:00Z", owned(WEB)),
    )

    assert ("kubectl-set (Update)", "helm (Update)") == other_writers(raw, POD_SPEC, {"web", "side"})


@given(nearly(metadata=nearly(managedFields=several(nearly(manager=words, time=words, fieldsV1=anything)))))
def test_no_body_breaks_reading(raw: Any) -> None:
    """Whatever the API server sends, there is a list of names."""
    assert isinstance(other_writers(raw, POD_SPEC, {"web"}), tuple)
