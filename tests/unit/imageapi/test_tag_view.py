"""The tags of a stream as objects of their own, beyond what was recorded (imageapi.tag_view)."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi.image_view import view_image
from imagestreams.imageapi.tag_view import (
    current_image,
    image_tag_names,
    split_stream_tag,
    stream_tag_names,
    view_image_tag,
    view_image_tags,
    view_stream_tag,
    view_stream_tags,
)
from unit.imageapi.test_stream_view import EARLY, IMAGE, asked, done, stream

REFERENCE = {"tag": "ref", "items": [{"created": EARLY, "dockerImageReference": "r.io/a:1", "image": ""}]}
FAILED = {"tag": "bad", "items": None, "conditions": [{"type": "ImportSuccess", "status": "False"}]}
STORED_IMAGE = {
    "metadata": {"name": IMAGE.replace(":", "-"), "annotations": {"a": "b"}, "managedFields": [{}]},
    "dockerImageReference": "first.io/a@x",
    "dockerImageManifest": "{}",
    "dockerImageConfig": "{}",
}


def test_only_tags_with_an_image_are_image_stream_tags() -> None:
    """What failed, waits or is only a reference has an ImageTag, but no ImageStreamTag."""
    stored = stream(asked("new"), asked("1"), status={"tags": [done("1"), done("0"), REFERENCE, FAILED]})
    assert ["0", "1"] == stream_tag_names(stored)
    names = ["0", "1", "bad", "new", "ref"]
    assert names == image_tag_names(stored)
    for missing in ("new", "bad", "ref", "nope"):
        assert view_stream_tag(stored, missing, None) is None
    assert view_image_tag(stored, "nope", None) is None
    assert [IMAGE, "", "", ""] == [current_image(stored, tag) for tag in ("1", "ref", "new", "nope")]


def test_lists_show_what_single_tags_show_without_their_images() -> None:
    """Each tag of a list is the one that is got alone while its image is not stored."""
    stored = stream(asked("1"), asked("2"), status={"tags": [done("1"), done("0")]})
    names = stream_tag_names(stored)
    assert [view_stream_tag(stored, tag, None) for tag in names] == [*view_stream_tags(stored, names)]
    names = image_tag_names(stored)
    assert [view_image_tag(stored, tag, None) for tag in names] == [*view_image_tags(stored, names)]
    assert [] == [*view_stream_tags(stored, ()), *view_image_tags(stored, ())]


def test_a_pushed_tag_has_no_source() -> None:
    """A tag that status alone knows is there, with a tag that is null."""
    shown = view_stream_tag(stream(status={"tags": [done("1")]}), "1", None)
    assert shown is not None
    assert shown["tag"] is None
    pushed = view_image_tag(stream(status={"tags": [done("1")]}), "1", None)
    assert pushed is not None
    assert pushed["spec"] is None


def test_who_wrote_a_tag_is_answered_before_it_has_an_image() -> None:
    """A tag that was just written is shown, as old as its stream, with an image of which nothing is known."""
    stored = stream(asked("1", annotations={"x": "y"}))
    stored["metadata"] |= {"creationTimestamp": EARLY, "labels": {"l": "m"}}
    shown = view_stream_tag(stored, "1", None, pending=True)
    assert shown is not None
    assert shown["metadata"] == {
        "name": "app:1",
        "namespace": "ns",
        "uid": "u",
        "resourceVersion": "5",
        "creationTimestamp": EARLY,
        "labels": {"l": "m"},
        "annotations": {"x": "y"},
    }
    assert shown["generation"] == 0
    assert shown["image"]["metadata"] == {}
    assert "dockerImageReference" not in shown["image"]
    assert view_image_tag(stream(), "1", None, pending=True) is not None


def test_annotations_of_a_tag_are_those_of_its_image_too() -> None:
    """As in the original, an ImageStreamTag and the image in it are annotated as the tag of spec is."""
    stored = stream(asked("1", annotations={"x": "y"}), status={"tags": [done("1")]})
    shown = view_stream_tag(stored, "1", STORED_IMAGE)
    assert shown is not None
    assert shown["metadata"]["annotations"] == {"x": "y"}
    assert shown["image"]["metadata"] == {"name": IMAGE, "annotations": {"a": "b", "x": "y"}}
    assert view_image(STORED_IMAGE)["metadata"]["annotations"] == {"a": "b"}


def test_an_image_in_a_tag_is_shown_without_its_blobs_and_as_the_tag_is_pulled() -> None:
    """Manifest and config are left out; the pull spec is the tag's, not where the image first came from."""
    shown = view_stream_tag(stream(status={"tags": [done("1")]}), "1", STORED_IMAGE)
    assert shown is not None
    assert shown["image"]["dockerImageReference"] == f"r.io/a@{IMAGE}"
    assert not {"dockerImageManifest", "dockerImageConfig"} & set(shown["image"])
    assert view_image(STORED_IMAGE)["dockerImageManifest"] == "{}"


