"""Tags that get their image from other tags and from histories: every way, and every way to fail."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.importing.derive import followed_streams, in_order
from imagestreams.importing.record import Imported
from imagestreams.model.permission import Permission
from imagestreams.model.stream import Stream, StreamKey, intent_of
from unit.importing.streams import EARLIER, NOW, body, digest, record, stream, tag

if TYPE_CHECKING:
    from imagestreams.model.status import StreamStatus, TagStatus

A, B, C = digest("a"), digest("b"), digest("c")


def alias(name: str, source: str, *, kind: str = "ImageStreamTag", namespace: str = "", **more: Any) -> Any:
    """Make a spec tag that gets its image from elsewhere."""
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, "from": {"kind": kind, "name": source, **place}, **more}


def imported(given: Stream, *images: tuple[str, str], now: str = EARLIER, **world: Any) -> Stream:
    """Give a stream whose registry tags were imported in this order: (tag, digest)."""
    for name, image in images:
        spec = given.tag(name)
        assert spec is not None
        outcome = Imported(intent_of(given, spec), f"r.io/app@{image}", image)
        given = dataclasses.replace(given, status=record(given, {name: outcome}, now=now, **world))
    return given


def other(*images: tuple[str, str], name: str = "base", namespace: str = "shop") -> Stream:
    """Give another stream, whose tag v1 was imported so often."""
    raw = body(tag("v1"), name=name, uid=f"u-{name}")
    raw["metadata"]["namespace"] = namespace
    return imported(Stream.parse(raw), *images)


def status_of(status: StreamStatus, name: str) -> TagStatus:
    """Find the status of a tag."""
    found = status.tag(name)
    assert found is not None
    return found


def failure_of(status: StreamStatus, name: str) -> tuple[str, str]:
    """Give reason and message of a tag's failure."""
    failure = status_of(status, name).failure
    assert failure is not None
    return failure.reason, failure.message


def test_an_alias_gets_the_image_of_its_tag_at_once() -> None:
    """An alias latest of 13 has its image in the very status that 13 gets it in: two tags, one image."""
    given = imported(stream(tag("13"), alias("latest", "13")), ("13", A))
    assert [A, A] == [item.items[0].image for item in given.status.tags]
    assert "13,latest" == given.status.summary.tags


@pytest.mark.parametrize("source", ["v1", "app:v1"])
def test_chains_are_followed_in_one_write(source: str) -> None:
    """A chain moves as a whole when its source moves, in whatever order spec lists it."""
    given = stream(alias("c", "b"), alias("b", source), tag("v1"))
    moved = imported(given, ("v1", A), ("v1", B))
    for name in ("v1", "b", "c"):
        assert [B, A] == [item.image for item in status_of(moved.status, name).items]


def test_a_tag_of_another_stream_is_followed_live() -> None:
    """An alias across streams moves with its source; the original resolves it once and lets it go stale."""
    given = stream(alias("latest", "base:v1"))
    first = record(given, {}, now=EARLIER, others=[other(("v1", A))])
    moved = record(
        dataclasses.replace(given, status=first), {}, now=NOW, others=[other(("v1", A), ("v1", B))]
    )
    assert [B, A] == [item.image for item in status_of(moved, "latest").items]
    assert frozenset({StreamKey("shop", "base")}) == followed_streams(given)


def test_a_reference_is_copied_once() -> None:
    """With reference: true the image of the moment is taken, and kept when the source moves on."""
    given = stream(alias("latest", "base:v1", reference=True))
    first = dataclasses.replace(given, status=record(given, {}, now=NOW, others=[other(("v1", A))]))
    assert first.status == record(first, {}, now=NOW, others=[other(("v1", A), ("v1", B))])


@pytest.mark.parametrize("reference", [False, True])
def test_a_tag_that_follows_has_the_time_of_its_source(reference: bool) -> None:
    """The event of an ImageStreamTag is the source's, with its time, as in the original."""
    given = stream(alias("latest", "base:v1", reference=reference))
    status = record(given, {}, now=NOW, others=[other(("v1", A))])
    assert [EARLIER] == [item.created for item in status_of(status, "latest").items]


def test_a_long_circle_is_told_by_its_beginning() -> None:
    """A condition has no room for a thousand tags: the first of them are named, the others counted."""
    names = [f"t{number}" for number in range(11)]
    given = stream(*(alias(name, after) for name, after in zip(names, [*names[1:], "t0"], strict=True)))
    _, message = failure_of(record(given, {}, now=NOW), "t10")
    assert "itself: shop/app:t10 -> shop/app:t0 -> " in message
    assert "shop/app:t6 -> 3 more -> shop/app:t10." in message


def test_an_unchanged_source_changes_nothing() -> None:
    """Recording again without a move gives the same status, so that nothing is written."""
    base = other(("v1", A))
    given = stream(alias("a", "base:v1"), alias("b", "a"), alias("pin", f"base@{A}", kind="ImageStreamImage"))
    once = dataclasses.replace(given, status=record(given, {}, now=EARLIER, others=[base]))
    assert once.status == record(once, {}, now=NOW, others=[base])


