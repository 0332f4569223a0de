"""The tables of `oc get` (imageapi.tables): columns, and cells for objects that no recording has."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from imagestreams.imageapi import tables
from support import recordings
from unit.imageapi.printing import check_table

NOW = dt.datetime(2026, 11, 23, 17, 0, 0, tzinfo=dt.UTC)
SOME = "sha256:0000000000"
TWO_DAYS_AGO, THREE_DAYS_AGO = "2026-11-21T17:00:00Z", "2026-11-20T17:00:00Z"


def spec(kind: str = "", name: str = "", namespace: str = "", **more: Any) -> dict[str, Any]:
    """Make a tag of spec with a source."""
    return {"from": {"kind": kind, "name": name, "namespace": namespace}, **more}


def item(image: str, generation: int, created: str | None = None, reference: str = "") -> dict[str, Any]:
    """Make an item of a history."""
    return {"image": image, "generation": generation, "created": created, "dockerImageReference": reference}


def failure(reason: str, status: str = "", time: str | None = None) -> dict[str, Any]:
    """Make a condition of an import."""
    return {"type": "ImportSuccess", "status": status, "reason": reason, "lastTransitionTime": time}


IMAGE = ("ImageStreamImage", f"a@{SOME}", "a")


@pytest.mark.parametrize(
    ("asked", "status", "cells"),
    [
        (None, None, ["", "", None, ""]),
        ({"name": "1"}, None, ["", "", None, ""]),
        (spec(), None, ["Tag", "InvalidRefKind", None, ""]),
        (spec("DockerImage", "a/b:c", reference=True), None, ["Ref", "a/b:c", None, ""]),
        (spec("ImageStreamTag", "b:c"), None, ["Tag", "istag/b:c", None, ""]),
        (spec("ImageStreamImage", SOME, "a"), None, ["Tag", "InvalidRefName", None, ""]),
        (
            spec("ImageStreamTag", "b:c", "a", importPolicy={"scheduled": True}),
            None,
            ["Scheduled", "istag a/b:c", None, ""],
        ),
        (spec(*IMAGE), None, ["Tag", f"image/{SOME}", None, ""]),
        (
            spec(*IMAGE),
            {"conditions": [failure("AbjectFailure", "False", "2026-11-23T15:00:00Z")]},
            ["Tag", "ImportFailed (AbjectFailure)", None, "2 hours ago"],
        ),
        (
            spec(*IMAGE),
            {"conditions": [failure("WithoutCondition")]},
            ["Tag", f"image/{SOME}", None, ""],
        ),
        (
            spec(*IMAGE, generation=2),
            {"items": [item(SOME, 1)], "conditions": [failure("AbjectFailure")]},
            ["Tag", "Importing", 1, ""],
        ),
        (
            spec(*IMAGE, generation=2),
            {
                "items": [item(SOME, 2, TWO_DAYS_AGO), item("", 1, THREE_DAYS_AGO, "old/image:nowhere")],
                "conditions": [failure("AbjectFailure")],
            },
            ["Tag", f"image/{SOME}", 2, "2 days ago"],
        ),
        (None, {"items": [item(SOME, 2, TWO_DAYS_AGO)]}, ["Push", f"image/{SOME}", 1, "2 days ago"]),
        (
            spec("ImageStreamImage", "a@sha256:0000000001", "a", generation=3),
            {"items": [item("sha256:02", 4, TWO_DAYS_AGO), item("sha256:01", 3, THREE_DAYS_AGO)]},
            ["Push", "image/sha256:02", 2, "2 days ago"],
        ),
        (None, {"items": [item("", 2, TWO_DAYS_AGO, "a/b:c")]}, ["Push", "a/b:c", 1, "2 days ago"]),
        (
            spec("ImageStreamTag", "other", generation=1),
            {"items": [item("sha256:02", 2, TWO_DAYS_AGO)]},
            ["Track", "image/sha256:02", 1, "2 days ago"],
        ),
    ],
)
def test_an_image_tag_is_told_as_in_the_original(
    asked: dict[str, Any] | None, status: dict[str, Any] | None, cells: list[Any]
) -> None:
    """SPEC, STATUS, HISTORY and UPDATED for each of the sixteen cases that the original tells apart."""
    shown = {"metadata": {"name": "foo:1"}, "spec": asked, "status": status, "image": None}
    assert ["foo:1", *cells] == tables.cells("imagetags", shown, NOW)


@pytest.mark.parametrize(
    ("resource", "names", "priorities"),
    [
        ("images", ["Name", "Image Reference"], [0, 0]),
        ("imagestreams", ["Name", "Image Repository", "Tags", "Updated"], [0, 0, 0, 0]),
        ("imagestreamtags", ["Name", "Image Reference", "Updated", "Image Name"], [0, 0, 0, 1]),
        ("imagetags", ["Name", "Spec", "Status", "History", "Updated"], [0, 0, 0, 0, 0]),
        ("imagestreamimages", ["Name", "Updated", "Image Reference", "Image Name"], [0, 0, 1, 1]),
        ("imagestreamimports", ["Name", "Created At"], [0, 0]),
    ],
)
def test_columns_are_those_of_the_original(resource: str, names: list[str], priorities: list[int]) -> None:
    """Each resource has its columns, those for `-o wide` with priority 1, and a cell in each."""
    columns = tables.columns(resource)
    assert names == [column["name"] for column in columns]
    assert priorities == [column["priority"] for column in columns]
    assert all(column["description"] for column in columns)
    shown = {"metadata": {"name": "x", "creationTimestamp": TWO_DAYS_AGO}}
    cells = tables.cells(resource, shown, NOW)
    assert len(columns) == len(cells)
    assert cells[0] == "x"


def test_what_has_no_table_of_its_own_has_kubernetes() -> None:
    """The answer to an import is shown with its name and when it was created."""
    shown = {"metadata": {"name": "app", "creationTimestamp": TWO_DAYS_AGO}}
    assert ["app", TWO_DAYS_AGO] == tables.cells("imagestreamimports", shown, NOW)


def test_an_image_of_a_stream_is_told_with_its_reference_and_name() -> None:
    """`oc get isimage -o wide` has both columns more."""
    image = {"metadata": {"name": SOME}, "dockerImageReference": f"r/a@{SOME}"}
    shown = {"metadata": {"name": "app@00", "creationTimestamp": TWO_DAYS_AGO}, "image": image}
    assert ["app@00", "2 days ago", f"r/a@{SOME}", SOME] == tables.cells("imagestreamimages", shown, NOW)


@pytest.mark.parametrize(
    ("public", "asked", "known", "shown"),
    [
        ("p/a", "s/a", "i/a", "p/a"),
        ("", "s/a", "i/a", "s/a"),
        ("", "", "i/a", "i/a"),
        ("", "", "", ""),
    ],
)
def test_the_repository_is_the_first_that_there_is(public: str, asked: str, known: str, shown: str) -> None:
    """IMAGE REPOSITORY is the public one, else that of spec, else the internal one."""
    stream = {
        "metadata": {"name": "app"},
        "spec": {"dockerImageRepository": asked},
        "status": {"publicDockerImageRepository": public, "dockerImageRepository": known},
    }
    assert ["app", shown, "", ""] == tables.cells("imagestreams", stream, NOW)


def test_the_tags_of_a_stream_are_cut_as_recorded() -> None:
    """TAGS is the recorded text for streams of up to thirty tags of all lengths."""
    steps = recordings.read("13-r-tags-column").steps
    listed = next(step for step in steps if "T:.status.tags" in step.command)
    printed = next(step for step in steps if step.command == "oc get is")
    rows = recordings.table(printed.output)
    tags = {row["N"]: row["T"].split(",") for row in recordings.table(listed.output)}
    assert len(rows) == len(tags) == 38
    for row in rows:
        name = row["NAME"]
        stored = {
            "metadata": {"name": name, "creationTimestamp": TWO_DAYS_AGO, "generation": 1},
            "spec": {},
            "status": {"tags": [{"tag": tag, "items": [item(SOME, 1, TWO_DAYS_AGO)]} for tag in tags[name]]},
        }
        check_table("imagestreams", [row], [stored])
