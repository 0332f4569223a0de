"""Following a repository whose list tells the digests of its tags, in virtual time: who is asked when."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import UnreachableError
from unit.importing.streams import body, digest, tag
from unit.importing.world import KEY, World, until

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
APP = "r.io/app"
INTERVAL = "imagestreams.dev/interval"
REQUESTED = "imagestreams.dev/requested-at"
TAGS = [f"1.{number}" for number in range(20)]


def telling(world: World | None = None) -> World:
    """Make a world whose repository lists 20 tags with their digests."""
    made = world or World()
    made.registries.lists[APP] = list(TAGS)
    made.registries.digests |= {f"{APP}:{name}": A for name in TAGS}
    made.registries.tell_digests = True
    return made


def asked(world: World, since: float) -> Mapping[str, int]:
    """Count by reference what was asked for since a time."""
    return collections.Counter(name for time, name in world.registries.asked if time > since)


@pytest.mark.parametrize(
    ("interval", "seconds", "lists"),
    [("5s", 600, 120), ("10s", 900, 100), ("1m", 3600, 66), ("15m", 3600, 4)],
)
async def test_an_unchanged_repository_costs_its_list_alone(interval: str, seconds: int, lists: int) -> None:
    """Many rounds of twenty tags are a list an interval, and no request for a tag."""
    world = telling()
    async with world.running():
        world.apply(body(repository=APP, notes={INTERVAL: interval}))
        await until(4)
        await until(4 + seconds)

        assert {APP} == set(asked(world, 4))
        assert 0.9 * lists <= asked(world, 4)[APP] <= lists + 1
        assert dict.fromkeys(TAGS, A) == world.images()
        assert 1 == len(world.cluster.writes)


async def test_a_tag_that_moved_is_asked_for_alone_and_within_the_interval() -> None:
    """The list shows that it moved; its image is got in the usual way."""
    world = telling()
    async with world.running():
        world.apply(body(repository=APP))
        await until(1000)
        world.registries.digests[f"{APP}:1.7"] = B
        await until(1901)

        assert B == world.images()["1.7"]
        assert {APP: 1, f"{APP}:1.7": 1} == asked(world, 1000)
        await until(5000)
        assert 1 == asked(world, 1000)[f"{APP}:1.7"]


@pytest.mark.parametrize("index", ["1.7", "none"])
async def test_a_digest_that_the_status_does_not_hold_is_only_asked_for(index: str) -> None:
    """A list that tells of other digests than the registry answers costs requests, and changes no tag."""
    world = telling()
    async with world.running():
        world.apply(body(repository=APP))
        await until(10)
        world.registries.told_digests = {index: B}
        await until(3610)

        assert dict.fromkeys(TAGS, A) == world.images()
        assert {"1.7": 4, "none": 0}[index] == asked(world, 10)[f"{APP}:1.7"]
        assert 1 == len(world.cluster.writes)


async def test_a_list_that_tells_no_digests_any_more_has_the_tags_asked_for() -> None:
    """Within an interval of when they were last shown, each is asked for again."""
    world = telling()
    async with world.running():
        world.apply(body(repository=APP))
        await until(1000)
        world.registries.tell_digests = False
        world.registries.digests |= {f"{APP}:{name}": B for name in TAGS}
        await until(1810)

        assert dict.fromkeys(TAGS, B) == world.images()


async def test_a_list_that_fails_has_the_tags_asked_for() -> None:
    """Its failure is told, and the tags are followed one by one until it is there again."""
    world = telling()
    async with world.running():
        world.apply(body(repository=APP))
        await until(1000)
        world.registries.errors[APP] = UnreachableError("it did not answer")
        world.registries.digests |= {f"{APP}:{name}": B for name in TAGS}
        await until(1810)
        assert dict.fromkeys(TAGS, B) == world.images()
        del world.registries.errors[APP]
        await until(3000)
        quiet = 3000
        await until(7000)

        assert {APP} == set(asked(world, quiet))


async def test_what_a_list_showed_counts_as_an_answer_when_the_host_is_in_trouble() -> None:
    """The tags tell of it when nothing was heard of them for three intervals, not at the first failure."""
    world = telling()
    async with world.running():
        world.apply(body(repository=APP))
        await until(9000)
        for name in (APP, *(f"{APP}:{name}" for name in TAGS)):
            world.registries.errors[name] = UnreachableError("it did not answer")
        await until(9000 + 2 * 900)
        assert [None] == [*{world.tag(name).failure for name in TAGS}]
        await until(9000 + 5 * 900)
        assert None not in [world.tag(name).failure for name in TAGS]


async def test_a_tag_of_spec_is_asked_for_as_ever() -> None:
    """What the list says of a tag that spec names is not asked of the list."""
    world = telling()
    async with world.running():
        world.apply(body(tag("1.7", f"{APP}:1.7", scheduled=True), repository=APP))
        await until(10)
        await until(3650)

        assert {APP: 4, f"{APP}:1.7": 4} == asked(world, 10)


async def test_a_request_by_hand_asks_for_every_tag() -> None:
    """Whoever wants to know now gets the registry's own answer."""
    world = telling()
    async with world.running():
        world.apply(body(repository=APP))
        await until(1000)
        world.apply(body(repository=APP, notes={REQUESTED: "now"}))
        await until(1010)

        assert {APP: 1, **{f"{APP}:{name}": 1 for name in TAGS}} == asked(world, 999)


async def test_a_restart_is_a_list_and_at_most_one_request_a_tag() -> None:
    """A new process takes what the list shows for what it shows, and writes nothing."""
    before = telling()
    async with before.running():
        before.apply(body(repository=APP))
        await until(10)
    world = telling(World(cluster=before.cluster))
    async with world.running():
        world.seen(world.cluster.stream(KEY))
        await until(100)
        assert max(asked(world, 10).values()) == 1
        await until(3600)

        assert {APP} == set(asked(world, 100))
        assert 1 == len(world.cluster.writes)
