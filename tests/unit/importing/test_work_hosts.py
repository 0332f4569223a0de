"""The importer and hosts in trouble, in virtual time: told once, kept out of what is well, and left alone."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import LimitedError, NotFoundError, UnreachableError, UnwellError
from imagestreams.importing.gate import Gate
from unit.importing.streams import body, digest, tag
from unit.importing.world import KEY, World, now, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
EVERY_MINUTE = {"imagestreams.dev/interval": "1m"}


def scheduled() -> World:
    """Make a world with one tag that is asked for every minute."""
    world = World()
    world.registries.digests[V1] = A
    return world


@pytest.mark.parametrize("error", [UnreachableError("gone"), UnwellError("500"), LimitedError("429", 30.0)])
async def test_a_tag_with_an_image_keeps_silent_for_five_minutes(error: Exception) -> None:
    """Its condition tells of the host's trouble when no check succeeded for 5 minutes, and then once."""
    world = scheduled()
    async with world.running():
        world.apply(body(tag(scheduled=True, notes=EVERY_MINUTE)))
        await until(61)
        world.registries.errors[V1] = error
        await until(60 + 300 - 1)
        assert 1 == len(world.cluster.writes)
        assert world.tag().failure is None
        await until(60 + 300 + 400)

        failure = world.tag().failure
        assert failure is not None
        assert failure.reason == "InternalError"
        assert 2 == len(world.cluster.writes)
        assert {"v1": A} == world.images()


async def test_three_intervals_count_where_they_are_longer() -> None:
    """A tag that is asked for every 15 minutes tells after 45 minutes without an answer."""
    world = scheduled()
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(901)
        world.registries.errors[V1] = UnreachableError("gone")
        await until(900 + 2700 - 1)
        assert world.tag().failure is None
        await until(900 + 2700 + 301)

        assert world.tag().failure is not None


async def test_a_tag_that_never_imported_tells_at_once() -> None:
    """Whoever waits for the first image sees why there is none."""
    world = World()
    world.registries.errors[V1] = UnreachableError("gone")
    async with world.running():
        world.apply(body(tag()))
        await until(0.01)

        assert world.tag().failure is not None


async def test_an_edit_tells_at_once() -> None:
    """Who asks for another image than before sees at once why there is none; the old image stays."""
    world = scheduled()
    world.registries.errors["r.io/app:v2"] = UnreachableError("gone")
    async with world.running():
        world.apply(body(tag()))
        await until(10)
        world.apply(body(tag("v1", "r.io/app:v2"), generation=2))
        await until(12)

        assert world.tag().failure is not None
        assert {"v1": A} == world.images()


async def test_an_answer_that_is_no_trouble_of_the_host_is_told_at_once() -> None:
    """A tag that was deleted at the registry is."""
    world = scheduled()
    async with world.running():
        world.apply(body(tag(scheduled=True, notes=EVERY_MINUTE)))
        await until(50)
        world.registries.errors[V1] = NotFoundError("there is no such tag")
        await until(61)

        assert world.tag().failure is not None


async def test_a_namespace_is_told_once_of_a_host() -> None:
    """Twenty streams of a host in trouble are one Event, and one metric; its end is in the metric."""
    world = World()
    for number in range(20):
        world.registries.errors[f"r.io/app:t{number}"] = UnreachableError("the name does not resolve")
    async with world.running():
        for number in range(20):
            world.apply(body(tag(f"t{number}"), name=f"s{number}", uid=f"u-{number}"))
        await until(100)

        assert ["RegistryTrouble"] == world.reasons
        assert (
            "registry r.io: the name does not resolve. Tags that have an image keep it; all are asked for "
            "again by themselves. Told once for all tags of the namespace"
        ) == world.told[0][1].message
        assert 1 == world.metrics.troubled.labels("r.io")._value.get()
        for number in range(20):
            del world.registries.errors[f"r.io/app:t{number}"]
            world.registries.digests[f"r.io/app:t{number}"] = A
        await until(1000)

        assert {"RegistryTrouble", "TagMoved"} == set(world.reasons)
        assert 1 == world.reasons.count("RegistryTrouble")
        assert 0 == world.metrics.troubled.labels("r.io")._value.get()


async def test_a_failure_of_the_tag_itself_is_told_after_the_hosts_trouble() -> None:
    """What the host answers when it is well again is news, if it is no image."""
    world = World()
    world.registries.errors[V1] = UnreachableError("gone")
    async with world.running():
        world.apply(body(tag()))
        await until(1)
        world.registries.errors[V1] = NotFoundError("there is no such tag")
        await until(100)

        assert ["RegistryTrouble", "ImportFailed"] == world.reasons


