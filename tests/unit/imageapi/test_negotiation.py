"""In which form an answer is given (imageapi.negotiation)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi.negotiation import Form, Wish, included, negotiate, shape, shape_event

NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
IMAGE: dict[str, Any] = {
    "kind": "Image",
    "apiVersion": "image.openshift.io/v1",
    "metadata": {"name": "sha256:0", "resourceVersion": "7"},
    "dockerImageReference": "r.io/app@sha256:0",
}
LIST: dict[str, Any] = {
    "kind": "ImageList",
    "apiVersion": "image.openshift.io/v1",
    "metadata": {"resourceVersion": "9", "continue": "more"},
    "items": [IMAGE],
}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Wish(Form.PLAIN)),
        ("*/*", Wish(Form.PLAIN)),
        ("application/json, */*", Wish(Form.PLAIN)),
        ("application/vnd.kubernetes.protobuf, application/json", Wish(Form.PLAIN)),
        (f"{TABLE},application/json", Wish(Form.TABLE)),
        ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", Wish(Form.TABLE, "v1beta1")),
        ("application/json;as=Table;g=meta.k8s.io;v=v9,application/json", Wish(Form.PLAIN)),
        (
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
            ),
            Wish(Form.METADATA),
        ),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Wish(Form.METADATA)),
    ],
)
def test_the_first_form_that_can_be_given_is(accept: str, expected: Wish) -> None:
    """In the client's order; protobuf is passed over, as Kubernetes' clients allow."""
    assert expected == negotiate(accept)


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.kubernetes.protobuf", f"{TABLE}x"])
def test_what_cannot_be_given_is_406(accept: str) -> None:
    """And the answer says what can."""
    with pytest.raises(StatusError, match="application/json") as refused:
        negotiate(accept)
    assert (406, "NotAcceptable") == (refused.value.code, refused.value.reason)


def test_a_list_as_a_table_has_a_row_for_each_and_the_lists_metadata() -> None:
    """With what is needed to go on reading it."""
    table = shape(LIST, Wish(Form.TABLE), "images", NOW)
    assert ("Table", "meta.k8s.io/v1") == (table["kind"], table["apiVersion"])
    assert {"resourceVersion": "9", "continue": "more"} == table["metadata"]
    assert ["Name", "Image Reference"] == [column["name"] for column in table["columnDefinitions"]]
    metadata = {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": IMAGE["metadata"],
    }
    assert [{"cells": ["sha256:0", "r.io/app@sha256:0"], "object": metadata}] == table["rows"]


@pytest.mark.parametrize(("include", "expected"), [("None", None), ("Object", IMAGE)])
def test_a_row_has_as_much_of_its_object_as_is_asked_for(include: str, expected: Any) -> None:
    """includeObject, as kubectl sends it for -o custom-columns and --sort-by."""
    (row,) = shape(LIST, Wish(Form.TABLE), "images", NOW, include=included(include))["rows"]
    assert expected == row.get("object")


def test_an_unknown_include_is_400() -> None:
    """In Kubernetes' words."""
    with pytest.raises(StatusError, match='unrecognized includeObject value: "All"'):
        included("All")


def test_metadata_alone_is_what_controllers_watch() -> None:
    """Garbage collection and quota read nothing else."""
    found = shape(LIST, Wish(Form.METADATA), "images", NOW)
    assert "PartialObjectMetadataList" == found["kind"]
    assert [IMAGE["metadata"]] == [item["metadata"] for item in found["items"]]
    assert {"kind", "apiVersion", "metadata"} == set(found["items"][0])


def test_a_status_is_what_it_is() -> None:
    """Whatever form is asked for: it is no object of the resource."""
    status = {"kind": "Status", "status": "Success"}
    assert status == shape(status, Wish(Form.TABLE), "images", NOW)


def test_a_watch_tells_its_columns_once() -> None:
    """The first event has them; a bookmark has no row."""
    wish = Wish(Form.TABLE)
    first = shape_event({"type": "ADDED", "object": IMAGE}, wish, "images", NOW, first=True)
    second = shape_event({"type": "BOOKMARK", "object": IMAGE}, wish, "images", NOW)
    assert 2 == len(first["object"]["columnDefinitions"])
    assert second["object"]["columnDefinitions"] is None
    assert ("BOOKMARK", []) == (second["type"], second["object"]["rows"])
