"""The patch: applied to its body it changes the images that tags stand for, and nothing else."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.permission import Permission
from imagestreams.model.stream import StreamKey
from imagestreams.triggering.patch import Move, WorkloadPatch, patch_for
from unit.triggering.deployments import A, B, deployment, image_of, stream, trigger, workload

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream

RESOLVED = "imagestreams.dev/resolved"


def patch(body: dict[str, Any], *streams: Stream) -> WorkloadPatch:
    """Compute what a body needs."""
    known = {one.key: one for one in streams}
    return patch_for(workload(body), known.get)


def applied(body: dict[str, Any], *streams: Stream) -> dict[str, Any]:
    """Give the body after its patch; the body itself stays as it is."""
    result: dict[str, Any] = jsonpatch.apply_patch(body, list(patch(body, *streams).operations))
    return result


def test_the_image_follows_the_tag() -> None:
    """The container's image becomes the tag's pull spec, our annotation names the tag, all else stays."""
    body = deployment(trigger())
    expected = copy.deepcopy(body)
    expected["spec"]["template"]["spec"]["containers"][0]["image"] = f"r.io/app@{A}"
    expected["metadata"]["annotations"][RESOLVED] = f"web=app:v1@{A}"

    assert expected == applied(body, stream(v1=A))
    assert (Move("web", "app:v1", "old:1", f"r.io/app@{A}"),) == patch(body, stream(v1=A)).moves
    assert f'app:v1 moved from old:1 to r.io/app@{A} (container "web")' == str(
        patch(body, stream(v1=A)).moves[0]
    )


def test_what_shows_the_tag_needs_no_write() -> None:
    """After the patch there is nothing more to write."""
    body = applied(deployment(trigger()), stream(v1=A))

    assert WorkloadPatch((), (), ()) == patch(body, stream(v1=A))


@pytest.mark.parametrize("image", [" ", "", None])
def test_a_container_without_an_image_gets_one(image: str | None) -> None:
    """A blank image, as `oc new-app` writes it, and none at all are replaced."""
    body = deployment(trigger(), containers={"web": image})

    assert f"r.io/app@{A}" == image_of(applied(body, stream(v1=A)))
    assert "from (none) to" in str(patch(body, stream(v1=A)).moves[0])


def test_a_users_own_image_is_put_back() -> None:
    """A trigger owns its field: an image somebody set by hand is replaced."""
    body = applied(deployment(trigger()), stream(v1=A))
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "mine:1"

    assert f"r.io/app@{A}" == image_of(applied(body, stream(v1=A)))


def test_a_paused_workload_is_written_to() -> None:
    """A Deployment that is itself paused gets the image: its own controller holds the rollout."""
    body = deployment(trigger())
    body["spec"]["paused"] = True

    assert f"r.io/app@{A}" == image_of(applied(body, stream(v1=A)))


@pytest.mark.parametrize(
    ("entry", "streams"),
    [
        (trigger(paused=True), [stream(v1=A)]),
        (trigger(paused="true"), [stream(v1=A)]),
        (trigger(), []),
        (trigger(), [stream(v2=A)]),
        (trigger(), [stream(v1="")]),
    ],
    ids=["paused", "paused as text", "no stream", "no tag", "no image yet"],
)
def test_a_field_without_an_image_to_follow_is_left_alone(
    entry: dict[str, Any], streams: list[Stream]
) -> None:
    """Paused entries and tags that stand for nothing yet change nothing, and are no problem."""
    assert WorkloadPatch((), (), ()) == patch(deployment(entry), *streams)


def test_one_missing_stream_does_not_hold_up_the_other_trigger() -> None:
    """Of two triggers the one whose tag is there is applied."""
    body = deployment(
        trigger("web"), trigger("side", "missing:v1"), containers={"web": "old:1", "side": "old:2"}
    )
    result = applied(body, stream(v1=A))

    assert (f"r.io/app@{A}", "old:2") == (image_of(result), image_of(result, "side"))
    assert f"web=app:v1@{A}" == result["metadata"]["annotations"][RESOLVED]


def test_several_fields_are_one_write() -> None:
    """Containers that follow tags of several streams move together."""
    body = deployment(
        trigger("web"), trigger("side", "base:v2"), containers={"web": "old:1", "side": "old:2"}
    )
    result = applied(body, stream(v1=A), stream("base", v2=B))

    assert (f"r.io/app@{A}", f"r.io/base@{B}") == (image_of(result), image_of(result, "side"))
    assert f"web=app:v1@{A}, side=base:v2@{B}" == result["metadata"]["annotations"][RESOLVED]


def test_a_name_is_looked_for_in_init_containers_too() -> None:
    """A path that says "containers" finds an init container of that name, as the original does."""
    body = deployment(trigger("setup"), init={"setup": "tool:1"})
    result = applied(body, stream(v1=A))

    assert (f"r.io/app@{A}", "old:1") == (image_of(result, "setup"), image_of(result))


def test_an_index_honours_its_list() -> None:
    """An index counts in the list that the path names."""
    body = deployment(
        trigger(fieldPath="spec.template.spec.initContainers[1].image"),
        init={"first": "tool:1", "second": "tool:2"},
        containers={"web": "old:1", "side": "old:2"},
    )
    result = applied(body, stream(v1=A))

    assert ["tool:1", f"r.io/app@{A}", "old:1", "old:2"] == [
        image_of(result, name) for name in ("first", "second", "web", "side")
    ]


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (trigger("gone"), '"gone"'),
        (trigger(fieldPath="spec.template.spec.containers[7].image"), '"containers[7]"'),
        (trigger(fieldPath="spec.template.spec.initContainers[0].image"), '"initContainers[0]"'),
    ],
)
def test_a_container_that_is_not_there_is_told_and_the_others_count(
    entry: dict[str, Any], shown: str
) -> None:
    """A trigger on a missing container is a problem that names those there are; the next one is applied."""
    body = deployment(entry, trigger("side"), containers={"web": "old:1", "side": "old:2"})

    assert (f"entry 1: there is no container {shown}; there is web, side",) == patch(
        body, stream(v1=A)
    ).problems
    assert f"r.io/app@{A}" == image_of(applied(body, stream(v1=A)), "side")


def test_two_triggers_on_one_container_are_told_and_the_first_counts() -> None:
    """A container named once by name and once by index follows the first; the second is told."""
    body = deployment(
        trigger("web", "app:v1"),
        trigger(source="app:v2", fieldPath="spec.template.spec.containers[0].image"),
        trigger(source="app:v2", fieldPath='spec.template.spec.initContainers[?(@.name=="web")].image'),
    )
    streams = stream(v1=A, v2=B)

    assert f"r.io/app@{A}" == image_of(applied(body, streams))
    told = [f'entry {number}: container "web" has a trigger already, entry 1' for number in (2, 3)]
    assert told == list(patch(body, streams).problems)


def test_a_paused_trigger_keeps_its_container() -> None:
    """A second trigger does not take over a container whose first one is paused."""
    body = deployment(
        trigger("web", "app:v1", paused=True),
        trigger(source="app:v2", fieldPath="spec.template.spec.containers[0].image"),
    )

    assert () == patch(body, stream(v1=A, v2=B)).operations


def test_what_is_wrong_with_the_annotation_is_passed_on() -> None:
    """Problems of reading come before those of applying."""
    body = deployment(trigger() | {"from": {"kind": "X"}}, trigger("gone"))

    assert 2 == len(patch(body, stream(v1=A)).problems)
    assert patch(body, stream(v1=A)).problems[0].startswith("entry 1: ")


def test_a_tag_that_is_only_a_reference_is_written_as_typed() -> None:
    """Without a digest the field gets the reference, and the annotation names the tag alone."""
    result = applied(deployment(trigger()), stream(v1="r.io/app:stable"))

    assert "r.io/app:stable" == image_of(result)
    assert "web=app:v1" == result["metadata"]["annotations"][RESOLVED]


def test_only_the_annotation_is_written_when_the_image_is_right_already() -> None:
    """A field that shows the tag's image by chance is only noted as following it."""
    body = deployment(trigger(), containers={"web": f"r.io/app@{A}"}, notes={RESOLVED: "stale"})
    result = applied(body, stream(v1=A))

    assert () == patch(body, stream(v1=A)).moves
    assert f"web=app:v1@{A}" == result["metadata"]["annotations"][RESOLVED]
    assert body["spec"] == result["spec"]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["spec"]["template"]["spec"]["containers"][0].update(image="mine:1"),
        lambda body: body["spec"]["template"]["spec"]["containers"][0].update(name="other"),
        lambda body: body["spec"]["template"]["spec"]["containers"].insert(
            0, {"name": "new", "image": "n:1"}
        ),
        lambda body: body["spec"]["template"]["spec"]["containers"].clear(),
        lambda body: body["metadata"].update(uid="d-2"),
    ],
    ids=["image", "name", "order", "removed", "recreated"],
)
def test_a_patch_fails_on_a_body_that_changed(change: Any) -> None:
    """If anybody changed what the decision was made on, nothing of the patch is applied."""
    body = deployment(trigger())
    operations = list(patch(body, stream(v1=A)).operations)
    change(body)

    with pytest.raises((jsonpatch.JsonPatchException, jsonpatch.JsonPointerException)):
        jsonpatch.apply_patch(body, operations)


