"""Writes of tags as edits of their stream (imageapi.tag_edits)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi import tag_edits
from imagestreams.imageapi.tag_view import view_image_tag, view_stream_tag


def stored() -> dict[str, Any]:
    """Make a stream with two spec tags, unsorted, and a history that was pushed."""
    return {
        "apiVersion": "image.openshift.io/v1alpha1",
        "kind": "ImageStream",
        "metadata": {"name": "app", "namespace": "shop", "generation": 2, "resourceVersion": "7"},
        "spec": {
            "tags": [
                {"name": "b", "from": {"kind": "DockerImage", "name": "r.io/app:b"}},
                {
                    "name": "a",
                    "from": {"kind": "DockerImage", "name": "r.io/app:a"},
                    "annotations": {"k": "v"},
                },
            ]
        },
        "status": {"tags": [{"tag": "pushed", "items": []}, {"tag": "a", "items": []}]},
    }


def sent_by_oc_tag(name: str, generation: int | None = 0) -> dict[str, Any]:
    """Make the body that `oc tag r.io/new app:TAG` sends."""
    return {
        "kind": "ImageStreamTag",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"name": f"app:{name}", "namespace": "shop", "creationTimestamp": None},
        "tag": {
            "name": name,
            "annotations": None,
            "from": {"kind": "DockerImage", "name": "r.io/new"},
            "generation": generation,
            "importPolicy": {"importMode": "Legacy"},
            "referencePolicy": {"type": "Source"},
        },
        "generation": 0,
        "lookupPolicy": {"local": False},
        "image": {"metadata": {"creationTimestamp": None}, "dockerImageMetadata": None},
    }


def test_oc_tag_of_a_new_tag() -> None:
    """A tag that is new comes last, as it was asked for; the others keep their bytes."""
    before = stored()
    edit = tag_edits.edit_stream_tag(before, "c", sent_by_oc_tag("c"))
    new = {
        "name": "c",
        "from": {"kind": "DockerImage", "name": "r.io/new"},
        "importPolicy": {"importMode": "Legacy"},
        "referencePolicy": {"type": "Source"},
    }
    assert json.dumps([*before["spec"]["tags"], new]) == json.dumps(edit.stream["spec"]["tags"])
    assert (True, True, False) == (edit.changed, edit.created, edit.forced)


def test_oc_tag_of_a_tag_that_is_there() -> None:
    """It gets its new source in its old place, no default is stored, and its notes are replaced."""
    edit = tag_edits.edit_stream_tag(stored(), "a", sent_by_oc_tag("a"))
    expected = {"name": "a", "from": {"kind": "DockerImage", "name": "r.io/new"}}
    assert [stored()["spec"]["tags"][0], expected] == edit.stream["spec"]["tags"]
    assert (True, False, True) == (edit.changed, edit.created, edit.forced)


def test_the_same_again_only_forces_an_import() -> None:
    """`oc tag` to the source that a tag has writes no spec, but wants a new import."""
    before = stored()
    sent = sent_by_oc_tag("b")
    sent["tag"]["from"]["name"] = "r.io/app:b"
    edit = tag_edits.edit_stream_tag(before, "b", sent)
    assert before == edit.stream
    assert (False, False, True) == (edit.changed, edit.created, edit.forced)


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_tag_sent_back_as_it_is_shown_changes_nothing(name: str) -> None:
    """Both kinds can be read and sent back: nothing is written."""
    before = stored()
    shown = view_stream_tag(before, name, None, pending=True)
    assert shown is not None
    assert not tag_edits.edit_stream_tag(before, name, shown).changed
    other = view_image_tag(before, name, None)
    assert other is not None
    assert not tag_edits.edit_image_tag(before, name, other).changed


def test_annotating_a_tag() -> None:
    """`oc annotate istag` changes the annotations of the spec tag, and nothing else."""
    before = stored()
    shown = view_stream_tag(before, "a", None, pending=True)
    assert shown is not None
    shown["metadata"] = {**shown["metadata"], "annotations": {"k": "v", "new": "1"}}
    edit = tag_edits.edit_stream_tag(before, "a", shown)
    expected = [
        before["spec"]["tags"][0],
        {**before["spec"]["tags"][1], "annotations": {"k": "v", "new": "1"}},
    ]
    assert expected == edit.stream["spec"]["tags"]


def test_a_pushed_tag_cannot_be_updated_without_a_source() -> None:
    """What is only in status has nothing that could be changed: 400, in the original's words."""
    shown = view_stream_tag(stored(), "pushed", None, pending=True)
    assert shown is not None
    with pytest.raises(StatusError) as caught:
        tag_edits.edit_stream_tag(stored(), "pushed", shown)
    expected = "imagestreamtag pushed is not a spec tag in imagestream shop/app, cannot be updated"
    assert (400, expected) == (caught.value.code, str(caught.value))


def test_an_image_tag_without_spec_removes_the_spec_tag() -> None:
    """The spec tag goes, its history stays."""
    edit = tag_edits.edit_image_tag(stored(), "a", {"metadata": {"name": "app:a"}, "spec": None})
    assert stored()["spec"]["tags"][:1] == edit.stream["spec"]["tags"]
    assert stored()["status"] == edit.stream["status"]
    assert edit.changed


def test_creating_a_tag_without_a_source_makes_sure_of_the_stream() -> None:
    """`oc create istag` without --from creates the stream alone, as in the original."""
    made = tag_edits.new_stream("shop", "app")
    edit = tag_edits.create_stream_tag(made, "a", {"metadata": {"name": "app:a"}})
    assert (made, False) == (edit.stream, edit.changed)


def test_deleting_takes_the_tag_from_spec_and_status() -> None:
    """Both go; what was not there is told."""
    assert ["b"] == [tag["name"] for tag in tag_edits.without_spec_tag(stored(), "a")["spec"]["tags"]]
    forgotten = tag_edits.without_history(stored(), "a")
    assert forgotten is not None
    assert ["pushed"] == [tag["tag"] for tag in forgotten["status"]["tags"]]
    assert tag_edits.without_history(stored(), "b") is None
