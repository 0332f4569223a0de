"""What is wrong with what was sent, in the original's words (imageapi.validation)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.stream_writes import written_status, written_stream
from imagestreams.imageapi.validation import (
    by_tag_names,
    validate_image_tag,
    validate_status,
    validate_stream,
    validate_stream_tag,
)

LONG = "a" * 251
TOO_LONG = "'namespace/name' cannot be longer than 255 characters"
NO_TAG = "the repository name may not contain a tag"
KINDS = "valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'"
ONLY_SCHEDULED = "only tags pointing to Docker repositories may be scheduled for background import"
NOTES = "tag annotations must not be provided or must be equal to the object meta annotations"
FORMS = "must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>"


def stream(*tags: dict[str, Any], name: str = "app", **spec: Any) -> dict[str, Any]:
    """Make a stream with some tags."""
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"tags": list(tags), **spec}}


def tag(kind: str = "DockerImage", name: str = "r.io/app:1", **more: Any) -> dict[str, Any]:
    """Make a spec tag."""
    return {"name": "t", "from": {"kind": kind, "name": name}, **more}


def wrapped(told: str) -> str:
    """Say what the original finds while it looks sources up: one cause in another."""
    return f'[]: Internal error: imagestreams "app" is invalid: {told}'


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (stream(tag()), []),
        (stream(tag(name="nginx")), []),
        (stream(tag("ImageStreamTag", "other:1")), []),
        (stream(tag("ImageStreamImage", "app@sha256:abc")), []),
        (stream({"name": "t"}), []),
        (stream({"name": "t", "from": None, "importPolicy": {"scheduled": True}}), []),
        (stream(tag(importPolicy={"importMode": ""}, referencePolicy={"type": ""})), []),
        (
            stream(tag(name="")),
            [
                wrapped(f'spec.tags[t].from.name: Invalid value: "": {FORMS}'),
                "spec.tags[t].from.name: Required value",
            ],
        ),
        (
            stream(tag("Pod", "x")),
            [
                wrapped(f'spec.tags[t].from.name: Invalid value: "x": {FORMS}'),
                f"spec.tags[t].from.kind: Required value: {KINDS}",
            ],
        ),
        (
            stream(tag("ImageStreamTag", "a:b:c")),
            [wrapped(f'spec.tags[t].from.name: Invalid value: "a:b:c": {FORMS}')],
        ),
        (
            stream(tag(name="r.io/A:1")),
            ['spec.tags[t].from.name: Invalid value: "r.io/A:1": repository name must be lowercase'],
        ),
        (
            stream(tag(name="http://r.io/app")),
            ['spec.tags[t].from.name: Invalid value: "http://r.io/app": invalid reference format'],
        ),
        (
            stream(tag("ImageStreamTag", "x", importPolicy={"scheduled": True})),
            [f"spec.tags[t].importPolicy.scheduled: Invalid value: true: {ONLY_SCHEDULED}"],
        ),
        (
            stream(tag(referencePolicy={"type": "Other"})),
            ['spec.tags[t].referencePolicy.type: Invalid value: "Other": valid values are "Source", "Local"'],
        ),
        (
            stream(dockerImageRepository="r.io/a:1"),
            [f'spec.dockerImageRepository: Invalid value: "r.io/a:1": {NO_TAG}'],
        ),
        (stream(name=""), ["metadata.name: Required value: name or generateName is required"]),
        (stream(name=".."), ["metadata.name: Invalid value: \"..\": may not be '..'"]),
        (stream(name="a/b"), ["metadata.name: Invalid value: \"a/b\": may not contain '/'"]),
        (
            stream(name="A"),
            ['metadata.name: Invalid value: "A": must match "[a-z0-9]+(?:[._-][a-z0-9]+)*"'],
        ),
        (
            stream(name=LONG),
            [f'metadata.name: Invalid value: "{LONG}": {TOO_LONG}'],
        ),
        (stream({"name": ""}), ["spec.tags[].name: Required value"]),
    ],
)
def test_what_is_wrong_with_a_stream(sent: dict[str, Any], expected: list[str]) -> None:
    """Each mistake is told by its field and in the original's words."""
    assert expected == [str(cause) for cause in validate_stream(sent, None)]


