"""Tables as kubectl prints them, made from stored streams; compared with tables that were printed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import tables
from imagestreams.imageapi.stream_view import view_stream
from imagestreams.imageapi.tag_view import (
    image_tag_names,
    stream_tag_names,
    view_image_tags,
    view_stream_tags,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]
WITHIN = 7200
"""How many seconds after the newest time in a table it may have been made."""


def shown_of(resource: str, stored: list[Document]) -> list[Document]:
    """Show all objects of a resource, given all stored streams."""
    views: dict[str, Callable[[Document], list[Document]]] = {
        "imagestreams": lambda stream: [view_stream(stream)],
        "imagestreamtags": lambda stream: [*view_stream_tags(stream, stream_tag_names(stream))],
        "imagetags": lambda stream: [*view_image_tags(stream, image_tag_names(stream))],
    }
    return [shown for stream in stored for shown in views[resource](stream)]


def check_table(resource: str, rows: list[dict[str, str]], stored: list[Document]) -> None:
    """Prove that there is a moment at which the table of these streams is the one that was printed."""
    heads = [column["name"].upper() for column in tables.columns(resource)]
    expected = sorted([row.get(head) for head in heads] for row in rows)
    shown = shown_of(resource, stored)
    newest = max(item["created"] for stream in stored for item in items_of(stream))
    tried = []
    for seconds in range(WITHIN):
        now = dt.datetime.fromisoformat(newest) + dt.timedelta(seconds=seconds)
        tried = sorted(printed(tables.cells(resource, each, now), expected[0]) for each in shown)
        if tried == expected:
            return
        if [without_updated(row, heads) for row in tried] != [
            without_updated(row, heads) for row in expected
        ]:
            break
    assert expected == tried


def items_of(stream: Document) -> list[Document]:
    """List the newest item of each tag, and what was told of each that failed."""
    tags = stream["status"].get("tags", [])
    items = [item for tag in tags for item in (tag["items"] or [])[:1]]
    failed = [{"created": each["lastTransitionTime"]} for tag in tags for each in tag.get("conditions", [])]
    return [*items, *failed] or [{"created": stream["metadata"]["creationTimestamp"]}]


def printed(cells: list[Any], like: list[str | None]) -> list[str | None]:
    """Print cells as kubectl does; columns that it was not asked for are left out."""
    shown = ["" if cell is None else str(cell) for cell in cells]
    return [None if other is None else cell for cell, other in zip(shown, like, strict=True)]


def without_updated(row: list[str | None], heads: list[str]) -> list[str | None]:
    """Leave out the one cell that goes with the time."""
    at = heads.index("UPDATED")
    return [*row[:at], *row[at + 1 :]]
