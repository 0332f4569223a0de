"""Streams as values: what is read from a body, and when a tag asks for something else."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from imagestreams.model.stream import Source, Stream, StreamKey, TagSpec, intent_of
from unit.model import arbitrary

if TYPE_CHECKING:
    from imagestreams.model.status import Intent

BODY: dict[str, Any] = {
    "apiVersion": "image.openshift.io/v1alpha1",
    "kind": "ImageStream",
    "metadata": {
        "namespace": "shop",
        "name": "app",
        "uid": "u-1",
        "resourceVersion": "42",
        "generation": 3,
        "annotations": {"imagestreams.dev/interval": "5m", "other": "x"},
    },
    "spec": {
        "dockerImageRepository": "r.io/shop/app",
        "lookupPolicy": {"local": True},
        "tags": [
            {
                "name": "v1",
                "annotations": {"imagestreams.dev/interval": "1m"},
                "from": {"kind": "DockerImage", "name": "r.io/shop/app:1"},
                "generation": None,
                "importPolicy": {"insecure": True, "scheduled": True, "importMode": "PreserveOriginal"},
                "referencePolicy": {"type": "Source"},
            },
            {"name": "pin", "from": {"kind": "DockerImage", "name": "r.io/shop/app:0"}, "reference": True},
            {"name": "other", "from": {"kind": "ImageStreamTag", "name": "app:v1", "namespace": "base"}},
            {"name": "pushed"},
        ],
    },
}


def changed(path: str, value: object) -> Stream:
    """Read BODY with one value changed; numbers in the path are indexes."""
    body = copy.deepcopy(BODY)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("|")]
    place: Any = body
    for step in steps:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    place[last] = value
    return Stream.parse(body)


def intents(stream: Stream) -> dict[str, Intent]:
    """Say what each tag asks for."""
    return {tag.name: intent_of(stream, tag) for tag in stream.tags}


def test_a_body_is_read_as_a_stream() -> None:
    """Everything that decides something is read, as typed."""
    stream = Stream.parse(BODY)

    assert StreamKey("shop", "app") == stream.key
    assert "shop/app" == str(stream.key)
    assert ("u-1", "42", 3, "r.io/shop/app", "5m", "") == (
        stream.uid,
        stream.resource_version,
        stream.generation,
        stream.repository,
        stream.interval,
        stream.requested_at,
    )
    assert (
        TagSpec(
            name="v1",
            source=Source("DockerImage", "r.io/shop/app:1"),
            insecure=True,
            scheduled=True,
            import_mode="PreserveOriginal",
            reference_policy="Source",
            interval="1m",
        ),
        TagSpec(name="pin", source=Source("DockerImage", "r.io/shop/app:0"), reference=True),
        TagSpec(name="other", source=Source("ImageStreamTag", "app:v1", "base")),
        TagSpec(name="pushed"),
    ) == stream.tags


def test_only_images_of_registries_are_importable() -> None:
    """A registry is asked for a DockerImage that is not just a reference, and for nothing else."""
    stream = Stream.parse(BODY)

    assert {"v1": True, "pin": False, "other": False, "pushed": False} == {
        tag.name: tag.importable for tag in stream.tags
    }
    assert stream.tag("pin") is stream.tags[1]
    assert stream.tag("nothing") is None


@given(arbitrary.stream)
def test_no_body_breaks_reading(raw: Any) -> None:
    """Whatever the API server sends, it is read as a stream, and each tag's intent can be told."""
    stream = Stream.parse(raw)

    assert len(stream.tags) == len([intent_of(stream, tag) for tag in stream.tags])


@pytest.mark.parametrize(
    ("path", "value", "tags"),
    [
        ("spec|tags|0|from|name", "r.io/shop/app:2", {"v1"}),
        ("spec|tags|0|from|kind", "ImageStreamTag", {"v1"}),
        ("spec|tags|2|from|namespace", "shop", {"other"}),
        ("spec|tags|1|reference", False, {"pin"}),
        ("spec|tags|0|importPolicy|importMode", "Legacy", {"v1"}),
        ("spec|tags|0|importPolicy|insecure", False, {"v1"}),
        ("spec|tags|0|annotations|imagestreams.dev/requested-at", "now", {"v1"}),
        ("metadata|annotations|imagestreams.dev/requested-at", "now", {"v1", "pin", "other", "pushed"}),
    ],
    ids=["name", "kind", "namespace", "reference", "mode", "insecure", "requested-tag", "requested-stream"],
)
def test_an_intent_changes_with_what_it_asks_for(path: str, value: object, tags: set[str]) -> None:
    """A change of what a tag asks for changes that tag's intent and no other's."""
    before, after = intents(Stream.parse(BODY)), intents(changed(path, value))

    assert tags == {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec|tags|0|importPolicy|scheduled", False),
        ("spec|tags|0|referencePolicy|type", "Local"),
        ("spec|tags|0|annotations|description", "x"),
        ("spec|tags|0|annotations|imagestreams.dev/interval", "2m"),
        ("spec|tags|0|generation", 0),
        ("spec|tags|1|importPolicy", {"importMode": "Legacy"}),
        ("spec|lookupPolicy|local", False),
        ("spec|dockerImageRepository", "r.io/other"),
        ("metadata|annotations|other", "y"),
        ("metadata|generation", 4),
        ("metadata|resourceVersion", "43"),
    ],
)
def test_an_intent_stays_when_nothing_else_is_asked_for(path: str, value: object) -> None:
    """What asks for no other image changes no intent."""
    assert intents(Stream.parse(BODY)) == intents(changed(path, value))


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), (None, False), ("true", False), (1, False)]
)
def test_local_lookup_is_asked_for_by_true_alone(value: object, expected: bool) -> None:
    """Whether a stream's name may be used as an image is what lookupPolicy.local says, false by default."""
    assert expected == changed("spec|lookupPolicy|local", value).local_lookup
    assert Stream.parse({"spec": {}}).local_lookup is False


def test_an_intent_is_numbered_with_the_streams_generation() -> None:
    """The generation at which it was read is noted in the intent."""
    assert {3} == {intent.generation for intent in intents(Stream.parse(BODY)).values()}
