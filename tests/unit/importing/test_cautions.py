"""What is accepted but is not what its author may think."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.importing.cautions import cautions, items_kept
from imagestreams.importing.effective import Defaults
from unit.importing.streams import stream, tag

LOCAL = {"referencePolicy": {"type": "Local"}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (stream(tag()), []),
        (stream(tag() | {"referencePolicy": {"type": "Source"}}), []),
        (stream(repository="quay.io/org/app"), []),
        (
            stream(notes={"imagestreams.dev/max-tags": "all"}),
            ['"all" is not a number of tags', "50 are followed"],
        ),
        (stream(notes={"imagestreams.dev/include-tags": "[0-9]*"}), ['"[0-9]*" fits no tag']),
        (
            stream(notes={"imagestreams.dev/exclude-tags": ",".join("a" * 21)}),
            ["21 patterns are more than 20"],
        ),
        (
            stream(tag("a") | LOCAL, tag("b") | LOCAL),
            ["referencePolicy Local of 2 tag(s) is treated like Source"],
        ),
        (stream(tag(), notes={"imagestreams.dev/keep": "all"}), ['"all" is not a number of items']),
        (
            stream(tag(), notes={"imagestreams.dev/max-rollouts": "few"}),
            ['"few" is not a number from 1 to 10000; until it is corrected it counts as 1'],
        ),
        (
            stream(tag() | LOCAL, notes={"imagestreams.dev/interval": "often"}, repository="quay.io/org/app"),
            ["Local of 1 tag(s)", '"often" is not a duration'],
        ),
    ],
    ids=[
        "nothing",
        "source",
        "repository",
        "max-tags",
        "include",
        "exclude",
        "local",
        "keep",
        "rollouts",
        "several",
    ],
)
def test_each_caution_is_told(given: Any, told: list[str]) -> None:
    """Every caution is in the text, and a stream without any has none."""
    text = cautions(given, Defaults())
    assert bool(told) == bool(text)
    for part in told:
        assert part in text


@pytest.mark.parametrize(("text", "items"), [("", 50), ("1", 1), ("1000", 1000), ("all", 50), ("0", 50)])
def test_how_many_items_are_kept(text: str, items: int) -> None:
    """The annotation counts where it can be read, else the default."""
    assert items == items_kept(stream(tag(), notes={"imagestreams.dev/keep": text}), Defaults())
