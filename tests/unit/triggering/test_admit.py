"""What admission changes: what the follower would write a moment later, and then local lookup."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonpatch
import pytest

from imagestreams.model.permission import Permission
from imagestreams.triggering.admit import Admitted, Admitter
from imagestreams.triggering.lookup import LOOKED_UP, Review
from imagestreams.triggering.patch import own_namespace, patch_for
from imagestreams.triggering.targets import TARGETS
from imagestreams.triggering.workload import WorkloadKey
from unit.triggering.deployments import (
    DEPLOYMENT,
    A,
    B,
    deployment,
    image_of,
    local,
    stream,
    trigger,
    workload,
)

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream

RESOLVED = "imagestreams.dev/resolved"
TRIGGERS = "image.openshift.io/triggers"
HTTPD = local(stream("httpd", **{"2.4": B}))


def admit(
    body: dict[str, Any], *streams: Stream, old: dict[str, Any] | None = None, held: bool = False
) -> Admitted:
    """Admit a Deployment of namespace shop."""
    known = {one.key: one for one in streams}
    admitter = Admitter(
        targets=TARGETS,
        stream_of=known.get,
        permission=own_namespace,
        held=lambda stored: held and stored == workload(old or {}),
    )
    return admitter.admit(Review(DEPLOYMENT, "shop", body, old))


def applied(body: dict[str, Any], admitted: Admitted) -> dict[str, Any]:
    """Give the object as it is stored then."""
    result: dict[str, Any] = jsonpatch.apply_patch(body, list(admitted.operations))
    return result


def new(*triggers: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Write a Deployment as it comes to admission: without a uid."""
    body = deployment(*triggers, **options)
    del body["metadata"]["uid"], body["metadata"]["resourceVersion"]
    return body


@pytest.mark.parametrize("image", [" ", "old:1", "app:v1"])
def test_a_new_workload_gets_what_its_follower_would_write(image: str) -> None:
    """At create the image and the annotation are there at once, and the follower has nothing to write."""
    body = new(trigger(), containers={"web": image, "side": "x.io/side:1"})
    expected = copy.deepcopy(body)
    expected["spec"]["template"]["spec"]["containers"][0]["image"] = f"r.io/app@{A}"
    expected["metadata"]["annotations"][RESOLVED] = f"web=app:v1@{A}"
    streams = local(stream(v1=A))

    stored = applied(body, admit(body, streams))
    assert expected == stored
    assert () == patch_for(workload(stored), lambda _: streams).operations


def test_a_manifest_that_is_applied_again_changes_nothing() -> None:
    """The image of a manifest is replaced in the same request, so what is stored stays as it was."""
    stored = applied(new(trigger()), admit(new(trigger()), stream(v1=A)))
    again = copy.deepcopy(stored)
    again["spec"]["template"]["spec"]["containers"][0]["image"] = " "

    assert stored == applied(again, admit(again, stream(v1=A), old=stored))
    assert Admitted() == admit(stored, stream(v1=A), old=stored)


@pytest.mark.parametrize(
    ("entry", "streams"),
    [
        (trigger(paused=True), [stream(v1=A)]),
        (trigger(), []),
        (trigger(), [stream(v1="")]),
    ],
    ids=["paused", "no stream", "no image"],
)
def test_what_the_follower_leaves_is_left(entry: dict[str, Any], streams: list[Stream]) -> None:
    """A paused trigger, and one whose tag has no image yet, change nothing."""
    assert Admitted() == admit(new(entry), *streams)


def test_what_is_wrong_in_the_annotation_is_told_at_once() -> None:
    """The client is warned of wrong entries when the annotation is new or changed; the right ones count."""
    body = new({"from": {}}, trigger())
    admitted = admit(body, stream(v1=A))

    assert (
        f'annotation {TRIGGERS}: entry 1: from.kind is "", but must be ImageStreamTag',
    ) == admitted.warnings
    assert f"r.io/app@{A}" == image_of(applied(body, admitted))
    assert () == admit(body, stream(v1=A), old=body).warnings
    assert admitted.warnings == admit(body, stream(v1=A), old=new(trigger())).warnings


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("mine:1", ('container "web" follows app:v1: image "mine:1" is not used',)),
        (" ", ()),
        ("app:v1", ()),
        ("", ()),
    ],
)
def test_an_image_that_is_not_used_is_told(image: str, told: tuple[str, ...]) -> None:
    """Who sets another image of a container that follows a tag is told that it is not used."""
    stored = applied(new(trigger()), admit(new(trigger()), stream(v1=A)))
    changed = copy.deepcopy(stored)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image

    for held in (False, True):
        assert told == admit(changed, stream(v1=A), old=stored, held=held).warnings
    assert () == admit(changed, stream(v1=A)).warnings
    assert () == admit(stored, stream(v1=B), old=stored).warnings