def test_a_source_that_is_stored_is_not_looked_up_again() -> None:
    """As in the original, only a source that is new is resolved, and so only that one is told as wrapped."""
    sent = stream(tag("ImageStreamTag", "a:b:c"))
    assert [] == validate_stream(sent, sent)


@pytest.mark.parametrize("name", ["a/b", "a b", "-a", "a:b", "t" * 129])
def test_a_tag_that_the_crd_refuses_is_told_by_its_name(name: str) -> None:
    """Names that no registry has are refused before the CRD does it, by the tag's name."""
    found = validate_stream(stream({"name": name}), None)
    assert [("FieldValueInvalid", f"spec.tags[{name}].name")] == [
        (cause.reason, cause.field) for cause in found
    ]


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({"spec": {"tags": "a"}}, "spec.tags must be a list"),
        ({"spec": {"tags": [None]}}, "spec.tags must have no null"),
        ({"spec": {"tags": [{"name": 1}]}}, "spec.tags[0].name must be a string"),
        ({"spec": {"lookupPolicy": {"local": "yes"}}}, "spec.lookupPolicy.local must be a boolean"),
        ({"spec": {"tags": [{"generation": True}]}}, "spec.tags[0].generation must be an integer"),
        ({"metadata": {"annotations": {"a": 1}}}, "metadata.annotations.a must be a string"),
        ({"metadata": []}, "metadata must be an object"),
    ],
)
def test_a_wrong_type_is_refused(sent: dict[str, Any], where: str) -> None:
    """A field of a wrong type is 400 and named, and never read as one that is not set."""
    with pytest.raises(StatusError, match="cannot be handled as a ImageStream") as caught:
        validate_stream(sent, None)
    assert 400 == caught.value.code
    assert str(caught.value).endswith(where)


SEEN = {
    "metadata": {
        "name": "app:1",
        "namespace": "shop",
        "uid": "u",
        "labels": {"a": "b"},
        "annotations": {"k": "v"},
    },
    "status": {"tag": "1", "items": None, "intent": {"kind": "DockerImage"}},
}


@pytest.mark.parametrize(
    ("sent", "before", "expected"),
    [
        ({"metadata": {"name": "app:1"}, "tag": tag()}, None, []),
        (
            {"metadata": {"name": "app:1", "annotations": {"a": "b"}}, "tag": tag(annotations={"a": "b"})},
            None,
            [],
        ),
        (
            {"metadata": {"name": "app:1", "annotations": {"a": "b"}}, "tag": tag(annotations={"a": "c"})},
            None,
            [f'tag.annotations: Invalid value: "<map>": {NOTES}'],
        ),
        (
            {"metadata": {"name": "app:1", "annotations": {"a": "b"}}, "tag": tag(annotations={"a": "c"})},
            SEEN,
            [],
        ),
        (
            {"metadata": {"name": "app:1"}, "tag": {"name": "1", "from": {"kind": "X", "name": "y"}}},
            None,
            [f"tag.from.kind: Required value: {KINDS}"],
        ),
        (
            {"metadata": {"name": "app:1", "labels": {"x": "y"}}},
            SEEN,
            ['metadata: Invalid value: "": may not update fields other than metadata.annotations'],
        ),
        (
            {"metadata": {"name": "app:1", "uid": "other"}},
            SEEN,
            ['metadata.uid: Invalid value: "other": field is immutable'],
        ),
    ],
)
def test_what_is_wrong_with_a_stream_tag(sent: Any, before: Any, expected: list[str]) -> None:
    """An ImageStreamTag may change its tag and its annotations, the latter in either place on update."""
    assert expected == [str(cause) for cause in validate_stream_tag(sent, before)]