def test_a_patch_stands_changes_elsewhere() -> None:
    """Whoever scales or labels the workload at the same time loses nothing and stops nothing."""
    body = deployment(trigger())
    operations = list(patch(body, stream(v1=A)).operations)
    body["spec"]["replicas"] = 7
    body["metadata"]["labels"]["more"] = "x"
    body["metadata"]["resourceVersion"] = "11"
    result = jsonpatch.apply_patch(body, operations)

    assert (7, "x") == (result["spec"]["replicas"], result["metadata"]["labels"]["more"])
    assert f"r.io/app@{A}" == image_of(result)


BASE = StreamKey("base", "app")
FOREIGN = trigger() | {"from": {"kind": "ImageStreamTag", "name": "app:v1", "namespace": "base"}}


def test_a_stream_of_another_namespace_is_followed_with_permission() -> None:
    """With permission the image is that of the other namespace's tag, and what is told names it."""
    body = deployment(FOREIGN)
    known = {BASE: stream(namespace="base", v1=A)}
    found = patch_for(workload(body), known.get, lambda _, key: Permission(key == BASE))
    result = jsonpatch.apply_patch(body, list(found.operations))

    assert f"r.io/app@{A}" == image_of(result)
    assert f"web=base/app:v1@{A}" == result["metadata"]["annotations"][RESOLVED]
    assert ("base/app:v1", frozenset({BASE}), ()) == (found.moves[0].tag, found.streams, found.refusals)