@pytest.mark.parametrize(
    "source",
    [f"base@{A}", "base@sha256:aaaa", "base@aaaa"],
    ids=["digest", "prefix with algorithm", "prefix"],
)
def test_an_image_of_a_history_is_pinned(source: str) -> None:
    """An ImageStreamImage finds the one image of the history whose digest begins so, be it current or not."""
    given = stream(alias("pin", source, kind="ImageStreamImage"))
    status = record(given, {}, now=NOW, others=[other(("v1", A), ("v1", B))])
    (item,) = status_of(status, "pin").items
    assert (A, NOW) == (item.image, item.created)


def test_an_image_of_the_same_stream_can_be_written_bare() -> None:
    """A digest without a stream's name is looked for in the stream itself."""
    given = stream(tag("v1"), alias("pin", "aaaa", kind="ImageStreamImage"))
    moved = imported(given, ("v1", A), ("v1", B))
    assert [A] == [item.image for item in status_of(moved.status, "pin").items]


COPIES = [
    alias("copy", "base@aaaa", kind="ImageStreamImage"),
    alias("copy", "base:v1", reference=True),
]


@pytest.mark.parametrize("copy", COPIES, ids=["pinned", "reference"])
@pytest.mark.parametrize("others", [[], [other(("v1", B))]], ids=["stream deleted", "history trimmed"])
def test_a_copied_image_stays_when_its_source_is_gone(copy: dict[str, Any], others: list[Stream]) -> None:
    """What was copied once needs its source no more: as in the original, nothing is said of it."""
    given = stream(copy)
    first = dataclasses.replace(given, status=record(given, {}, now=EARLIER, others=[other(("v1", A))]))
    assert first.status == record(first, {}, now=NOW, others=others)


@pytest.mark.parametrize("copy", COPIES, ids=["pinned", "reference"])
def test_a_copied_image_outlives_a_right_that_came_and_went(copy: dict[str, Any]) -> None:
    """Granted again, the right finds the copy there, though its source is gone meanwhile."""
    away = {**copy, "from": {**copy["from"], "namespace": "openshift"}}
    given = stream(away)
    source = [other(("v1", A), namespace="openshift")]
    first = dataclasses.replace(given, status=record(given, {}, now=EARLIER, others=source))
    no = Permission(granted=False)
    revoked = dataclasses.replace(given, status=record(first, {}, now=NOW, others=source, permission=no))
    assert "Forbidden" == failure_of(revoked.status, "copy")[0]
    assert first.status.tags == record(revoked, {}, now=NOW).tags


def test_a_new_pin_of_an_image_that_is_gone_fails() -> None:
    """A pin that asks for another image than it has is told, and told the same again."""
    before = stream(alias("pin", "base@aaaa", kind="ImageStreamImage"))
    first = record(before, {}, now=EARLIER, others=[other(("v1", A))])
    moved = stream(alias("pin", "base@cccc", kind="ImageStreamImage"), generation=2)
    failed = record(dataclasses.replace(moved, status=first), {}, now=NOW, others=[other(("v1", A))])
    assert "NotFound" == failure_of(failed, "pin")[0]
    again = dataclasses.replace(moved, status=failed)
    assert failed == record(again, {}, now=NOW, others=[other(("v1", A))])


@pytest.mark.parametrize(
    ("tags", "chain"),
    [
        ([alias("a", "a")], "shop/app:a -> shop/app:a"),
        ([alias("a", "b"), alias("b", "a")], "shop/app:a -> shop/app:b -> shop/app:a"),
        ([alias("a", "base:x")], "shop/app:a -> shop/base:x -> shop/app:a"),
    ],
    ids=["itself", "two tags", "two streams"],
)
def test_a_loop_is_told_with_its_chain(tags: list[Any], chain: str) -> None:
    """Tags that follow each other in a circle get a condition that names the circle, not a hot loop."""
    back = Stream.parse(body(alias("x", "app:a"), name="base", uid="u-base"))
    status = record(stream(*tags), {}, now=NOW, others=[back])
    reason, message = failure_of(status, "a")
    assert "Invalid" == reason
    assert f"it follows itself: {chain}" in message


@pytest.mark.parametrize(
    ("given", "reason", "message"),
    [
        (alias("a", "gone:v1"), "NotFound", 'there is no stream "gone" in namespace shop'),
        (alias("a", "base:v9"), "NotFound", "it follows shop/base:v9, and there is no such tag; there is v1"),
        (alias("a", "base:v1:x"), "Invalid", '"base:v1:x" is not TAG or STREAM:TAG'),
        (alias("a", "base@v1@x", kind="ImageStreamImage"), "Invalid", "is not DIGEST or STREAM@DIGEST"),
        (
            alias("a", "base@ffff", kind="ImageStreamImage"),
            "NotFound",
            "no image in the history of shop/base",
        ),
        (
            alias("a", "two@", kind="ImageStreamImage"),
            "Invalid",
            "is not DIGEST or STREAM@DIGEST",
        ),
    ],
    ids=["stream", "tag", "malformed tag", "malformed image", "image", "empty digest"],
)
def test_a_source_that_is_not_there_is_told(given: Any, reason: str, message: str) -> None:
    """What is missing or wrong is a condition that says what, where and how to mend it."""
    status = record(stream(given), {}, now=NOW, others=[other(("v1", A))])
    told, text = failure_of(status, "a")
    assert reason == told
    assert message in text
    assert "False" == status.conditions[0].status


