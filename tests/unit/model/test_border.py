"""The border: a wrong type reads as absent."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.model import border


@pytest.mark.parametrize(
    ("read", "right", "absent"),
    [
        (border.text, "x", ""),
        (border.integer, 3, 0),
        (border.mapping, {"a": 1}, {}),
        (border.items, [1], []),
    ],
    ids=["text", "integer", "mapping", "items"],
)
def test_only_the_right_type_is_read(read: Any, right: object, absent: object) -> None:
    """The right type comes through as it is, every other value as the empty one."""
    assert right == read(right)
    for wrong in (
        None,
        True,
        1.5,
        b"x",
        object(),
        *(value for value in ("x", 3, {"a": 1}, [1]) if value != right),
    ):
        assert absent == read(wrong)


def test_empty_fields_are_left_out() -> None:
    """Empty, zero and false fields are not spelled."""
    assert {"a": "x", "e": [0]} == border.without_empty(a="x", b="", c=0, d=False, e=[0], f=None)
