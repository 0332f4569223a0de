"""The keeper of Images in virtual time: what it makes, when it tries again, what it removes."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest

from imagestreams.errors import NotFoundError
from imagestreams.importing.collecting import KeptImage
from imagestreams.model.stream import StreamKey
from unit.importing.streams import body, digest, tag
from unit.importing.world import KEY, World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
WEEK = 7 * 24 * 3600.0


async def collect(world: World) -> None:
    """Let a sweep have seen all streams."""
    await world.importer.images.collect(world.store.streams())


async def test_each_digest_gets_one_image() -> None:
    """Two tags and two streams of one digest make one object, told from where it was first imported."""
    world = World()
    world.registries.digests |= {V1: A, "r.io/app:v2": A, "r.io/other:1": B}
    async with world.running():
        world.apply(body(tag(), tag("v2")))
        world.apply(body(tag("a", V1), tag("b", "r.io/other:1"), name="second"))
        await until(2)

        assert {A: f"r.io/app@{A}", B: f"r.io/other@{B}"} == world.images_stored.pull_specs
        assert {"create"} == {what for _, what, _ in world.images_stored.writes}


async def test_an_unchanged_tag_asks_nothing_more_of_its_image() -> None:
    """A week of polling describes and writes an Image once."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(WEEK)

        assert 1 == len(world.registries.described)
        assert 1 == len(world.images_stored.writes)


async def test_an_import_does_not_wait_for_the_image() -> None:
    """Where the config cannot be had, the tag is imported all the same; the Image is tried ever rarer."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.undescribable = NotFoundError("there is no config")
    async with world.running():
        world.apply(body(tag()))
        await until(10 * 3600)

        assert {"v1": A} == world.images()
        assert world.tag().failure is None
        times = [time for time, _ in world.registries.described]
        waits = [round(after - before) for before, after in itertools.pairwise(times)]
        assert [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600] == waits[:10]
        world.registries.undescribable = None
        await until(12 * 3600)
        assert [A] == list(world.images_stored.stored)


async def test_an_api_server_that_is_away_only_delays() -> None:
    """What could not be stored is stored soon after the API server is back."""
    world = World()
    world.registries.digests[V1] = A
    world.images_stored.down = True
    async with world.running():
        world.apply(body(tag()))
        await until(60)
        assert {} == world.images_stored.stored
        world.images_stored.down = False
        await until(200)

        assert [A] == list(world.images_stored.stored)


async def test_what_nobody_wants_any_more_is_not_tried_again() -> None:
    """A tag that moved on, or whose stream is gone, ends the tries for its old image."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.undescribable = NotFoundError("there is no config")
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(10)
        world.store.drop(KEY)
        world.importer.forget(KEY)
        await until(3600)

        assert 1 == len(world.registries.described)


async def test_after_a_restart_only_what_is_missing_is_described() -> None:
    """What is listed at the start is known; an Image that somebody deleted is made again."""
    world = World()
    world.registries.digests |= {V1: A, "r.io/app:v2": B}
    async with world.running():
        world.apply(body(tag(), tag("v2")))
        await until(2)
    again = World(cluster=world.cluster)
    again.images_stored.stored = {A: world.images_stored.stored[A]}
    async with again.running():
        again.seen(world.cluster.stream())
        await until(10)

        assert [f"r.io/app@{B}"] == [name for _, name in again.registries.described]
        assert {A, B} == set(again.images_stored.stored)
        assert 1 == again.metrics.images._value.get()


async def test_an_image_goes_a_grace_time_after_its_last_stream() -> None:
    """Marked at the first sweep that finds it unnamed, deleted at the first after the grace time."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag()))
        await until(2)
        await collect(world)
        world.store.drop(KEY)
        world.importer.forget(KEY)
        for minute in range(0, 90, 10):
            await until(60.0 * minute + 10)
            await collect(world)

        assert [("create", A), ("mark", A), ("delete", A)] == [
            (what, image) for _, what, image in world.images_stored.writes
        ]
        assert 3610.0 == world.images_stored.writes[-1][0]


async def test_an_image_of_a_history_stays() -> None:
    """What a tag was, and may be again, is kept as long as its history names it."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(2)
        world.registries.digests[V1] = B
        await until(2000)
        await collect(world)
        await until(20_000)
        await collect(world)

        assert {A, B} == set(world.images_stored.stored)
        assert {"create"} == {what for _, what, _ in world.images_stored.writes}


