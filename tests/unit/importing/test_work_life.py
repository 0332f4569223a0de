"""The importer's beginning and end: restarts, kills, closing, and what its metrics tell."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from imagestreams.importing.gate import Gate
from imagestreams.importing.sharing import Matter
from imagestreams.model.reference import parse_reference
from imagestreams.registry.access import Access
from imagestreams.registry.names import place_of
from unit.importing.streams import body, digest, tag
from unit.importing.world import DAWN, World, now, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
REQUESTED = "imagestreams.dev/requested-at"


async def test_a_restart_asks_and_writes_nothing_that_is_known() -> None:
    """A new process with the same cluster finds the status as it left it."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag()))
        await until(1)
    again = World(cluster=world.cluster)
    again.cluster.attempts = 0
    async with again.running():
        again.seen(again.cluster.stream())
        await until(3600)

        assert [] == again.registries.asked
        assert 0 == again.cluster.attempts
        assert [] == again.told


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.5, 0.55, 0.6, 1.0])
async def test_an_importer_killed_at_any_moment_leaves_nothing_to_mend(moment: float) -> None:
    """Whenever the process ends, the next one brings the status to the truth, with one item a move."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.delays[V1] = 0.5
    world.cluster.latency = 0.1
    work = asyncio.create_task(world.importer.run())
    world.apply(body(tag()))
    await until(moment)
    work.cancel()
    for task in world.importer._background._tasks:
        task.cancel()
    again = World(cluster=world.cluster)
    again.registries.digests[V1] = B
    async with again.running():
        again.seen(again.cluster.stream())
        await until(5)
        again.apply(body(tag(), notes={REQUESTED: "now"}))
        await until(10)

        images = [item.image for item in again.tag().items]
        assert images in ([B], [B, A])


async def test_closing_lets_a_write_finish_and_gives_up_the_rest() -> None:
    """Close waits for a write under way, not for a registry."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.delays["slow.io/app:v1"] = 3600.0
    world.cluster.latency = 1.5
    work = asyncio.create_task(world.importer.run())
    world.apply(body(tag()))
    world.apply(body(tag(image="slow.io/app:v1"), name="slow"))
    await until(0.5)
    await world.importer.close(within=2.0)
    work.cancel()

    assert {"v1": A} == world.images()
    assert 1.4 < now() < 1.7


async def test_who_waits_for_a_turn_is_not_let_in_by_closing() -> None:
    """Of many questions to a host that hangs those under way are given up, and no other begins."""
    world = World(gate=Gate(total=4, share=2))
    world.registries.delays = {f"slow.io/app:v{number}": 3600.0 for number in range(20)}
    work = asyncio.create_task(world.importer.run())
    world.apply(body(*(tag(f"v{number}", f"slow.io/app:v{number}") for number in range(20))))
    await until(0.5)
    assert 2 == len(world.registries.asked)
    await world.importer.close(within=0.0)
    work.cancel()
    await until(1)

    assert 2 == len(world.registries.asked)
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_who_asks_at_the_end_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Who asks when the importer is closed is given up: no registry hears of it, and the log says nothing."""
    world = World()
    await world.importer.close(within=0.0)
    reference = parse_reference("r.io/app:v1")
    matter = Matter(reference, place_of(reference))
    with pytest.raises(asyncio.CancelledError):
        await world.importer.images._asker.put("shop", matter, Access(), world.registries.resolve)

    assert [] == world.registries.questions
    assert "" == caplog.text


async def test_closing_ends_in_time_though_the_api_server_hangs() -> None:
    """A write that does not come back is given up when the time is over."""
    world = World()
    world.registries.digests[V1] = A
    world.cluster.latency = 3600.0
    work = asyncio.create_task(world.importer.run())
    world.apply(body(tag()))
    await until(1)
    await world.importer.close(within=2.0)
    work.cancel()

    assert 2.9 < now() < 3.1
    assert [] == world.cluster.writes


async def test_closing_with_nothing_under_way_is_at_once() -> None:
    """An idle importer closes without waiting."""
    world = World()
    async with world.running():
        await world.importer.close(within=2.0)

        assert 0.0 == now()


async def test_the_metric_tells_when_the_next_tag_is_due() -> None:
    """The gauge is 0 while nothing is due, else a time ahead."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        await until(1)
        assert 0 == world.metrics.next_try._value.get()
        world.apply(body(tag(scheduled=True)))
        await until(2)

        assert 900 == pytest.approx(world.metrics.next_try._value.get() - DAWN.timestamp(), abs=2)
        assert 0 == world.metrics.registry.get_sample_value("imagestreams_questions_under_way")


@pytest.mark.parametrize("without", [[], [{"name": "v1"}]], ids=["without the tag", "without its source"])
async def test_a_tag_that_comes_back_is_imported_at_once(without: list[dict[str, Any]]) -> None:
    """Taken out of spec and put back, a tag gets the image that its registry has now."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag()))
        await until(10)
        world.apply(body(*without))
        await until(20)
        world.registries.digests[V1] = B
        world.apply(body(tag()))
        await until(22)

        assert {"v1": B} == world.images()
