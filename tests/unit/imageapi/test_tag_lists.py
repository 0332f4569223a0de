"""Selectors and pages of lists of tags (imageapi.tag_lists)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import StatusError
from imagestreams.imageapi.tag_lists import (
    STREAMS_A_PAGE,
    Page,
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
    assert expected == selects(read_selector(selector), "shop", "app:1")


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


@given(st.text(), st.text(), st.integers(0), st.integers(0, STREAMS_A_PAGE))
def test_a_position_survives_the_client(streams: str, version: str, skipped: int, size: int) -> None:
    """What a client is given and sends back is read as it was."""
    position = Position(streams, version, skipped, size)
    assert position == Position.parse(str(position))


@pytest.mark.parametrize(
    "position", [Position(skipped=-1), Position(size=-1), Position(size=STREAMS_A_PAGE + 1)]
)
def test_a_position_that_cannot_be_is_refused(position: Position) -> None:
    """Nobody reads from before the beginning, or pages larger than ours."""
    with pytest.raises(StatusError):
        Position.parse(str(position))


@pytest.mark.parametrize(("limit", "size"), [(1, 1), (2, 1), (50, 10), (500, 100), (10**9, 500)])
def test_a_page_of_streams_is_as_large_as_its_tags_are_wanted(limit: int, size: int) -> None:
    """What is read and not wanted yet is read again for the next page of tags."""
    assert {"limit": str(size)} == Position.first(limit).query({}, [])


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
    assert expected == Position("", "7", 2).query(asked, [])
    assert {"limit": "500", "labelSelector": "a=b", "continue": "c"} == Position("c", "7").query(asked, [])
    assert {"limit": "500", "labelSelector": "a=b", "resourceVersion": "3"} == Position().query(asked, [])


def test_all_tags_at_once_are_one_list_of_streams() -> None:
    """Without a limit nothing is asked for twice."""
    assert {} == Position.first(0).query({}, [])


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("metadata.name=app:1", "metadata.name=app"),
        ("metadata.namespace=shop,metadata.name==app:1", "metadata.namespace=shop,metadata.name=app"),
        ("metadata.name!=app:1", ""),
        ("metadata.name=a\\b:1", ""),
        ("", ""),
    ],
)
def test_only_streams_that_can_be_meant_are_listed(selector: str, expected: str) -> None:
    """Who looks for one tag does not read a thousand streams."""
    asked = Position(size=5).query({}, read_selector(selector))
    assert expected == asked.get("fieldSelector", "")


STREAMS = st.lists(st.lists(st.sampled_from("abc"), unique=True, max_size=3), max_size=8)


@given(STREAMS, st.integers(1, 9), st.sampled_from(["", "metadata.name!=s1:a"]))
def test_pages_give_every_tag_once_in_order(streams: list[list[str]], limit: int, selector: str) -> None:
    """Whatever the pages are cut to: nothing is left out and nothing comes twice."""
    terms = read_selector(selector)
    named = [f"s{number}:{tag}" for number, tags in enumerate(streams) for tag in tags]
    expected = [name for name in named if selects(terms, "n", name)]
    found: list[str] = []
    going_on: Position | None = Position.first(limit)
    while going_on is not None:
        at = Position.parse(str(going_on))
        page = Page(terms, skipped=at.skipped, room=limit)
        begin = int(at.streams or 0)
        end = begin + at.size
        for number, tags in list(enumerate(streams))[begin:end]:
            found += [f"s{number}:{tag}" for tag in page.choose("n", f"s{number}", tags)]
        assert page.given <= limit
        more = {"continue": str(end)} if end < len(streams) else {}
        going_on = at.after(page, {"resourceVersion": "7", **more})
    assert expected == found
