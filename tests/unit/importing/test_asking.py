"""Asking for a tag: what is asked once, what is asked apart, and what is never asked."""

from __future__ import annotations

import asyncio

import pytest

from imagestreams.model.stream import StreamKey
from imagestreams.registry.credentials import Credential, Login
from imagestreams.watching.access_reading import PullSecret
from imagestreams.watching.store import Seen
from unit.importing.streams import body, digest, tag
from unit.importing.world import World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
REQUESTED = "imagestreams.dev/requested-at"


async def test_a_reference_that_cannot_be_read_asks_nobody() -> None:
    """A source that got past admission and is no reference is Invalid, with what to correct."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag(), tag("bad", "http://r.io/app")))
        await until(1)

        failure = world.tag("bad").failure
        assert failure is not None
        assert "Invalid" == failure.reason
        assert '"http:" is not a host name' in failure.message
        assert failure.message.endswith("Correct spec.tags[].from.name")
        assert {"v1": A} == world.images()
        assert [V1] == [name for _, name in world.registries.asked]


async def test_a_bug_in_reading_an_answer_is_that_tags_condition(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody foresaw fails one tag, is logged, and is retried; the others go on."""
    world = World()
    world.registries.digests["r.io/app:v2"] = A
    world.registries.errors[V1] = ZeroDivisionError("division by zero")
    async with world.running():
        world.apply(body(tag(), tag("v2")))
        await until(1)

        failure = world.tag().failure
        assert failure is not None
        assert "InternalError" == failure.reason
        assert "division" not in failure.message
        assert "ZeroDivisionError" in caplog.text
        assert {"v2": A} == world.images()
        del world.registries.errors[V1]
        world.registries.digests[V1] = A
        await until(6)
        assert {"v1": A, "v2": A} == world.images()


async def test_the_same_question_is_asked_once_at_a_time() -> None:
    """Tags of several streams that want to know the same share one question, and each gets its answer."""
    world = World()
    world.registries.digests["r.io/base:1"] = A
    world.registries.delays["r.io/base:1"] = 0.5
    keys = [StreamKey("shop", f"app-{number}") for number in range(3)]
    async with world.running():
        for key in keys:
            world.apply(body(tag("a", "r.io/base:1"), tag("b", "r.io/base:1"), name=key.name))
        await until(2)

        assert [0.0] == world.registries.times("r.io/base:1")
        assert [{"a": A, "b": A}] * 3 == [world.images(key) for key in keys]


async def test_questions_that_differ_are_asked_apart() -> None:
    """Another import mode, another policy and another namespace's credentials make other questions."""
    world = World()
    world.registries.digests[V1] = A
    credential = Credential("pull", "user", "password")
    world.store.secrets.put(("shop", "pull"), Seen(PullSecret((Login("r.io", "", credential),))))
    other = body(tag()) | {}
    other["metadata"]["namespace"] = "elsewhere"
    async with world.running():
        world.apply(body(tag(), tag("i", V1, insecure=True), tag("p", V1, importMode="PreserveOriginal")))
        world.apply(other)
        await until(1)

        asked = {
            (question.credential, question.insecure, question.platform is None)
            for question in world.registries.questions
        }
        assert 4 == len(world.registries.questions)
        assert {
            (credential, False, False),
            (credential, True, False),
            (credential, False, True),
            (None, False, False),
        } == asked


async def test_a_preferred_platform_is_asked_for_and_a_change_of_it_asks_again() -> None:
    """prefer-arch and prefer-os choose the child of an index; where the index is kept they mean nothing."""
    arch, system = "importer.image.openshift.io/prefer-arch", "importer.image.openshift.io/prefer-os"
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        for notes, policy in [
            ({}, {}),
            ({arch: "arm64"}, {}),
            ({arch: "arm64", system: "windows"}, {}),
            ({arch: "s390x"}, {"importMode": "PreserveOriginal"}),
            ({}, {"importMode": "PreserveOriginal"}),
        ]:
            world.apply(body(tag(notes=notes, **policy)))
            await asyncio.sleep(2)

        platforms = [str(question.platform) for question in world.registries.questions]
        assert ["linux/amd64", "linux/arm64", "windows/arm64", "None"] == platforms


def follower(number: int, interval: str = "1m") -> dict[str, object]:
    """Make one of many streams that follow the same tag."""
    notes = {"imagestreams.dev/interval": interval}
    return body(tag(scheduled=True, notes=notes), name=f"s{number}", uid=f"u-{number}")


async def test_those_who_follow_the_same_tag_share_a_question_a_round() -> None:
    """A hundred streams made over a minute ask once each, and from then on once an interval for all."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        for number in range(100):
            world.apply(follower(number))
            await until(number * 0.6)
        await until(120.01)
        seen = len(world.registries.asked)
        await until(720.01)

        assert 10 == len(world.registries.asked) - seen
        world.registries.digests[V1] = B
        await until(790)
        assert {B} == {world.images(StreamKey("shop", f"s{number}"))["v1"] for number in range(100)}


async def test_a_shared_answer_is_never_older_than_the_interval() -> None:
    """Who asks for a tag every minute learns of a move within it, whoever else asks at whatever pace."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(follower(1, "10m"))
        await until(30)
        world.apply(follower(2, "1m"))
        await until(95)
        world.registries.digests[V1] = B
        await until(155)

        assert {"v1": B} == world.images(StreamKey("shop", "s2"))
        await until(700)
        assert {"v1": B} == world.images(StreamKey("shop", "s1"))


async def test_who_asks_for_the_first_time_or_by_hand_gets_an_answer_of_now() -> None:
    """A tag that is new, or requested, takes no answer that others got before."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(follower(1))
        await until(10)
        world.registries.digests[V1] = B
        world.apply(follower(2))
        await until(11)

        assert {"v1": B} == world.images(StreamKey("shop", "s2"))
        assert {"v1": A} == world.images(StreamKey("shop", "s1"))


async def test_a_bug_in_reading_a_shared_answer_is_the_condition_of_all_who_share_it() -> None:
    """Who waits for an answer that nobody foresaw fails as who asked does, and is asked for again."""
    world = World()
    world.registries.errors[V1] = ZeroDivisionError("division by zero")
    world.registries.delays[V1] = 0.5
    keys = [StreamKey("shop", f"app-{number}") for number in range(2)]
    async with world.running():
        for key in keys:
            world.apply(body(tag(), name=key.name))
        await until(2)
        failures = [world.tag(key=key).failure for key in keys]
        del world.registries.errors[V1]
        world.registries.digests[V1] = A
        await until(10)

        assert ["InternalError"] * 2 == [failure.reason for failure in failures if failure is not None]
        assert [{"v1": A}] * 2 == [world.images(key) for key in keys]
