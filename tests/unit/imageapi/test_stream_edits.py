"""A submitted stream turned back into what is stored (imageapi.stream_edits)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import StatusError
from imagestreams.imageapi.patches import JSON_PATCH, STRATEGIC_PATCH, apply_patch
from imagestreams.imageapi.stream_edits import (
    forced_tags,
    stored_status,
    stored_stream,
    without_intents,
)
from imagestreams.imageapi.stream_view import view_stream

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def item(digest: str = DIGEST, generation: int = 2) -> dict[str, Any]:
    """Make an item of a history."""
    return {
        "created": "2026-01-01T00:00:00Z",
        "dockerImageReference": f"r.io/app@{digest}",
        "image": digest,
        "generation": generation,
    }


def stored() -> dict[str, Any]:
    """Make a stream whose stored tags are not sorted, and say little, some of it in empty words."""
    return {
        "apiVersion": "image.openshift.io/v1alpha1",
        "kind": "ImageStream",
        "metadata": {
            "name": "app",
            "namespace": "shop",
            "uid": "u-1",
            "resourceVersion": "7",
            "generation": 3,
            "managedFields": [{"manager": "git", "apiVersion": "image.openshift.io/v1alpha1"}],
        },
        "spec": {
            "tags": [
                {"name": "z", "from": {"kind": "DockerImage", "name": "r.io/app:z", "namespace": ""}},
                {"from": {"name": "r.io/app:a", "kind": "DockerImage"}, "name": "a", "annotations": {}},
                {"name": "m", "generation": 1, "reference": False, "importPolicy": {"insecure": False}},
            ]
        },
        "status": {
            "dockerImageRepository": "",
            "observedGeneration": 3,
            "conditions": [{"type": "Ready", "status": "True"}],
            "summary": {"tags": "z,a"},
            "tags": [
                {
                    "tag": "a",
                    "items": [item(), item(OTHER, 1)],
                    "intent": {
                        "kind": "DockerImage",
                        "name": "r.io/app:a",
                        "importMode": "Legacy",
                        "generation": 2,
                    },
                    "index": OTHER,
                },
                {
                    "tag": "z",
                    "items": None,
                    "intent": {"kind": "DockerImage", "name": "r.io/app:z", "generation": 2},
                },
            ],
        },
    }


def spelled(content: Any) -> str:
    """Spell JSON, so that order and empty words count."""
    return json.dumps(content)


def test_get_and_replace_leaves_what_is_stored() -> None:
    """A stream that is read and sent back as it is keeps its stored spec and metadata to the byte."""
    before = stored()
    written = stored_stream(view_stream(before), before)
    assert spelled(before["spec"]) == spelled(written["spec"])
    assert spelled(before["metadata"]) == spelled(written["metadata"])
    assert "image.openshift.io/v1alpha1" == written["apiVersion"]


def test_json_patch_by_index_on_tags_that_are_stored_unsorted() -> None:
    """Index 0 is the first tag that the client saw, wherever it is stored; the others keep their bytes."""
    before, view = stored(), view_stream(stored())
    patch = [{"op": "replace", "path": "/spec/tags/0/from/name", "value": "r.io/app:new"}]
    written = stored_stream(apply_patch(JSON_PATCH, json.dumps(patch).encode(), view, "ImageStream"), before)
    expected = copy.deepcopy(before["spec"])
    expected["tags"][1]["from"]["name"] = "r.io/app:new"
    assert spelled(expected) == spelled(written["spec"])


def test_a_new_tag_is_stored_as_it_was_asked_for() -> None:
    """A new tag comes last, without what clients send empty, and without a generation."""
    before, view = stored(), view_stream(stored())
    sent = {
        "name": "b",
        "annotations": None,
        "generation": 0,
        "from": {"kind": "DockerImage", "name": "r.io/b"},
        "importPolicy": {},
        "referencePolicy": {"type": ""},
    }
    view["spec"] = {**view["spec"], "tags": [sent, *view["spec"]["tags"]]}
    expected = [*before["spec"]["tags"], {"name": "b", "from": {"kind": "DockerImage", "name": "r.io/b"}}]
    assert spelled(expected) == spelled(stored_stream(view, before)["spec"]["tags"])


def test_tags_that_are_no_list_remove_none() -> None:
    """A wrong type is refused with 400, and not read as no tags."""
    with pytest.raises(StatusError, match=r"spec\.tags must be a list"):
        stored_stream({"metadata": {"name": "app"}, "spec": {"tags": "a"}}, stored())


def test_a_removed_tag_is_removed() -> None:
    """A tag that is left out is no longer stored; all of them leave an empty list."""
    before, view = stored(), view_stream(stored())
    view["spec"] = {**view["spec"], "tags": [tag for tag in view["spec"]["tags"] if tag["name"] != "m"]}
    assert spelled(before["spec"]["tags"][:2]) == spelled(stored_stream(view, before)["spec"]["tags"])
    view["spec"] = {"lookupPolicy": {"local": False}}
    assert {"tags": []} == stored_stream(view, before)["spec"]


def test_of_two_tags_of_a_name_the_last_counts() -> None:
    """As in the original, a name that is sent twice is the last of them."""
    tags = [{"name": "a", "from": {"kind": "DockerImage", "name": name}} for name in ("r.io/1", "r.io/2")]
    assert [tags[1]] == stored_stream({"spec": {"tags": tags}}, None)["spec"]["tags"]


def test_the_time_of_the_last_import_is_not_stored() -> None:
    """The annotation that the view has is lost on the way back, unless it is stored; others are kept."""
    note = "openshift.io/image.dockerRepositoryCheck"
    before = stored()
    view = view_stream(before)
    assert note in view["metadata"]["annotations"]
    view["metadata"] = {**view["metadata"], "annotations": {**view["metadata"]["annotations"], "a": "b"}}
    assert {"a": "b"} == stored_stream(view, before)["metadata"]["annotations"]
    before["metadata"]["annotations"] = {note: "2026-01-01T00:00:00Z"}
    assert before["metadata"] == stored_stream(view_stream(before), before)["metadata"]


def test_strategic_patch_through_the_view() -> None:
    """`oc set image-lookup` adds its one field to what is stored."""
    before = stored()
    patch = json.dumps({"spec": {"lookupPolicy": {"local": True}}}).encode()
    view = apply_patch(STRATEGIC_PATCH, patch, view_stream(before), "ImageStream")
    expected = {**before["spec"], "lookupPolicy": {"local": True}}
    assert spelled(expected) == spelled(stored_stream(view, before)["spec"])


def test_managed_fields_that_are_sent_are_mapped_back() -> None:
    """Entries that a client changed name the version at which we write."""
    before, view = stored(), view_stream(stored())
    view["metadata"] = {
        **view["metadata"],
        "managedFields": [{"manager": "x", "apiVersion": view["apiVersion"]}],
    }
    expected = [{"manager": "x", "apiVersion": "image.openshift.io/v1alpha1"}]
    assert expected == stored_stream(view, before)["metadata"]["managedFields"]


def typed(status: dict[str, Any]) -> dict[str, Any]:
    """Decode and encode a status as a typed client of the original does: what it does not know is gone."""
    return {
        "dockerImageRepository": status["dockerImageRepository"],
        "tags": [
            {field: tag[field] for field in ("tag", "items", "conditions") if field in tag}
            for tag in status["tags"]
        ],
    }


def test_a_typed_client_keeps_what_it_does_not_know() -> None:
    """A status that is sent back without our own fields is stored as it was, to the byte."""
    before, view = stored(), view_stream(stored())
    view["status"] = typed(view["status"])
    assert spelled(before["status"]) == spelled(stored_status(view, before)["status"])


def test_pruning_keeps_what_it_does_not_know() -> None:
    """`oc adm prune` takes an item out of a history; intent, index, summary and conditions stay."""
    before, view = stored(), view_stream(stored())
    view["status"] = typed(view["status"])
    view["status"]["tags"][0] = {**view["status"]["tags"][0], "items": [item()]}
    expected = copy.deepcopy(before["status"])
    expected["tags"][0]["items"] = [item()]
    assert spelled(expected) == spelled(stored_status(view, before)["status"])
    assert before["spec"] == stored_status(view, before)["spec"]


def test_a_history_that_says_nothing_any_more_is_dropped() -> None:
    """A tag whose last item is taken, or that is left out, is gone."""
    before, view = stored(), view_stream(stored())
    view["status"] = {"dockerImageRepository": "", "tags": [{"tag": "a", "items": None}]}
    assert [] == stored_status(view, before)["status"]["tags"]


def test_a_new_current_item_is_numbered() -> None:
    """An item that comes without a generation gets that of its spec tag, or the stream's; tags are sorted."""
    before, view = stored(), view_stream(stored())
    fresh = {field: value for field, value in item().items() if field != "generation"}
    view["status"] = typed(view["status"])
    view["status"]["tags"] += [{"tag": "b", "items": [fresh]}, {"tag": "m", "items": [fresh]}]
    tags = stored_status(view, before)["status"]["tags"]
    assert ["a", "b", "m", "z"] == [tag["tag"] for tag in tags]
    assert [2, 3, 3] == [tag["items"][0]["generation"] for tag in tags[:3]]