@pytest.mark.parametrize(
    ("policy", "internal", "spec", "pulled"),
    [
        ("Local", "registry:5000/ns/app", "", f"registry:5000/ns/app@{IMAGE}"),
        ("Source", "registry:5000/ns/app", "", f"r.io/a@{IMAGE}"),
        ("Local", "", "", f"r.io/a@{IMAGE}"),
        ("Local", "r.io/other", "r.io/other", f"r.io/a@{IMAGE}"),
    ],
)
def test_a_local_tag_is_pulled_from_the_internal_registry(
    policy: str, internal: str, spec: str, pulled: str
) -> None:
    """The policy Local means the internal registry where there is one, else nothing: as triggers do it."""
    status = {"dockerImageRepository": internal, "tags": [done("1")]}
    tag = asked("1", referencePolicy={"type": policy})
    shown = view_stream_tag(stream(tag, status=status, dockerImageRepository=spec), "1", None)
    assert shown is not None
    assert pulled == shown["image"]["dockerImageReference"]


def test_conditions_of_a_tag_are_shown_with_its_last_image() -> None:
    """A tag whose import fails keeps its image, and says why it has no newer one."""
    failing = done("1") | {"conditions": FAILED["conditions"]}
    shown = view_stream_tag(stream(asked("1"), status={"tags": [failing]}), "1", None)
    assert shown is not None
    assert FAILED["conditions"] == shown["conditions"]
    assert shown["generation"] == 3


@pytest.mark.parametrize("name", ["app", "app:", ":1", "app:1:2", "app@sha256:1", "app:1@x", ""])
def test_a_name_that_is_none_is_a_bad_request(name: str) -> None:
    """What has not exactly one ":" between two texts, or has an "@", is told in the original's words."""
    with pytest.raises(StatusError) as error:
        split_stream_tag("imagestreamtags", name)
    assert (400, "ImageStreamTags must be retrieved with <name>:<tag>") == (
        error.value.code,
        str(error.value),
    )
    with pytest.raises(StatusError, match="ImageTags must be retrieved with <name>:<tag>"):
        split_stream_tag("imagetags", name)


def test_a_name_is_read_as_stream_and_tag() -> None:
    """The stream stands before the ":", the tag behind it."""
    assert split_stream_tag("imagetags", "app:1.0") == ("app", "1.0")


def test_a_tag_tells_nothing_of_who_manages_the_stream() -> None:
    """The managedFields are about the fields of the stream."""
    stored: dict[str, Any] = stream(asked("1"), status={"tags": [done("1")]})
    stored["metadata"]["managedFields"] = [{"manager": "x"}]
    for shown in (view_stream_tag(stored, "1", None), view_image_tag(stored, "1", None)):
        assert shown is not None
        assert "managedFields" not in shown["metadata"]