async def test_an_import_that_finds_a_marked_image_unmarks_it() -> None:
    """A digest that comes back within the grace time keeps its Image, without the registry."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag()))
        await until(2)
        world.store.drop(KEY)
        world.importer.forget(KEY)
        await collect(world)
        world.apply(body(tag("again", V1), name="second", uid="u-2"))
        await until(10)

        assert ["create", "mark", "unmark"] == [what for _, what, _ in world.images_stored.writes]
        assert 1 == len(world.registries.described)
        await until(10_000)
        await collect(world)
        assert [A] == list(world.images_stored.stored)


async def test_an_import_between_the_list_and_the_delete_keeps_the_image() -> None:
    """What changed since it was listed is not deleted: the guard of the delete fails, and nothing else."""
    world = World()
    marked = KeptImage(A, "i-1", "1", 0.0)
    world.images_stored.stored = {A: marked}

    async def listed() -> list[KeptImage]:
        # Another process finds it wanted right after it is listed.
        found = [marked]
        await world.images_stored.unmark(marked)
        return found

    world.images_stored.listed = listed  # type: ignore[method-assign]
    async with world.running():
        await collect(world)

    assert [A] == list(world.images_stored.stored)
    assert ["unmark"] == [what for _, what, _ in world.images_stored.writes]


async def test_an_image_that_is_deleted_under_us_is_made_again() -> None:
    """A mark that cannot be taken away because the Image is gone ends in a new Image."""
    world = World()
    world.registries.digests[V1] = A
    world.images_stored.stored = {A: KeptImage(A, "i-1", "1", 5.0)}
    async with world.running():
        await until(1)
        world.images_stored.stored = {}
        world.apply(body(tag()))
        await until(10)

        assert ["create"] == [what for _, what, _ in world.images_stored.writes]


async def test_a_thousand_images_are_made_a_few_at_a_time() -> None:
    """However many are missing, four are under way at once, and all get theirs."""
    world = World()
    digests = {f"r.io/app:t{number}": f"sha256:{number:064x}" for number in range(1000)}
    world.registries.digests |= digests
    world.registries.delays |= {f"r.io/app@{image}": 1.0 for image in digests.values()}
    async with world.running():
        for number in range(10):
            names = [f"t{each}" for each in range(number * 100, number * 100 + 100)]
            world.apply(body(*(tag(name) for name in names), name=f"app-{number}", uid=f"u-{number}"))
        await until(120)
        done = len(world.images_stored.stored)
        assert 400 <= done <= 480
        await until(260)

        assert set(digests.values()) == set(world.images_stored.stored)
        assert {StreamKey("shop", f"app-{number}") for number in range(10)} == {
            stream.key for stream in world.store.streams()
        }


async def test_a_bug_in_describing_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody foresaw costs one Image some time, and nothing else."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.undescribable = ZeroDivisionError("division by zero")
    async with world.running():
        world.apply(body(tag()))
        await until(2)
        assert {"v1": A} == world.images()
        world.registries.undescribable = None
        await until(60)

        assert [A] == list(world.images_stored.stored)
        assert "ZeroDivisionError" in caplog.text


async def test_what_was_marked_is_not_marked_again() -> None:
    """An idle cluster with an unnamed Image sees one write, until it is deleted."""
    world = World()
    world.images_stored.stored = {A: KeptImage(A, "i-1", "1")}
    async with world.running():
        for _ in range(5):
            await collect(world)
            await asyncio.sleep(600)

        assert ["mark"] == [what for _, what, _ in world.images_stored.writes]
        (kept,) = world.images_stored.stored.values()
        assert dataclasses.replace(kept, unnamed_since=None) == KeptImage(A, "i-1", "1")
