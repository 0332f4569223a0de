"""Lists that are read while they come in (kube.list_reading)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.kube.list_reading import ListReader

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | TEXT
    | st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=2)
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
ITEMS = st.lists(OBJECT, max_size=4)
BESIDE = st.dictionaries(TEXT.filter(lambda name: name != "items"), JSON | OBJECT, max_size=2)


def read(content: bytes, size: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read a list that comes in chunks of a size."""
    reader = ListReader()
    found = [item for at in range(0, len(content), size) for item in reader.feed(content[at : at + size])]
    return [*found, *reader.end()], reader.beside


@given(ITEMS, BESIDE, BESIDE, st.integers(1, 40), st.sampled_from([{}, {"indent": 1, "ensure_ascii": False}]))
def test_a_list_is_read_as_it_was_written_however_it_comes(
    items: list[Any], before: dict[str, Any], after: dict[str, Any], size: int, style: dict[str, Any]
) -> None:
    """In chunks that end within names, numbers and letters, with what is told before and after the items."""
    written = {**before, "items": items, **{name: after[name] for name in after if name not in before}}
    found, beside = read(json.dumps(written, **style).encode() + b"\n", size)
    assert items == found
    assert {name: value for name, value in written.items() if name != "items"} == beside


@given(ITEMS.filter(bool), st.data())
def test_a_list_that_is_cut_off_is_no_list(items: list[Any], data: st.DataObject) -> None:
    """Wherever it ends too early: what was read of it is not taken for the whole."""
    content = json.dumps({"items": items, "metadata": {}}).encode()
    with pytest.raises(ValueError, match="cut off"):
        read(content[: data.draw(st.integers(0, len(content) - 1))], 16)


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"null", b"", b'{"items":[1 ]}', b"{1:2}", b'\xff"'])
def test_what_is_no_list_of_objects_is_refused(content: bytes) -> None:
    """Such as the page of a proxy in between."""
    with pytest.raises(ValueError):  # noqa: PT011  # of several kinds
        read(content, 5)


def test_a_list_of_null_is_empty() -> None:
    """So Go writes one."""
    assert ([], {"items": None, "kind": "L"}) == read(b'{"items":null,"kind":"L"}', 3)


def test_an_item_is_given_before_the_next_has_come() -> None:
    """So that no list has to be kept."""
    reader = ListReader()
    assert [{"a": 1}] == list(reader.feed(b'{"items":[{"a":1},{"b"'))
    assert [{"b": 2}] == list(reader.feed(b":2},"))


def test_what_never_ends_is_not_kept() -> None:
    """More than any object can have is refused."""
    reader = ListReader()
    list(reader.feed(b'{"items":[{"a":"'))
    list(reader.feed(b"x" * (8 * 1024 * 1024 - 100)))
    with pytest.raises(ValueError, match="too large"):
        list(reader.feed(b"x" * (8 * 1024 * 1024)))
