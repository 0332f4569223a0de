"""Local lookup: which images become what their names stand for, in which objects, and when."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.stream import StreamKey
from imagestreams.triggering.lookup import LOOKED_UP, Review, look_up
from unit.triggering.deployments import A, B, local, stream

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream
    from imagestreams.triggering.targets import Target

DEPLOYMENT, JOB, POD = (
    next(target for target in LOOKED_UP if target.kind == kind) for kind in ("Deployment", "Job", "Pod")
)
FLAG = {"alpha.image.policy.openshift.io/resolve-names": "*"}
LOCAL = local(stream("httpd", **{"2.4": A, "latest": B, "empty": ""}))
NOT_LOCAL = stream("redis", **{"7": A})
ELSEWHERE = "which nodes take from elsewhere"
LOOKED = f"r.io/httpd@{A}"


def body(
    target: Target = DEPLOYMENT,
    image: Any = "httpd:2.4",
    *,
    notes: dict[str, str] | None = None,
    template_notes: dict[str, str] | None = None,
    owner: dict[str, Any] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Write an object of a kind whose container web has an image; further containers by name."""
    containers = [{"name": "web", "image": image}, *({"name": k, "image": v} for k, v in others.items())]
    found: dict[str, Any] = {"containers": containers}
    for name in reversed(target.pod_spec):
        found = {name: found}
    place = found
    for name in target.pod_spec[:-1]:
        place = place[name]
    place["metadata"] = {"annotations": template_notes or {}}
    meta = {"annotations": {**(notes or {}), **(template_notes or {})} if place is found else notes or {}}
    return {**found, "metadata": {**meta, "name": "x", **({"ownerReferences": [owner]} if owner else {})}}


def images(
    made: dict[str, Any],
    old: dict[str, Any] | None = None,
    target: Target = DEPLOYMENT,
    streams: tuple[Stream, ...] = (LOCAL, NOT_LOCAL),
) -> dict[str, str]:
    """Say which containers get which image."""
    known = {one.key: one for one in streams}
    found = look_up(Review(target, "shop", made, old), known.get)
    return {one.container.name: one.image for one in found if one.image}


def warnings(made: dict[str, Any], *streams: Stream) -> list[str]:
    """Say what the client is told."""
    known = {one.key: one for one in streams}
    return [one.warning for one in look_up(Review(DEPLOYMENT, "shop", made), known.get) if one.warning]


@pytest.mark.parametrize("target", LOOKED_UP, ids=lambda target: target.kind)
def test_every_kind_of_the_original_is_looked_up(target: Target) -> None:
    """The image of each kind's pod spec becomes the pull spec of the tag it names."""
    assert {"web": LOOKED} == images(body(target), target=target)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("httpd:2.4", LOOKED),
        ("httpd", f"r.io/httpd@{B}"),
        ("httpd:latest", f"r.io/httpd@{B}"),
        (f"httpd@{A}", None),
        (f"httpd:2.4@{A}", None),
        ("library/httpd:2.4", None),
        ("docker.io/library/httpd:2.4", None),
        ("localhost/httpd:2.4", None),
        ("httpd:empty", None),
        ("httpd:other", None),
        ("redis:7", None),
        ("unknown:1", None),
        (" ", None),
        ("", None),
        (None, None),
        (7, None),
        ("HTTPD:2.4", None),
        ("httpd:", None),
    ],
)
def test_without_the_annotation_short_names_of_local_streams_count(image: Any, expected: str | None) -> None:
    """A name of one segment is looked up if its stream says so; a digest and all longer names are not."""
    assert ({"web": expected} if expected else {}) == images(body(image=image))


@pytest.mark.parametrize("on_template", [False, True])
@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("redis:7", f"r.io/redis@{A}"),
        ("docker.io/library/redis:7", f"r.io/redis@{A}"),
        ("quay.io/org/redis:7", f"r.io/redis@{A}"),
        ("quay.io:443/httpd", f"r.io/httpd@{B}"),
        (f"redis@{A}", None),
        ("quay.io/org/unknown:7", None),
    ],
)
def test_with_the_annotation_every_name_counts(on_template: bool, image: str, expected: str | None) -> None:
    """resolve-names on the object or its template takes the last segment of any name for a stream's."""
    assert ({"web": expected} if expected else {}) == images(
        body(image=image, template_notes=FLAG) if on_template else body(image=image, notes=FLAG)
    )


@pytest.mark.parametrize("value", ["", "true", "httpd", "**"])
def test_the_annotation_means_something_as_an_asterisk_only(value: str) -> None:
    """Any other value than * is none, as in the original."""
    notes = dict.fromkeys(FLAG, value)

    assert {} == images(body(image="redis:7", notes=notes, template_notes=notes))


def test_the_annotation_of_a_pod_is_its_own() -> None:
    """A Pod has no template: the annotation is on itself."""
    assert {"web": f"r.io/redis@{A}"} == images(body(POD, "redis:7", notes=FLAG), target=POD)


