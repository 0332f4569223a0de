"""Selectors and pages of lists of tags (imageapi.tag_lists)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import StatusError
from imagestreams.imageapi.tag_lists import (
    STREAMS_A_PAGE,
    Position,
    read_limit,
    read_selector,
    selects,
)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("metadata.name=app:1", True),
        ("metadata.name==app:1", True),
        ("metadata.name!=app:1", False),
        ("metadata.name=app:2", False),
        ("metadata.name=app:1,metadata.namespace=shop", True),
        ("metadata.namespace!=shop", False),
    ],
)
def test_fields_select(selector: str, expected: bool) -> None:
    """Names and namespaces can be asked for, and asked away."""
    shown = {"metadata": {"name": "app:1", "namespace": "shop"}}
    assert expected == selects(read_selector(selector), shown)


@pytest.mark.parametrize("selector", ["spec.x=1", "metadata.name", "=", "metadata.labels=a"])
def test_other_fields_are_refused(selector: str) -> None:
    """A field that cannot be asked for is 400."""
    with pytest.raises(StatusError) as caught:
        read_selector(selector)
    assert 400 == caught.value.code


@pytest.mark.parametrize("limit", ["x", "-1", "1.5", "9" * 30])
def test_a_limit_is_a_number(limit: str) -> None:
    """A limit that is none is 400."""
    with pytest.raises(StatusError) as caught:
        read_limit(limit)
    assert 400 == caught.value.code


@given(st.text(), st.text(), st.integers(0), st.integers(1, STREAMS_A_PAGE))
def test_a_position_survives_the_client(streams: str, version: str, skipped: int, size: int) -> None:
    """What a client is given and sends back is read as it was."""
    position = Position(streams, version, skipped, size)
    assert position == Position.parse(str(position))


@pytest.mark.parametrize(
    "position", [Position(skipped=-1), Position(size=0), Position(size=-1), Position(size=STREAMS_A_PAGE + 1)]
)
def test_a_position_that_cannot_be_is_refused(position: Position) -> None:
    """Nobody reads from before the beginning, or pages larger than ours."""
    with pytest.raises(StatusError):
        Position.parse(str(position))


@pytest.mark.parametrize(("limit", "size"), [(0, 500), (1, 1), (2, 1), (50, 10), (500, 100), (10**9, 500)])
def test_a_page_of_streams_is_as_large_as_its_tags_are_wanted(limit: int, size: int) -> None:
    """What is read and not wanted yet is read again for the next page of tags."""
    assert {"limit": str(size)} == Position.first(limit).query({})


@given(st.text(min_size=1))
def test_what_was_never_given_is_refused(text: str) -> None:
    """Whatever else is sent to go on is 400."""
    try:
        found: Position | int = Position.parse(text)
    except StatusError as error:
        found = error.code
    assert found == 400 or str(found) == text


def test_the_first_page_is_read_again_as_it_was() -> None:
    """A page that was cut within the first page of streams goes on in that page, at that version."""
    asked = {"labelSelector": "a=b", "resourceVersion": "3"}
    expected = {
        "limit": "500",
        "labelSelector": "a=b",
        "resourceVersion": "7",
        "resourceVersionMatch": "Exact",
    }
    assert expected == Position("", "7", 2).query(asked)
    assert {"limit": "500", "labelSelector": "a=b", "continue": "c"} == Position("c", "7").query(asked)
    assert {"limit": "500", "labelSelector": "a=b", "resourceVersion": "3"} == Position().query(asked)