def test_an_ambiguous_image_is_told_with_the_choice() -> None:
    """A prefix that several images share names them."""
    base = other(("v1", "sha256:ab" + "1" * 62), ("v1", "sha256:ab" + "2" * 62))
    status = record(stream(alias("a", "base@ab", kind="ImageStreamImage")), {}, now=NOW, others=[base])
    reason, message = failure_of(status, "a")
    assert "Invalid" == reason
    assert "2 images of shop/base begin with ab; write more digits: sha256:ab1" in message


def test_a_source_without_an_image_yet_is_waited_for() -> None:
    """While the source is being imported the alias is pending, not failed."""
    status = record(stream(tag("v1"), alias("latest", "v1")), {}, now=NOW)
    assert status.tag("latest") is None
    assert ("Unknown", "Importing") == (status.conditions[0].status, status.conditions[0].reason)


def test_a_source_that_nothing_imports_is_told() -> None:
    """A tag without a source of its own may stay without an image for ever: who follows it says so."""
    given = stream({"name": "pushed"}, alias("latest", "pushed"), alias("newest", "latest"))
    status = record(given, {}, now=NOW)
    reason, message = failure_of(status, "latest")
    assert "NotFound" == reason
    assert message.startswith("it follows shop/app:pushed, which has no image, and no source to import one")
    assert "it follows shop/app:latest, which has no image: it follows" in failure_of(status, "newest")[1]
    with_one = {"tag": "pushed", "items": [{"created": NOW, "dockerImageReference": "r.io/x@a", "image": A}]}
    pushed = Stream.parse(body({"name": "pushed"}, alias("latest", "pushed"), status={"tags": [with_one]}))
    assert A == status_of(record(pushed, {}, now=NOW), "latest").items[0].image


def test_a_source_that_appears_heals_the_tag() -> None:
    """The condition goes as soon as the source is there."""
    given = stream(alias("latest", "base:v1"))
    missing = dataclasses.replace(given, status=record(given, {}, now=EARLIER))
    healed = record(missing, {}, now=NOW, others=[other(("v1", A))])
    assert (A, ()) == (status_of(healed, "latest").items[0].image, status_of(healed, "latest").conditions)


def test_a_source_that_is_gone_leaves_the_last_image() -> None:
    """When the source vanishes the tag keeps its image and says what is missing."""
    given = stream(alias("latest", "base:v1"))
    once = dataclasses.replace(given, status=record(given, {}, now=EARLIER, others=[other(("v1", A))]))
    status = record(once, {}, now=NOW)
    assert "NotFound" == failure_of(status, "latest")[0]
    assert [A] == [item.image for item in status_of(status, "latest").items]


@pytest.mark.parametrize("granted", [True, False, None])
def test_another_namespace_has_to_permit_it(granted: bool | None) -> None:
    """Images of another namespace's stream need permission; until it is known nothing is said."""
    base = other(("v1", A), name="httpd", namespace="openshift")
    given = stream(alias("v1", "httpd:v1", namespace="openshift"))
    permission = Permission(granted=granted, how="kubectl create rolebinding ...")
    status = record(given, {}, now=NOW, others=[base], permission=permission)
    if granted is None:
        assert ((), "Unknown") == (status.tags, status.conditions[0].status)
    elif granted:
        assert A == status_of(status, "v1").items[0].image
    else:
        reason, message = failure_of(status, "v1")
        assert "Forbidden" == reason
        assert "namespace shop may not take images of openshift/httpd" in message
        assert "Who may grant it runs: kubectl create rolebinding ..." in message


def test_a_revoked_permission_stops_further_moves() -> None:
    """Without permission any more the tag keeps the image it has, and says why it moves no further."""
    given = stream(alias("v1", "httpd:v1", namespace="openshift"))
    first = record(given, {}, now=EARLIER, others=[other(("v1", A), name="httpd", namespace="openshift")])
    status = record(
        dataclasses.replace(given, status=first),
        {},
        now=NOW,
        others=[other(("v1", A), ("v1", B), name="httpd", namespace="openshift")],
        permission=Permission(granted=False),
    )
    assert [A] == [item.image for item in status_of(status, "v1").items]
    assert "Forbidden" == failure_of(status, "v1")[0]


def test_sources_come_before_those_who_follow() -> None:
    """The order of resolving is by who follows whom, and a loop in it is no endless one."""
    given = stream(alias("c", "b"), alias("x", "y"), alias("b", "a"), alias("a", "v1"), alias("y", "x"))
    names = [spec.name for spec in in_order(given)]
    assert names.index("a") < names.index("b") < names.index("c")
    assert {"a", "b", "c", "x", "y"} == set(names)