def test_without_permission_the_field_stays_and_the_command_is_told() -> None:
    """What is refused is told once for all containers, with the command that grants it."""
    body = deployment(
        FOREIGN,
        FOREIGN | {"fieldPath": trigger("side")["fieldPath"]},
        containers={"web": "old:1", "side": "old:2"},
        notes={RESOLVED: f"web=base/app:v1@{B}"},
    )
    known = {BASE: stream(namespace="base", v1=A)}
    found = patch_for(workload(body), known.get, lambda *_: Permission(granted=False, how="kubectl this"))

    assert ((), ()) == (found.operations, found.problems)
    refusal = (
        "namespace shop may not take images of base/app: its service accounts may not "
        '"get" its imagestreams/layers. Who may grant it runs: kubectl this'
    )
    assert (refusal,) == found.refusals


def test_while_permission_is_not_known_nothing_is_done_or_told() -> None:
    """Until the answer is there the field stays as it is; so it does where nobody says what is permitted."""
    known = {BASE: stream(namespace="base", v1=A)}

    assert WorkloadPatch((), (), ()) == patch_for(workload(deployment(FOREIGN)), known.get)


def written(body: dict[str, Any], stored: dict[str, Any], *streams: Stream, held: bool = False) -> Any:
    """Give a body as it is to be written where another one is stored."""
    known = {one.key: one for one in streams}
    found = patch_for(workload(body), known.get, stored=workload(stored), held=held)
    return jsonpatch.apply_patch(body, list(found.operations))


