"""What readers see of a stream beyond what was recorded (imageapi.stream_view, imageapi.generations)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.imageapi.stream_view import LAST_IMPORT, view_stream
from imagestreams.imageapi.tag_view import (
    image_tag_names,
    stream_tag_names,
    view_image_tags,
    view_stream_tags,
)

EARLY, LATE, LATEST = "2026-11-23T17:00:00Z", "2026-11-23T18:00:00Z", "2026-11-23T19:00:00Z"
IMAGE = "sha256:" + "1" * 64


def stream(*tags: dict[str, Any], status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Store a stream at generation 7."""
    metadata = {"name": "app", "namespace": "ns", "uid": "u", "resourceVersion": "5", "generation": 7}
    return {
        "apiVersion": "image.openshift.io/v1alpha1",
        "kind": "ImageStream",
        "metadata": metadata,
        "spec": {**spec, "tags": list(tags)},
        "status": status or {},
    }


def asked(name: str = "1", source: str = "r.io/a:1", **more: Any) -> dict[str, Any]:
    """Store a tag of spec."""
    return {"name": name, "from": {"kind": "DockerImage", "name": source}, **more}


def done(name: str = "1", source: str = "r.io/a:1", generation: int = 3, **intent: Any) -> dict[str, Any]:
    """Store the status of a tag that was imported."""
    item = {
        "created": EARLY,
        "dockerImageReference": f"r.io/a@{IMAGE}",
        "image": IMAGE,
        "generation": generation,
    }
    made_for = {"kind": "DockerImage", "name": source, "importMode": "Legacy", "generation": generation}
    return {"tag": name, "items": [item], "intent": made_for | intent}


def generation_of(tag: dict[str, Any], *statuses: dict[str, Any], mode: str = "Legacy", **spec: Any) -> int:
    """Say which generation readers see of the one tag of a stream."""
    shown = view_stream(stream(tag, status={"tags": list(statuses)}, **spec), mode=mode)
    generation: int = shown["spec"]["tags"][0]["generation"]
    return generation


@pytest.mark.parametrize(
    ("tag", "status", "generation"),
    [
        pytest.param(asked(), done(), 3, id="imported as asked"),
        pytest.param(
            asked(importPolicy={"importMode": "Legacy"}), done(), 3, id="with the mode it has anyway"
        ),
        pytest.param(asked(importPolicy={"scheduled": True}), done(), 3, id="scheduled"),
        pytest.param(asked(referencePolicy={"type": "Local"}), done(), 3, id="another policy"),
        pytest.param(asked(annotations={"x": "y"}), done(), 3, id="annotated"),
        pytest.param(asked(generation=99), done(), 3, id="with a generation of its own"),
        pytest.param(asked(source="r.io/a:2"), done(), 7, id="another source"),
        pytest.param(asked(reference=True), done(), 7, id="only a reference now"),
        pytest.param(asked(importPolicy={"importMode": "PreserveOriginal"}), done(), 7, id="another mode"),
        pytest.param(
            asked(annotations={"imagestreams.dev/requested-at": "now"}), done(), 7, id="asked for anew"
        ),
        pytest.param(asked(), done("2"), 7, id="never imported"),
        pytest.param(asked(), {"tag": "1", "items": done()["items"]}, 7, id="without what was asked for"),
        pytest.param({"name": "1"}, {"tag": "1", "items": done()["items"]}, 3, id="pushed, without a source"),
        pytest.param({"name": "1"}, done("2"), 7, id="only a name"),
        pytest.param({"name": "1"}, done(listed=True), 3, id="a tag of the repository"),
    ],
)
def test_a_tag_has_the_generation_since_which_it_asks_for_what_it_has(
    tag: dict[str, Any], status: dict[str, Any], generation: int
) -> None:
    """A tag that is imported as it asks has the generation of that; what is pending, that of the stream."""
    assert generation == generation_of(tag, status)


@pytest.mark.parametrize(("typed", "generation"), [("", 3), ("Legacy", 7)])
def test_the_default_mode_is_what_a_tag_without_one_asks_for(typed: str, generation: int) -> None:
    """Where PreserveOriginal is the default a tag that names no mode asks for it, and readers are told so."""
    tag = asked(importPolicy={"importMode": typed})
    status = done(importMode="PreserveOriginal")
    assert generation == generation_of(tag, status, mode="PreserveOriginal")
    shown = view_stream(stream(tag, status={"tags": [status]}), mode="PreserveOriginal")
    assert (typed or "PreserveOriginal") == shown["spec"]["tags"][0]["importPolicy"]["importMode"]


def test_of_two_tags_of_one_name_the_last_counts() -> None:
    """A name is shown once, with what was written last; tags are in the order of their names."""
    shown = view_stream(stream(asked("b"), asked("a", "r.io/a:1"), asked("a", "r.io/a:2")))
    tags = shown["spec"]["tags"]
    assert [("a", "r.io/a:2"), ("b", "r.io/a:1")] == [(tag["name"], tag["from"]["name"]) for tag in tags]


