"""What an ImageStreamImport asks for, and what it makes of its stream's spec."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi import import_specs
from imagestreams.imageapi.import_specs import (
    check_stream,
    of_repository,
    read_import,
    shown_spec,
    stream_to_be,
    wanted_images,
    wanted_repository,
    with_tags,
)

UPDATED = (
    'Operation cannot be fulfilled on imagestream.image.openshift.io "app": '
    'the image stream was updated from "6" to "7"'
)
DIGEST = f"sha256:{'a' * 64}"


def image(name: str = "r.io/app:1", to: str = "", **rest: Any) -> dict[str, Any]:
    """Write one of spec.images."""
    found: dict[str, Any] = {"from": {"kind": "DockerImage", "name": name}, **rest}
    return {**found, "to": {"name": to}} if to else found


def sent(*images: dict[str, Any], name: str = "app", **spec: Any) -> dict[str, Any]:
    """Write an ImageStreamImport."""
    return {"metadata": {"name": name}, "spec": {"import": True, "images": list(images), **spec}}


def read(content: Any) -> dict[str, Any]:
    """Read it as it is sent."""
    return read_import(json.dumps(content).encode(), "shop")


def stored(*tags: dict[str, Any], **meta: Any) -> dict[str, Any]:
    """Write a stream as it is stored."""
    metadata = {"name": "app", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 3}
    return {"metadata": {**metadata, **meta}, "spec": {"tags": list(tags)} if tags else {}}


WRONG: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "nothing": (
        {"metadata": {"name": "app"}, "spec": {"import": True}},
        [("spec.images", "Invalid value: null: you must specify at least one image or a repository import")],
    ),
    "no spec": (
        {"metadata": {"name": "app"}},
        [("spec.images", "Invalid value: null: you must specify at least one image or a repository import")],
    ),
    "no name": (
        sent(image(), name=""),
        [("metadata.name", "Required value: name or generateName is required")],
    ),
    "another kind": (
        sent({"from": {"kind": "ImageStreamTag", "name": "a:b"}}),
        [("spec.images[0].from.kind", 'Invalid value: "ImageStreamTag": only DockerImage is supported')],
    ),
    "no source": (
        sent(image("")),
        [("spec.images[0].from.name", "Required value")],
    ),
    "no reference": (
        sent(image(), image("R.io/App:1")),
        [("spec.images[1].from.name", 'Invalid value: "R.io/App:1": repository name must be lowercase')],
    ),
    "no target": (
        sent(image(to="x") | {"to": {"name": ""}}),
        [("spec.images[0].to.name", 'Invalid value: "": the name of the target tag must be specified')],
    ),
    "no mode": (
        sent(image(importPolicy={"importMode": "x"}, referencePolicy={"type": "y"})),
        [
            ("spec.images[0].referencePolicy.type", 'Invalid value: "y": valid values are "Source", "Local"'),
            (
                "spec.images[0].importPolicy.importMode",
                "Invalid value: \"x\": invalid import mode, valid modes are '', 'Legacy', 'PreserveOriginal'",
            ),
        ],
    ),
    "a repository with a tag": (
        sent(repository=image("r.io/app:1")),
        [
            (
                "spec.repository.from.name",
                'Invalid value: "r.io/app:1": you must specify an image repository, not a tag or ID',
            )
        ],
    ),
    "a repository without a name": (
        sent(repository=image("")),
        [("spec.repository.from.name", "Required value: Docker image references require a name")],
    ),
    "a repository of another kind": (
        sent(repository={"from": {"kind": "", "name": "x"}}),
        [("spec.repository.from.kind", 'Invalid value: "": only DockerImage is supported')],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_by_its_field(name: str) -> None:
    """422 with the fields and the words of the original."""
    content, causes = WRONG[name]
    with pytest.raises(StatusError) as raised:
        read(content)
    assert (422, "Invalid") == (raised.value.code, raised.value.reason)
    assert causes == [(each["field"], each["message"]) for each in raised.value.details["causes"]]


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"spec": {"images": "x"}},
        {"spec": {"images": [{"from": "x"}]}},
        {"spec": {"import": "yes"}},
        {"metadata": {"name": "app", "namespace": "other"}, "spec": {"images": [image()]}},
    ],
)
def test_what_cannot_be_read_is_a_bad_request(content: Any) -> None:
    """A wrong type is told as such, and another namespace too."""
    with pytest.raises(StatusError) as raised:
        read(content)
    assert 400 == raised.value.code


def test_only_a_tag_that_was_typed_names_a_tag_of_the_stream() -> None:
    """As there: without one, and for a digest, the image is looked at and put nowhere."""
    content = read(sent(image(), image("r.io/app"), image(f"r.io/app@{DIGEST}"), image("r.io/app:2", "two")))

    assert [
        ("r.io/app:1", "1", "1"),
        ("r.io/app", "", "latest"),
        (f"r.io/app@{DIGEST}", "", ""),
        ("r.io/app:2", "two", "2"),
    ] == [(each.source, each.tag, each.source_tag) for each in wanted_images(content)]
    assert [{"name": "1"}, None, None, {"name": "two"}] == [
        each.get("to") for each in shown_spec(content, mode="Legacy")["images"]
    ]


def test_the_answer_shows_the_defaults() -> None:
    """Modes and policies are filled in where they are not given, and kept where they are."""
    content = read(sent(image(importPolicy={"insecure": True}), repository=image("r.io/app")))

    assert {
        "import": True,
        "repository": {
            "from": {"kind": "DockerImage", "name": "r.io/app"},
            "importPolicy": {"importMode": "PreserveOriginal"},
            "referencePolicy": {"type": "Source"},
        },
        "images": [
            {
                "from": {"kind": "DockerImage", "name": "r.io/app:1"},
                "importPolicy": {"insecure": True, "importMode": "PreserveOriginal"},
                "referencePolicy": {"type": "Source"},
                "to": {"name": "1"},
            }
        ],
    } == shown_spec(content, mode="PreserveOriginal")


@pytest.mark.parametrize(
    ("meta", "there", "expected"),
    [
        ({}, None, None),
        ({}, stored(), None),
        ({"resourceVersion": "7", "uid": "u"}, stored(), None),
        ({"resourceVersion": "7"}, None, (404, 'imagestreams.image.openshift.io "app" not found')),
        ({"uid": "u"}, None, (404, 'imagestreams.image.openshift.io "app" not found')),
        ({"uid": "v"}, stored(), (404, 'imagestream.image.openshift.io "app" not found')),
        (
            {"resourceVersion": "6"},
            stored(),
            (409, UPDATED),
        ),
    ],
)
def test_who_saw_another_stream_is_told_so(
    meta: dict[str, str], there: dict[str, Any] | None, expected: tuple[int, str] | None
) -> None:
    """The version and the uid that are given must be those that are there."""
    content = sent(image())
    content["metadata"] |= meta
    if expected is None:
        check_stream(content, there)
        return
    with pytest.raises(StatusError) as raised:
        check_stream(content, there)
    assert expected == (raised.value.code, str(raised.value))


def edited(before: dict[str, Any], *images: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the tags of a stream's spec after an import."""
    found = with_tags(before, wanted_images(read(sent(*images))), mode="Legacy")
    tags: list[dict[str, Any]] = found["spec"].get("tags", [])
    return tags