def test_what_is_held_back_keeps_the_images_that_are_stored() -> None:
    """A manifest applied anew with a blank gets the image that runs; a new container its tag's."""
    stored = applied(deployment(trigger()), stream(v1=A))
    anew = deployment(trigger(), trigger("side"), containers={"web": " ", "side": " "})
    result = written(anew, stored, stream(v1=B), held=True)

    assert (f"r.io/app@{A}", f"r.io/app@{B}") == (image_of(result), image_of(result, "side"))
    assert f"web=app:v1@{A}, side=app:v1@{B}" == result["metadata"]["annotations"][RESOLVED]


def test_what_is_held_back_keeps_what_runs_without_a_note() -> None:
    """A workload that has not been resolved yet, because it waits, keeps the image that it has."""
    result = written(
        deployment(trigger(), containers={"web": " "}), deployment(trigger()), stream(v1=B), held=True
    )

    assert "old:1" == image_of(result)


def test_what_follows_nothing_now_is_not_kept() -> None:
    """While one container is held back, one whose stream is gone is as its user writes it."""
    two = deployment(trigger(), trigger("side", "gone:v1"), containers={"web": " ", "side": " "})
    stored = applied(two, stream(v1=A), stream("gone", v1=A))
    anew = copy.deepcopy(stored)
    anew["spec"]["template"]["spec"]["containers"][1]["image"] = "quay.io/fix:1"
    result = written(anew, stored, stream(v1=B), held=True)

    assert (f"r.io/app@{A}", "quay.io/fix:1") == (image_of(result), image_of(result, "side"))


def test_what_may_be_permitted_stays_as_it_is_stored() -> None:
    """Until the permission is known, whoever applies a blank over what a foreign tag gave changes nothing."""
    known = {BASE: stream(namespace="base", v1=A)}
    body = deployment(FOREIGN)
    granted = patch_for(workload(body), known.get, lambda *_: Permission(granted=True))
    stored = jsonpatch.apply_patch(body, list(granted.operations))
    blank = deployment(FOREIGN, containers={"web": " "})

    assert f"r.io/app@{A}" == image_of(written(blank, stored))
    assert " " == image_of(written(blank, deployment(FOREIGN, containers={"web": " "})))


@pytest.mark.parametrize(
    ("image", "note", "corrects"),
    [
        (f"r.io/app@{A}", f"web=app:v1@{A}", False),
        ("app:v1", f"web=app:v1@{A}", True),
        ("app:v1", None, True),
        ("r.io/app:1", "web=app:v1", False),
    ],
    ids=["the tag's", "by hand", "never resolved", "a reference"],
)
def test_an_image_that_no_tag_put_there_is_corrected(image: str, note: str | None, corrects: bool) -> None:
    """What the annotation says of the image before tells whether a tag put it there."""
    notes = {} if note is None else {RESOLVED: note}
    body = deployment(trigger(), containers={"web": image}, notes=notes)

    assert corrects is patch(body, stream(v1=B)).corrects


def test_several_tags_of_one_image_stay_apart() -> None:
    """Two containers that follow two tags of one stream each get their own, and a move of one moves one."""
    body = deployment(
        trigger("web", "app:v1"), trigger("side", "app:v2"), containers={"web": "old:1", "side": "old:1"}
    )
    first = applied(body, stream(v1=A, v2=B))
    second = patch(first, stream(v1=B, v2=B))

    assert (f"r.io/app@{A}", f"r.io/app@{B}") == (image_of(first), image_of(first, "side"))
    assert ["web"] == [move.container for move in second.moves]