@pytest.mark.parametrize(
    ("sent", "before", "expected"),
    [
        ({"metadata": {"name": "app:1"}, "spec": {**tag(), "name": "1"}}, None, []),
        (
            {"metadata": {"name": "app:1"}},
            None,
            ["spec: Required value: spec is a required field during creation"],
        ),
        (
            {"metadata": {"name": "app:1"}, "spec": tag()},
            None,
            ['spec.name: Invalid value: "t": must match image tag name'],
        ),
        ({"metadata": {"name": "app:1"}}, SEEN, []),
        ({"metadata": {"name": "app:1"}, "status": {"tag": "1", "items": []}}, SEEN, []),
        (
            {"metadata": {"name": "app:1"}, "status": {"tag": "1", "items": [{"image": "x"}]}},
            SEEN,
            ['status: Invalid value: "": may not update fields other than spec'],
        ),
        (
            {"metadata": {"name": "app:1", "annotations": {"k": "w"}}},
            SEEN,
            ['metadata: Invalid value: "": may not update fields other than spec'],
        ),
    ],
)
def test_what_is_wrong_with_an_image_tag(sent: Any, before: Any, expected: list[str]) -> None:
    """An ImageTag may change its spec alone; what a typed client does not know of its status is no change."""
    assert expected == [str(cause) for cause in validate_image_tag(sent, before)]


def test_what_is_wrong_with_a_status() -> None:
    """Pull specs that are new are read; those that are stored already stay as they are."""

    def status(*specs: str) -> dict[str, Any]:
        items = [{"dockerImageReference": spec} for spec in specs]
        return {"metadata": {"name": "app"}, "status": {"tags": [{"tag": "a", "items": items}]}}

    expected = [
        "status.tags[a].items[1].dockerImageReference: Required value",
        'status.tags[a].items[2].dockerImageReference: Invalid value: "B!": invalid reference format',
    ]
    found = validate_status(status("OLD!", "", "B!", "r.io/x@sha256:" + "a" * 64), status("OLD!"))
    assert expected == [str(cause) for cause in found]


def test_what_the_crd_refuses_is_told_by_the_name_of_the_tag() -> None:
    """The CRD counts tags; its Status is passed on with their names."""
    causes = [answers.Cause("FieldValueInvalid", "spec.tags[1].from.name", "no")]
    error = by_tag_names(answers.invalid("ImageStream", "app", causes), stream({"name": "a"}, {"name": "b"}))
    assert "spec.tags[b].from.name" == error.details["causes"][0]["field"]
    assert 'ImageStream.image.openshift.io "app" is invalid: spec.tags[b].from.name: no' == str(error)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "status", "tags", "tag", "name", "from", "kind", "items"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "tag"]), _ANY))
def test_nothing_that_is_sent_breaks_validation(sent: dict[str, Any]) -> None:
    """Whatever is sent, causes are told, or 400."""
    for validate in (validate_stream, validate_stream_tag, validate_image_tag):
        told = 400
        try:
            validate(sent, None)
        except StatusError as error:
            told = error.code
        assert 400 == told


def test_a_stream_that_is_wrong_is_not_written() -> None:
    """What is wrong is 422 with its causes; what is right is what is stored."""
    with pytest.raises(StatusError, match=r'"A" is invalid: metadata\.name') as caught:
        written_stream(stream(name="A"), None)
    assert 422 == caught.value.code
    assert [tag()] == written_stream(stream(tag()), None)["spec"]["tags"]
    bad = {**stream(), "status": {"tags": [{"tag": "a", "items": [{"dockerImageReference": ""}]}]}}
    with pytest.raises(StatusError, match=r"status\.tags\[a\]") as caught:
        written_status(bad, stream())
    assert 422 == caught.value.code