def test_what_asks_for_it_already_is_left_as_it_is() -> None:
    """To the byte: no default is written, and nothing else of the stream touched."""
    tag = {"from": {"name": "r.io/app:1", "kind": "DockerImage"}, "name": "1", "annotations": {"a": "b"}}
    before = stored(tag)
    explicit = image(importPolicy={"importMode": "Legacy"}, referencePolicy={"type": "Source"})

    assert before == with_tags(before, wanted_images(read(sent(explicit))), mode="Legacy")
    assert before == with_tags(before, wanted_images(read(sent(image("r.io/app")))), mode="Legacy")


def test_a_tag_gets_source_and_import_policy_of_the_import() -> None:
    """Its annotations and its reference policy stay, as in the original; the others are not touched."""
    kept = {"name": "0", "from": {"kind": "ImageStreamTag", "name": "1"}}
    old = {
        "name": "1",
        "annotations": {"a": "b"},
        "from": {"kind": "DockerImage", "name": "r.io/old:1"},
        "reference": True,
        "importPolicy": {"scheduled": True},
        "referencePolicy": {"type": "Local"},
    }
    new = {
        "name": "2",
        "from": {"kind": "DockerImage", "name": "r.io/app:2"},
        "importPolicy": {"insecure": True},
        "referencePolicy": {"type": "Local"},
    }
    before = stored(kept, old)

    assert [
        kept,
        {
            "name": "1",
            "annotations": {"a": "b"},
            "from": {"kind": "DockerImage", "name": "r.io/app:1"},
            "importPolicy": {},
            "referencePolicy": {"type": "Local"},
        },
        new,
    ] == edited(
        before,
        image(),
        image("r.io/app:2", importPolicy={"insecure": True}, referencePolicy={"type": "Local"}),
    )


def test_the_tags_of_a_repository_that_is_followed_are_not_written() -> None:
    """Who follows the repository has them anyway; else each gets its own source in spec."""
    repository = wanted_repository(read(sent(repository=image("r.io/app"))))
    assert repository is not None
    tags = of_repository(repository, ["1", "2"], listed=False)

    assert [("1", "r.io/app:1"), ("2", "r.io/app:2")] == [
        (tag["name"], tag["from"]["name"]) for tag in with_tags(stored(), tags, mode="Legacy")["spec"]["tags"]
    ]
    listed = of_repository(repository, ["1", "2"], listed=True)
    assert stored() == with_tags(stored(), listed, mode="Legacy")


def test_the_stream_to_be_has_the_next_generation() -> None:
    """Where spec changes; the intent that the status notes is then that of the spec to come."""
    before = stored()
    after = with_tags(before, wanted_images(read(sent(image()))), mode="Legacy")

    assert [3, 4] == [stream_to_be(before, each).generation for each in (before, after)]
    assert ["1"] == [tag.name for tag in import_specs.stream_to_be(before, after).tags]