async def test_a_flickering_host_is_told_every_ten_minutes_at_most() -> None:
    """However often it comes and goes."""
    world = scheduled()
    async with world.running():
        world.apply(body(tag(scheduled=True, notes={"imagestreams.dev/interval": "5s"})))
        while now() < 1800:
            await until(now() + 15)
            if world.registries.errors:
                world.registries.errors.clear()
            else:
                world.registries.errors[V1] = UnreachableError("gone")

        assert 3 == world.reasons.count("RegistryTrouble")
        assert 1 == len(world.cluster.writes)


async def test_a_tag_of_a_limited_host_waits_for_the_end_of_its_pause() -> None:
    """It is asked for when the pause is over, a little after it, and no sooner; that counts as no failure."""
    world = scheduled()
    async with world.running():
        world.apply(body(tag(scheduled=True, notes=EVERY_MINUTE)))
        await until(1)
        world.registries.errors[V1] = LimitedError("asked less often", 1000.0)
        await until(61)
        world.registries.errors.clear()
        await until(2000)
        first, second, third, fourth = world.registries.times(V1)[:4]

        assert (0.0, 60.0) == (first, second)
        assert 1060 <= third <= 1160
        assert fourth == pytest.approx(third + 60)
        assert "RegistryLimits" in world.reasons


async def test_a_host_that_begins_to_limit_is_one_event_a_namespace() -> None:
    """Ten streams in each of two namespaces: two Events, and one metric for the host."""
    world = World()
    for number in range(10):
        world.registries.errors[f"r.io/app:t{number}"] = LimitedError("asked less often", 60.0)
    async with world.running():
        for number in range(10):
            for space in ("one", "two"):
                made = body(tag("v1", f"r.io/app:t{number}"), name=f"s{number}", uid=f"{space}-{number}")
                made["metadata"]["namespace"] = space
                world.apply(made)
        await until(300)

        assert ["RegistryLimits"] * 2 == world.reasons
        assert 1 == world.metrics.troubled.labels("r.io")._value.get()


async def test_a_request_by_hand_during_the_pause_is_answered_at_once() -> None:
    """Who asks by hand is told that the host wants to be left alone, and the image stays."""
    world = scheduled()
    async with world.running():
        world.apply(body(tag()))
        await until(1)
        world.registries.errors[V1] = LimitedError("asked less often", 1000.0)
        world.apply(body(tag(notes={"imagestreams.dev/requested-at": "now"})))
        await until(3)

        failure = world.tag().failure
        assert failure is not None
        assert "asked less often" in failure.message
        assert {"v1": A} == world.images(KEY)


async def test_a_remembered_answer_does_not_make_a_host_well() -> None:
    """Who takes an answer from before the trouble has learnt nothing of how the host is now."""
    world = scheduled()
    slow = {"imagestreams.dev/interval": "10m"}
    async with world.running():
        world.apply(body(tag(scheduled=True, notes=slow)))
        world.apply(body(tag(scheduled=True, notes=slow), name="second", uid="u-2"))
        await until(590)
        world.apply(body(tag(scheduled=True, notes=slow), name="third", uid="u-3"))
        await until(599)
        world.registries.errors["r.io/app:new"] = UnreachableError("gone")
        world.apply(body(tag("new", "r.io/app:new"), name="new", uid="u-4"))
        await until(601)

        # What was due at 600 took the answer of 590.
        assert [0.0, 590.0] == sorted(set(world.registries.times(V1)))
        assert 1 == world.metrics.troubled.labels("r.io")._value.get()


async def test_many_hosts_that_hang_delay_nobody_else() -> None:
    """While all of the internet is away, what an internal registry has is asked for at its interval."""
    world = World(gate=Gate(total=32, share=8))
    often: dict[str, Any] = {"scheduled": True, "notes": {"imagestreams.dev/interval": "30s"}}
    names = [f"away{host}.io/app:{number}" for host in range(6) for number in range(100)]
    for name in names:
        world.registries.errors[name] = UnreachableError("no connection within 5 s")
        world.registries.delays[name] = 5.0
    well = [f"well.io/app:{number}" for number in range(100)]
    world.registries.digests |= dict.fromkeys(well, A)
    world.registries.delays |= dict.fromkeys(well, 0.1)
    async with world.running():
        for number, name in enumerate([*names, *well]):
            raw = body(tag("v", name, **often), name=f"app-{number}", uid=f"u-{number}")
            raw["metadata"]["namespace"] = f"ns{number % 20}"
            world.apply(raw)
        await until(180)

        assert {5} == {len([time for time in world.registries.times(name) if time > 30]) for name in well}