def test_a_generation_of_zero_forces_an_import() -> None:
    """A tag with the generation 0 loses its intent, and nothing else; others keep theirs."""
    before, view = stored(), view_stream(stored())
    assert frozenset() == forced_tags(view, before)
    view["spec"] = {"tags": [{**view["spec"]["tags"][0], "generation": 0}]}
    assert frozenset({"a"}) == forced_tags(view, before)
    written = without_intents(before, {"a"})
    assert written is not None
    expected = copy.deepcopy(before)
    del expected["status"]["tags"][0]["intent"]
    assert expected == written
    assert without_intents(written, {"a"}) is None


_NAMES = st.sampled_from(["a", "b", "latest", "1.2"])
_SOURCES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["DockerImage", "ImageStreamTag"]), "name": st.sampled_from(["r.io/x", "b"])},
    optional={"namespace": st.sampled_from(["", "other"])},
)
_TAGS = st.fixed_dictionaries(
    {"name": _NAMES},
    optional={
        "annotations": st.sampled_from([None, {}, {"k": "v"}]),
        "from": _SOURCES,
        "reference": st.booleans(),
        "generation": st.sampled_from([None, 0, 3]),
        "importPolicy": st.sampled_from(
            [{}, {"insecure": True}, {"scheduled": False}, {"importMode": "Legacy"}]
        ),
        "referencePolicy": st.sampled_from([{}, {"type": ""}, {"type": "Source"}, {"type": "Local"}]),
    },
)
_STORED = st.fixed_dictionaries(
    {
        "metadata": st.just({"name": "app", "namespace": "shop", "generation": 3}),
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "tags": st.none() | st.lists(_TAGS, max_size=4, unique_by=lambda tag: tag["name"]),
                "lookupPolicy": st.sampled_from([{}, {"local": False}, {"local": True}]),
                "dockerImageRepository": st.sampled_from(["", "r.io/x"]),
            },
        ),
    }
)


@given(_STORED)
def test_whatever_is_stored_survives_get_and_replace(before: dict[str, Any]) -> None:
    """Whatever a stream stores, sending back what is shown leaves it to the byte."""
    assert spelled(before["spec"]) == spelled(stored_stream(view_stream(before), before)["spec"])


@given(_STORED, _STORED)
def test_what_is_sent_is_what_is_shown_then(before: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Whatever stream is sent in place of another, it is shown so then, but for generations."""
    sent = view_stream(wanted)
    shown = view_stream(stored_stream(sent, before))
    for view in (sent, shown):
        for tag in view["spec"].get("tags", []):
            tag.pop("generation")
    assert sent["spec"] == shown["spec"]
