"""The status as values: spelled as JSON and read back it is the same, and nothing stored can break it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.status import (
    Condition,
    Intent,
    StreamStatus,
    Summary,
    TagEvent,
    TagStatus,
)
from unit.model import arbitrary
from unit.model.arbitrary import numbers, words

_CONDITIONS = st.lists(st.builds(Condition, words, words, words, words, words, numbers), max_size=2).map(
    tuple
)
_TAGS = st.builds(
    TagStatus,
    words,
    st.lists(st.builds(TagEvent, words, words, words, numbers), max_size=3).map(tuple),
    _CONDITIONS,
    # An intent without a kind is none: what has no source asks for nothing.
    st.none()
    | st.builds(
        Intent,
        kind=words.filter(bool),
        name=words,
        namespace=words,
        reference=st.booleans(),
        import_mode=words,
        insecure=st.booleans(),
        requested_at=words,
        generation=numbers,
    ),
    words,
    st.none() | st.builds(TagEvent, words, words.filter(bool), words),
)
_STATUSES = st.builds(
    StreamStatus,
    words,
    st.lists(_TAGS, max_size=3).map(tuple),
    _CONDITIONS,
    numbers,
    st.builds(Summary, words, words, words),
)


@given(_STATUSES)
def test_what_is_spelled_is_read_back(status: StreamStatus) -> None:
    """A status written as JSON and read again is the same, the intents' generations included."""
    stored = json.loads(json.dumps(status.to_json()))
    read = StreamStatus.parse(stored)

    assert status == read
    assert status.to_json() == read.to_json()


@given(arbitrary.stream_status)
def test_no_stored_status_breaks_reading(raw: Any) -> None:
    """Whatever is stored as status, it is read, and what was read can be spelled and read again."""
    status = StreamStatus.parse(raw)

    assert status == StreamStatus.parse(json.loads(json.dumps(status.to_json())))


def test_the_spelling_is_the_originals() -> None:
    """Fields that the original always serves are there even when empty, ours only when they say something."""
    status = StreamStatus(
        tags=(
            TagStatus(
                "v1",
                (TagEvent("2026-01-02T03:04:05Z", "r.io/a@sha256:1", "sha256:1", 2),),
                intent=Intent("DockerImage", "r.io/a:1", import_mode="Legacy", generation=2),
            ),
            TagStatus(
                "v2",
                conditions=(
                    Condition("ImportSuccess", "False", "NotFound", "why", "2026-01-02T03:04:05Z", 3),
                ),
            ),
        ),
        conditions=(Condition("Ready", "False", "ImportFailed", "why", "2026-01-02T03:04:05Z", 3),),
        observed_generation=3,
        summary=Summary("", "v1,v2", "2026-01-02T03:04:05Z"),
    )

    assert {
        "dockerImageRepository": "",
        "observedGeneration": 3,
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "ImportFailed",
                "message": "why",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
                "observedGeneration": 3,
            }
        ],
        "summary": {"tags": "v1,v2", "updated": "2026-01-02T03:04:05Z"},
        "tags": [
            {
                "tag": "v1",
                "items": [
                    {
                        "created": "2026-01-02T03:04:05Z",
                        "dockerImageReference": "r.io/a@sha256:1",
                        "image": "sha256:1",
                        "generation": 2,
                    }
                ],
                "intent": {
                    "kind": "DockerImage",
                    "name": "r.io/a:1",
                    "importMode": "Legacy",
                    "generation": 2,
                },
            },
            {
                "tag": "v2",
                "items": None,
                "conditions": [
                    {
                        "type": "ImportSuccess",
                        "status": "False",
                        "reason": "NotFound",
                        "message": "why",
                        "lastTransitionTime": "2026-01-02T03:04:05Z",
                        "generation": 3,
                    }
                ],
            },
        ],
    } == status.to_json()


def test_conditions_say_the_same_whatever_their_times() -> None:
    """Only the time may differ between conditions that say the same."""
    said = Condition("ImportSuccess", "False", "NotFound", "why", "2026-01-01T00:00:00Z", 1)
    later = Condition("ImportSuccess", "False", "NotFound", "why", "2026-02-02T00:00:00Z", 1)
    others = [
        Condition("Ready", "False", "NotFound", "why", "2026-01-01T00:00:00Z", 1),
        Condition("ImportSuccess", "True", "NotFound", "why", "2026-01-01T00:00:00Z", 1),
        Condition("ImportSuccess", "False", "Unauthorized", "why", "2026-01-01T00:00:00Z", 1),
        Condition("ImportSuccess", "False", "NotFound", "because", "2026-01-01T00:00:00Z", 1),
        Condition("ImportSuccess", "False", "NotFound", "why", "2026-01-01T00:00:00Z", 2),
    ]

    assert said.says_the_same(later)
    assert [False] * len(others) == [said.says_the_same(other) for other in others]


def test_an_intent_is_compared_without_its_generation() -> None:
    """The generation numbers an intent and is no part of it."""
    assert Intent("DockerImage", "a", generation=1) == Intent("DockerImage", "a", generation=2)
    assert Intent("DockerImage", "a") != Intent("DockerImage", "b")


def test_a_tag_knows_its_current_image_and_its_failure() -> None:
    """Current is the newest item; a failure is ImportSuccess=False and nothing else."""
    new, old = TagEvent("2", "r@b", "b"), TagEvent("1", "r@a", "a")
    failed = Condition("ImportSuccess", "False", "NotFound", "why", "1")
    healed = Condition("ImportSuccess", "True", "", "", "1")
    foreign = Condition("Other", "False", "", "", "1")

    assert new == TagStatus("t", (new, old)).current
    assert TagStatus("t").current is None
    assert failed == TagStatus("t", conditions=(foreign, failed)).failure
    assert TagStatus("t", conditions=(foreign, healed)).failure is None


def test_tags_are_found_by_name() -> None:
    """A status finds a tag, or tells that there is none."""
    status = StreamStatus(tags=(TagStatus("a"), TagStatus("b")))

    assert TagStatus("b") == status.tag("b")
    assert status.tag("c") is None