def test_init_containers_are_looked_up_and_ephemeral_ones_are_not() -> None:
    """As in the original, the two lists that a template can have are looked up."""
    made = body(image="other:1")
    one = {"name": "one", "image": "httpd:2.4"}
    made["spec"]["template"]["spec"] |= {"initContainers": [one], "ephemeralContainers": [one]}
    known = {LOCAL.key: LOCAL}
    (found,) = look_up(Review(DEPLOYMENT, "shop", made), known.get)

    assert ("initContainers", 0) == (found.container.list_name, found.container.index)


@pytest.mark.parametrize(("controller", "expected"), [(True, {}), (False, {"web": LOOKED})])
def test_what_a_controller_owns_is_left_alone(controller: bool, expected: dict[str, str]) -> None:
    """A ReplicaSet of a Deployment is not looked up again; any other owner does not matter."""
    owner = {"kind": "Deployment", "name": "x", "controller": controller}

    assert expected == images(body(owner=owner))


UPDATES = {
    "nothing changes": (body(), body(), {}),
    "another replica count": (body(), {**body(), "metadata": {"labels": {"a": "b"}}}, {}),
    "its image changes": (body(image=LOOKED), body(), {"web": LOOKED}),
    "it is applied again as it was written": (body(image=f"r.io/httpd@{B}"), body(), {"web": LOOKED}),
    "another container's image changes": (
        body(side="a:1"),
        body(side="httpd"),
        {"side": f"r.io/httpd@{B}"},
    ),
    "a container is added": (body(), body(side="httpd"), {"side": f"r.io/httpd@{B}"}),
    "it gets another name": (body(side="b:1"), body(image="b:1", side="httpd:2.4"), {"side": LOOKED}),
    "the annotation comes": (
        body(image="redis:7"),
        body(image="redis:7", notes=FLAG),
        {"web": f"r.io/redis@{A}"},
    ),
    "the annotation goes": (body(notes=FLAG), body(), {"web": LOOKED}),
    "the annotation moves": (body(notes=FLAG), body(template_notes=FLAG), {}),
}


@pytest.mark.parametrize(("before", "after", "expected"), UPDATES.values(), ids=UPDATES)
def test_an_update_looks_up_what_it_changes(
    before: dict[str, Any], after: dict[str, Any], expected: dict[str, str]
) -> None:
    """Only containers whose image changed are looked up, all of them when resolve-names comes or goes."""
    assert expected == images(after, before)


def test_a_job_is_never_changed_once_it_is_there() -> None:
    """A Job's images are immutable: to change them would refuse every update of it."""
    assert {} == images(body(JOB), body(JOB, "other:1"), target=JOB)


def test_streams_of_other_namespaces_are_never_meant() -> None:
    """A name is looked up in the object's own namespace alone."""
    other = dataclasses.replace(LOCAL, key=StreamKey("base", "httpd"))

    assert {} == images(body(), streams=(other,))


def test_a_tag_without_an_image_is_told() -> None:
    """A local stream's tag that has no image yet, or is not there, leaves the image and warns of it."""
    assert [
        'image stream httpd has no image for tag "empty" yet: container "web" keeps image "httpd:empty", '
        + ELSEWHERE
    ] == warnings(body(image="httpd:empty"), LOCAL)
    assert [
        'image stream httpd has no tag "3" yet: container "web" keeps image "httpd:3", ' + ELSEWHERE
    ] == warnings(body(image="httpd:3"), LOCAL)


def test_a_stream_that_is_missing_is_told_where_it_was_asked_for() -> None:
    """With resolve-names a short name without a stream warns; a full name is mostly meant as it is."""
    assert [
        'there is no image stream mysql in namespace shop: container "web" keeps image "mysql:8", '
        + ELSEWHERE
    ] == warnings(body(image="mysql:8", notes=FLAG))
    assert [] == warnings(body(image="quay.io/org/mysql:8", notes=FLAG))
    assert [] == warnings(body(image="mysql:8"))


def test_what_is_right_or_not_asked_for_warns_of_nothing() -> None:
    """Neither a found image nor a stream that is not local is worth a word."""
    assert [] == warnings(body(), LOCAL)
    assert [] == warnings(body(image="redis:8"), NOT_LOCAL)


def test_a_warning_stays_short_enough_to_be_shown() -> None:
    """Kubernetes wants less than 256 characters, however long the names are."""
    image = "a" * 63 + ":" + "b" * 128
    (told,) = warnings(body(image=image, notes=FLAG), stream("a" * 63))

    assert len(told) < 256


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("httpd:2.4"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "template", "containers", "name", "image", "annotations"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(made=st.dictionaries(st.sampled_from(["metadata", "spec"]), NONSENSE), image=NONSENSE)
def test_nothing_an_object_holds_makes_it_fail(made: dict[str, Any], image: Any) -> None:
    """Whatever an object looks like, lookup has an answer, and images of strings alone in it."""
    known = {StreamKey("shop", "httpd"): LOCAL}
    for target in LOOKED_UP:
        for old in (None, {}, made, body(target, image)):
            for new in (made, body(target, image)):
                for found in look_up(Review(target, "shop", new, old), known.get):
                    assert isinstance(found.container.image, str)
