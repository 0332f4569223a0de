"""How lists are written (imageapi.listing)."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.imageapi.listing import AT_ONCE, written
from imagestreams.imageapi.negotiation import Form, Wish, list_form, shape
from imagestreams.kube.list_reading import Piece

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
METADATA = {"resourceVersion": "9", "continue": "more"}


def image(number: int) -> dict[str, Any]:
    """Make an Image."""
    return {"kind": "Image", "metadata": {"name": f"sha256:{number}"}, "dockerImageReference": "é"}


async def pieces(*sizes: int, made: list[int] | None = None) -> AsyncGenerator[Piece]:
    """Give so many Images at a time, and note how many were made."""
    made = [] if made is None else made

    def each(count: int) -> Iterator[dict[str, Any]]:
        for _ in range(count):
            made.append(len(made))
            yield image(len(made))

    for count in sizes:
        yield Piece(each(count))
    yield Piece(iter(()), METADATA)


@given(st.lists(st.integers(0, 2 * AT_ONCE + 1), max_size=4), st.sampled_from(Form), st.data())
def test_a_list_in_parts_is_the_one_that_is_written_at_once(
    sizes: list[int], form: Form, data: st.DataObject
) -> None:
    """In every form, however its objects come in: none of them is lost between two parts."""
    wish, include = Wish(form), data.draw(st.sampled_from(["None", "Metadata", "Object"]))
    body = {
        "kind": "ImageList",
        "apiVersion": "image.openshift.io/v1",
        "metadata": METADATA,
        "items": [image(number + 1) for number in range(sum(sizes))],
    }

    async def read() -> bytes:
        made = list_form("ImageList", wish, "images", NOW, include=include)
        return b"".join([part async for part in written(pieces(*sizes), made)])

    assert shape(body, wish, "images", NOW, include=include) == json.loads(asyncio.run(read()))


@pytest.mark.asyncio
async def test_others_have_their_turn_while_a_long_list_is_made() -> None:
    """Of a list of 5,000 no more is made in one go than AT_ONCE objects, wherever they come from."""
    made: list[int] = []
    seen: list[int] = []

    async def somebody_else() -> None:
        while True:
            seen.append(len(made))
            await asyncio.sleep(0)

    other = asyncio.create_task(somebody_else())
    form = list_form("ImageList", Wish(Form.TABLE), "images", NOW)
    parts = [part async for part in written(pieces(5000, made=made), form)]
    other.cancel()
    seen.append(len(made))
    assert 5000 == len(json.loads(b"".join(parts))["rows"])
    gaps = [after - before for before, after in itertools.pairwise(seen)]
    assert AT_ONCE == max(gaps)


@pytest.mark.asyncio
async def test_no_more_of_a_list_is_there_than_is_being_written() -> None:
    """Who reads a part at a time has a part at a time made."""
    made: list[int] = []
    form = list_form("ImageList", Wish(Form.PLAIN), "images", NOW)
    parts = written(pieces(5000, made=made), form)
    await anext(parts)
    await anext(parts)
    assert 2 * AT_ONCE == len(made)
    await parts.aclose()