def test_a_workload_follows_tags_of_three_streams() -> None:
    """Containers and init containers of three streams are one write, and each moves by itself."""
    body = deployment(
        trigger("web"),
        trigger("side", "base:v1"),
        trigger("setup", "tool:v1"),
        containers={"web": " ", "side": " "},
        init={"setup": " "},
    )
    result = applied(body, stream(v1=A), stream("base", v1=B), stream("tool", v1=A))

    assert [f"r.io/app@{A}", f"r.io/base@{B}", f"r.io/tool@{A}"] == [
        image_of(result, name) for name in ("web", "side", "setup")
    ]
    moved = patch(result, stream(v1=A), stream("base", v1=B), stream("tool", v1=B))
    assert ["setup"] == [move.container for move in moved.moves]


def test_a_container_without_a_name_is_found_by_its_index() -> None:
    """As custom resources have them: it is written, told and noted by its place."""
    body = deployment(trigger(fieldPath="spec.template.spec.containers[0].image"))
    del body["spec"]["template"]["spec"]["containers"][0]["name"]
    result = applied(body, stream(v1=A))

    assert f"r.io/app@{A}" == result["spec"]["template"]["spec"]["containers"][0]["image"]
    assert f"containers[0]=app:v1@{A}" == result["metadata"]["annotations"][RESOLVED]
    assert WorkloadPatch((), (), ()) == patch(result, stream(v1=A))
    assert "containers[0]" == patch(body, stream(v1=A)).moves[0].container


@pytest.mark.parametrize("image", [7, {"a": "b"}, [], True])
def test_an_image_that_is_no_text_is_replaced(image: Any) -> None:
    """What the schema of a custom resource lets through is replaced, guarded like any other."""
    body = deployment(trigger())
    body["spec"]["template"]["spec"]["containers"][0]["image"] = image

    assert f"r.io/app@{A}" == image_of(applied(body, stream(v1=A)))


_NAMES = st.sampled_from(["web", "side", "setup", "gone"])
_TRIGGERS = st.lists(
    st.one_of(
        st.builds(
            trigger, _NAMES, st.sampled_from(["app:v1", "app:v2", "base:v1", "none:v1"]), paused=st.booleans()
        ),
        st.builds(
            lambda source, name, index: trigger(
                source=source, fieldPath=f"spec.template.spec.{name}[{index}].image"
            ),
            st.sampled_from(["app:v1", "app:v2"]),
            st.sampled_from(["containers", "initContainers"]),
            st.integers(0, 2),
        ),
    ),
    max_size=5,
)
_IMAGES = st.sampled_from(["old:1", f"r.io/app@{A}", " ", None])


@given(
    _TRIGGERS,
    st.tuples(_IMAGES, _IMAGES, _IMAGES),
    st.sampled_from(["", A]),
    st.sampled_from([A, B, "r.io/x:1"]),
)
def test_any_patch_applies_changes_only_images_and_is_the_last(
    triggers: list[dict[str, Any]], images: tuple[str | None, str | None, str | None], first: str, second: str
) -> None:
    """Whatever follows whatever: the patch applies, touches images and our annotation alone, and ends it."""
    body = deployment(*triggers, containers={"web": images[0], "side": images[1]}, init={"setup": images[2]})
    streams = (stream(v1=first, v2=second), stream("base", v1=second))
    result = applied(body, *streams)

    assert () == patch(result, *streams).operations
    assert patch(body, *streams).problems == patch(result, *streams).problems
    before, after = copy.deepcopy(body), copy.deepcopy(result)
    for one in (before, after):
        one["metadata"]["annotations"].pop(RESOLVED, None)
        for name in ("containers", "initContainers"):
            for container in one["spec"]["template"]["spec"][name]:
                container.pop("image", None)
    assert before == after