@pytest.mark.parametrize(
    ("granted", "image", "warned"), [(True, f"r.io/app@{A}", 0), (None, "old:1", 0), (False, "old:1", 1)]
)
def test_streams_of_other_namespaces_need_permission(granted: bool | None, image: str, warned: int) -> None:
    """What may not be taken is not given at admission either; no answer yet is no permission."""
    body = new(trigger() | {"from": {"kind": "ImageStreamTag", "name": "app:v1", "namespace": "base"}})
    admitter = Admitter(
        targets=TARGETS,
        stream_of=lambda key: stream(namespace="base", v1=A) if key.namespace == "base" else None,
        permission=lambda *_: Permission(granted, "kubectl this"),
        held=lambda _: False,
    )
    admitted = admitter.admit(Review(DEPLOYMENT, "shop", body))

    assert image == image_of(applied(body, admitted))
    assert warned == len(admitted.warnings)


def test_what_a_controller_owns_follows_all_the_same() -> None:
    """An owner keeps lookup away, not the triggers: the follower writes to such objects too."""
    body = new(trigger(), containers={"web": " ", "side": "httpd:2.4"})
    body["metadata"]["ownerReferences"] = [{"kind": "App", "name": "x", "controller": True}]

    stored = applied(body, admit(body, stream(v1=A), HTTPD))
    assert (f"r.io/app@{A}", "httpd:2.4") == (image_of(stored), image_of(stored, "side"))


def test_lookup_is_for_what_no_tag_decides() -> None:
    """A container with a trigger is the trigger's; the others, and one whose tag is empty, are looked up."""
    body = new(
        trigger(),
        trigger("two", "app:none"),
        trigger("three", paused=True),
        containers={"web": "httpd:2.4", "two": "httpd:2.4", "three": "httpd:2.4", "four": "httpd:2.4"},
    )

    stored = applied(body, admit(body, stream(v1=A), HTTPD))
    assert [f"r.io/app@{A}", *[f"r.io/httpd@{B}"] * 3] == [
        image_of(stored, name) for name in ("web", "two", "three", "four")
    ]


def test_a_tag_that_stands_for_a_name_is_not_looked_up_again() -> None:
    """An image that a trigger gave stays even where it is itself the name of a stream: nobody fights."""
    body = new(trigger())
    streams = stream(v1="httpd:2.4"), HTTPD

    stored = applied(body, admit(body, *streams))
    assert "httpd:2.4" == image_of(stored)
    assert Admitted() == admit(stored, *streams, old=stored)


def test_warnings_are_few() -> None:
    """Kubernetes shows 4096 characters of warnings in all."""
    admitted = admit(new(*({"from": {"kind": "x" * 500}} for _ in range(60))))

    assert 10 == len(admitted.warnings)
    assert max(map(len, admitted.warnings)) < 256


def test_what_is_being_deleted_is_left() -> None:
    """An object on its way out only loses its finalizers."""
    body = new(trigger())
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert Admitted() == admit(body, stream(v1=A), old=body)


def test_a_delayed_rollout_is_not_started_at_admission() -> None:
    """While the follower holds the next image back, a manifest applied again keeps the present one."""
    stored = applied(new(trigger()), admit(new(trigger()), stream(v1=A)))
    again = copy.deepcopy(stored)
    again["spec"]["template"]["spec"]["containers"][0]["image"] = " "
    again["spec"]["replicas"] = 5
    del again["metadata"]["annotations"][RESOLVED]

    kept = applied(again, admit(again, stream(v1=B), old=stored, held=True))
    assert stored | {"spec": stored["spec"] | {"replicas": 5}} == kept
    assert f"r.io/app@{B}" == image_of(applied(again, admit(again, stream(v1=B), old=stored)))
    assert Admitted() == admit(stored, stream(v1=B), old=stored, held=True)


def test_the_write_of_the_follower_itself_is_let_through() -> None:
    """The follower's own patch gives the tag's image, held back or not: it is stored as it is."""
    stored = applied(new(trigger()), admit(new(trigger()), stream(v1=A)))
    written = copy.deepcopy(stored)
    written["spec"]["template"]["spec"]["containers"][0]["image"] = f"r.io/app@{B}"
    written["metadata"]["annotations"][RESOLVED] = f"web=app:v1@{B}"

    for held in (True, False):
        assert written == applied(written, admit(written, stream(v1=B), old=stored, held=held))


def test_a_new_workload_is_never_held_back() -> None:
    """At create there is no running rollout, and no image to keep."""
    body = new(trigger())

    assert f"r.io/app@{A}" == image_of(applied(body, admit(body, stream(v1=A), held=True)))


def test_only_kinds_that_follow_have_triggers() -> None:
    """The annotation means nothing on a Pod, as in the original."""
    pod = next(target for target in LOOKED_UP if target.kind == "Pod")
    body = {
        "metadata": {"name": "x", "annotations": {TRIGGERS: json.dumps([trigger()])}},
        "spec": {"containers": [{"name": "web", "image": "x.io/a:1"}]},
    }
    admitter = Admitter(
        targets=TARGETS,
        stream_of=lambda _: stream(v1=A),
        permission=own_namespace,
        held=lambda _: False,
    )

    assert Admitted() == admitter.admit(Review(pod, "shop", body))
    assert {"pods", "deployments"} <= {
        found.plural
        for group, name in (("", "pods"), ("apps", "deployments"))
        if (found := admitter.kind(group, name)) is not None
    }
    assert admitter.kind("apps", "controllerrevisions") is None
    assert WorkloadKey("deployments", "shop", "web") == workload(new(trigger())).key
