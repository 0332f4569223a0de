"""The body of a deletion (imageapi.bodies): what is none is 400, as it would be a 500 behind us."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi.bodies import read_delete_options

EMPTY = {"kind": "DeleteOptions", "apiVersion": "v1"}


@pytest.mark.parametrize("body", [b"", b" \n", b"{}", b'{"kind": "DeleteOptions", "apiVersion": "any/v1"}'])
def test_nothing_is_asked_for(body: bytes) -> None:
    """An empty body, or one of any group's version, as clients send it."""
    assert EMPTY == read_delete_options(body)


def test_what_is_known_is_passed_on() -> None:
    """All fields of DeleteOptions; others are not."""
    asked = {
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u", "resourceVersion": "7"},
        "propagationPolicy": "Foreground",
        "dryRun": ["All"],
    }
    assert EMPTY | asked == read_delete_options(json.dumps({**asked, "other": 1}).encode())


@pytest.mark.parametrize(
    "content",
    [
        "x", 1, [], {"kind": "ImageStream"}, {"kind": {}}, {"gracePeriodSeconds": "0"},
        {"gracePeriodSeconds": True},
        {"preconditions": []}, {"preconditions": {"uid": 1}}, {"orphanDependents": 1}, {"dryRun": "All"},
        {"dryRun": [1]}, {"propagationPolicy": {}},
    ],
)  # fmt: skip
def test_what_is_none_is_told(content: Any) -> None:
    """With 400, whatever it is."""
    with pytest.raises(StatusError) as refused:
        read_delete_options(json.dumps(content).encode())
    assert 400 == refused.value.code