def test_an_empty_stream_has_the_fields_that_readers_expect() -> None:
    """Without spec and status there are a lookup policy and a repository; a generation is not made up."""
    stored = {"metadata": {"name": "app", "namespace": "ns"}}
    expected = {
        "kind": "ImageStream",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"name": "app", "namespace": "ns"},
        "spec": {"lookupPolicy": {"local": False}},
        "status": {"dockerImageRepository": ""},
    }
    assert expected == view_stream(stored)


def test_the_repository_of_spec_is_that_of_status_until_it_is_recorded() -> None:
    """status.dockerImageRepository is there as soon as spec's is."""
    shown = view_stream(stream(dockerImageRepository="r.io/a"))
    assert shown["status"]["dockerImageRepository"] == "r.io/a"
    assert shown["spec"]["dockerImageRepository"] == "r.io/a"


def test_our_own_status_stays_visible() -> None:
    """What `kubectl wait` waits for, and what each tag was asked for, is shown as it is stored."""
    ready = {"type": "Ready", "status": "True", "observedGeneration": 7}
    status = {"observedGeneration": 7, "conditions": [ready], "summary": {"tags": "1"}, "tags": [done()]}
    shown = view_stream(stream(asked(), status=status))
    assert status == {name: value for name, value in shown["status"].items() if name in status}


@pytest.mark.parametrize(
    ("status", "last"),
    [
        pytest.param({}, None, id="nothing was imported"),
        pytest.param({"tags": [done()]}, EARLY, id="by the newest image"),
        pytest.param(
            {
                "tags": [
                    done() | {"conditions": [{"type": "ImportSuccess", "lastTransitionTime": LATE}]},
                    done("2"),
                ]
            },
            LATE,
            id="by a failure",
        ),
        pytest.param(
            {"tags": [done() | {"conditions": [{"type": "Held", "lastTransitionTime": LATE}]}]},
            EARLY,
            id="not by a hold",
        ),
        pytest.param({"tags": [done(kind="ImageStreamTag")]}, None, id="a tag of a tag is not imported"),
        pytest.param({"tags": [done(reference=True)]}, None, id="a reference is not imported"),
        pytest.param(
            {"conditions": [{"type": "RepositoryFollowed", "lastTransitionTime": LATEST}], "tags": [done()]},
            LATEST,
            id="by the list of the repository",
        ),
    ],
)
def test_the_last_import_is_annotated(status: dict[str, Any], last: str | None) -> None:
    """The original's annotation tells when an import last brought news; without one it is not there."""
    shown = view_stream(stream(asked(), status=status))
    assert last == shown["metadata"].get("annotations", {}).get(LAST_IMPORT)


def test_a_stored_time_of_the_last_import_is_kept() -> None:
    """What somebody wrote there is shown, and other annotations beside it."""
    stored = stream(asked(), status={"tags": [done()]})
    stored["metadata"]["annotations"] = {LAST_IMPORT: LATE, "x": "y"}
    assert {LAST_IMPORT: LATE, "x": "y"} == view_stream(stored)["metadata"]["annotations"]


def test_managers_are_told_in_terms_of_v1() -> None:
    """In managedFields our group is of v1, whichever version was written; others stay."""
    stored = stream()
    versions = ["image.openshift.io/v1alpha1", "image.openshift.io/v1", "apps/v1"]
    stored["metadata"]["managedFields"] = [{"apiVersion": version} for version in versions]
    shown = view_stream(stored)["metadata"]["managedFields"]
    expected = ["image.openshift.io/v1", "image.openshift.io/v1", "apps/v1"]
    assert expected == [entry["apiVersion"] for entry in shown]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
TAG = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=2) | JSON,
        "tag": st.text(max_size=2) | JSON,
        "annotations": st.dictionaries(st.text(max_size=3), st.text(max_size=3)) | st.none(),
        "from": st.dictionaries(st.sampled_from(["kind", "name", "namespace"]), JSON) | JSON,
        "importPolicy": JSON,
        "referencePolicy": JSON,
        "items": st.lists(st.dictionaries(st.sampled_from(["created", "image", "generation"]), JSON)) | JSON,
        "conditions": st.lists(JSON, max_size=2) | JSON,
        "intent": JSON,
    },
)
STORED = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.dictionaries(st.sampled_from(["name", "annotations", "generation", "labels"]), JSON)
        | JSON,
        "spec": st.fixed_dictionaries({}, optional={"tags": st.lists(TAG | JSON, max_size=3) | JSON}) | JSON,
        "status": st.fixed_dictionaries({}, optional={"tags": st.lists(TAG | JSON, max_size=3) | JSON})
        | JSON,
    },
)


@given(STORED)
def test_nothing_that_is_stored_breaks_a_view_or_is_changed_by_it(stored: dict[str, Any]) -> None:
    """Whatever shape a stored stream has, it is shown with its tags, as JSON, and stays as it was."""
    before = copy.deepcopy(stored)
    json.dumps(view_stream(stored))
    json.dumps([*view_stream_tags(stored, stream_tag_names(stored))])
    json.dumps([*view_image_tags(stored, image_tag_names(stored))])
    assert before == stored
