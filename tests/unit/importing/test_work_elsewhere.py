"""The importer in virtual time, beside an image API that imports, too: it leaves alone what is done.

The image API writes the status of a spec first, and then the spec: here its writes are made by hand.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import Reason
from imagestreams.importing.collecting import KeptImage
from imagestreams.importing.record import Failed, Imported
from imagestreams.model.status import TagEvent, TagStatus
from imagestreams.model.stream import Stream, intent_of
from unit.importing.streams import body, digest, record, tag
from unit.importing.world import KEY, World, timestamp, until

if TYPE_CHECKING:
    from imagestreams.model.status import StreamStatus

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B, C = digest("a"), digest("b"), digest("c")


def imported(stream: Stream, *, failing: bool = False) -> StreamStatus:
    """Say what the status of a stream is after all its tags were imported, or failed to be."""
    outcomes: dict[str, Failed | Imported] = {}
    for each in stream.tags:
        intent = intent_of(stream, each)
        if failing:
            outcomes[each.name] = Failed(intent, Reason.NOT_FOUND, "there is no such tag")
        else:
            outcomes[each.name] = Imported(intent, f"r.io/app@{A}", A)
    return record(stream, outcomes, now=timestamp())


async def write_status(world: World, wanted: Stream, *, failing: bool = False) -> None:
    """Write the status that `wanted` will have, while the spec is still as it is."""
    stored = world.cluster.stream()
    ahead = dataclasses.replace(wanted, generation=stored.generation + 1, status=stored.status)
    world.seen(await world.cluster.write(stored, imported(ahead, failing=failing)))


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.parametrize("failing", [False, True])
async def test_what_the_image_api_imports_is_neither_asked_for_nor_written(
    pause: float, failing: bool
) -> None:
    """A tag that it changes, and one that it adds, between whose status and spec the operator looks."""
    world = World()
    world.registries.digests |= {"r.io/app:v1": B, "r.io/app:v2": A, "r.io/app:v3": A}
    world.images_stored.stored[A] = KeptImage(A, "u", "1")
    async with world.running():
        world.apply(body(tag("v1")))
        await until(5)
        asked, writes = len(world.registries.asked), len(world.cluster.writes)
        changed = body(tag("v1", "r.io/app:v2"), tag("v3", scheduled=True))
        await write_status(world, Stream.parse(changed), failing=failing)
        await until(5 + pause)
        world.apply(changed)
        await until(15)

        assert asked == len(world.registries.asked)
        assert writes + 1 == len(world.cluster.writes)
        assert [] == [name for _, name in world.registries.described if A in name]
        assert world.cluster.stream().status.observed_generation == world.cluster.stream().generation
        # From then on it is the operator's: on schedule, and where it failed in the usual time.
        await until(25 if failing else 910)
        assert {"r.io/app:v3"} | ({"r.io/app:v2"} if failing else set()) == {
            name for time, name in world.registries.asked if time > 15
        }


async def test_what_fails_for_the_image_api_alone_is_tried_again() -> None:
    """A tag that was fine, and could not be imported by hand: the operator does as the condition says."""
    world = World()
    world.registries.digests["r.io/app:v1"] = A
    async with world.running():
        world.apply(body(tag("v1")))
        await until(5)
        asked = len(world.registries.asked)
        stored = world.cluster.stream()
        (each,) = stored.tags
        failed = {"v1": Failed(intent_of(stored, each), Reason.INTERNAL_ERROR, "it is unwell")}
        world.seen(await world.cluster.write(stored, record(stored, failed, now=timestamp())))
        await until(310)

        assert asked < len(world.registries.asked)
        assert world.cluster.stream().status.tags[0].failure is None


async def test_a_status_whose_spec_never_comes_is_corrected() -> None:
    """An image API that was killed between the two leaves nothing behind."""
    world = World()
    world.registries.digests |= {"r.io/app:v1": B, "r.io/app:v2": A}
    async with world.running():
        world.apply(body(tag("v1")))
        await until(5)
        await write_status(world, Stream.parse(body(tag("v1", "r.io/app:v2"))))
        await until(10)

        assert {"v1": B} == world.images()
        assert world.cluster.stream(KEY).status.observed_generation == world.cluster.stream(KEY).generation


async def test_an_image_that_is_there_is_not_described() -> None:
    """Who imported before us stored it: the registry is not asked what is in it."""
    world = World()
    world.registries.digests["r.io/app:v1"] = A
    async with world.running():
        await until(1)
        world.images_stored.stored[A] = KeptImage(A, "u", "1", unnamed_since=0.0)
        world.apply(body(tag("v1")))
        await until(5)

        assert [] == world.registries.described
        assert world.images_stored.stored[A].unnamed_since is None


async def test_a_tag_whose_status_forgot_what_it_asks_for_is_imported_anew() -> None:
    """So does `oc tag`, which sends generation 0: the tag is asked for once more, and no other."""
    world = World()
    world.registries.digests |= {"r.io/app:v1": B, "r.io/app:v2": B}
    async with world.running():
        world.apply(body(tag("v1"), tag("v2")))
        await until(5)
        world.registries.digests["r.io/app:v1"] = A
        stored = world.cluster.stream()
        forgot = [dataclasses.replace(each, intent=None) for each in stored.status.tags if each.tag == "v1"]
        kept = [each for each in stored.status.tags if each.tag != "v1"]
        status = dataclasses.replace(stored.status, tags=(*forgot, *kept))
        world.seen(await world.cluster.write(stored, status))
        await until(10)

        assert ["r.io/app:v1"] == [name for time, name in world.registries.asked if time >= 5]
        assert {"v1": A, "v2": B} == world.images()


async def import_by_hand(world: World, image: str, *names: str) -> Stream:
    """Write the status that an import of these tags by hand leaves, whose spec is there already."""
    stored = world.cluster.stream()
    found: dict[str, Failed | Imported] = {
        each.name: Imported(intent_of(stored, each), f"r.io/app@{image}", image)
        for each in stored.tags
        if each.name in names
    }
    return await world.cluster.write(stored, record(stored, found, now=timestamp()))


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("slow", ["r.io/app:v1", "r.io/app:v2"])
@pytest.mark.parametrize("new", [True, False])
async def test_what_was_imported_by_hand_meanwhile_stays(*, told: bool, slow: str, new: bool) -> None:
    """What the operator asked for before is dropped, whether it is told in time or meets a conflict."""
    world = World()
    world.registries.digests |= {"r.io/app:v1": C, "r.io/app:v2": C}
    async with world.running():
        if not new:
            world.apply(body(tag("v1"), tag("v2")))
        await until(5)
        world.registries.digests |= {"r.io/app:v1": A, "r.io/app:v2": A}
        world.registries.delays[slow] = 0.9
        world.apply(body(tag("v1"), tag("v2"), notes={"imagestreams.dev/requested-at": "now"}))
        await until(5.5)
        asked, writes = len(world.registries.asked), world.cluster.attempts
        seen = await import_by_hand(world, B, "v1")
        if told:
            world.seen(seen)
        await until(60)

        assert {"v1": B, "v2": A} == world.images()
        assert asked == len(world.registries.asked)
        # Theirs, and ours: where nobody told of theirs one that was refused, and it again.
        assert writes + 2 + (not told) == world.cluster.attempts


async def test_what_was_moved_for_another_source_meanwhile_is_asked_for_anew() -> None:
    """Somebody pushes to a tag while it is asked for: what spec asks for is imported after that, not lost."""
    world = World()
    world.registries.digests["r.io/app:v1"] = A
    world.registries.delays["r.io/app:v1"] = 0.5
    async with world.running():
        await until(1)
        world.apply(body(tag("v1")))
        await until(1.4)
        stored = world.cluster.stream()
        pushed = TagStatus("v1", (TagEvent(timestamp(), f"r.io/app@{B}", B, 1),))
        await world.cluster.write(stored, dataclasses.replace(stored.status, tags=(pushed,)))
        await until(60)

        assert [1.0, 1.5] == [time for time, _ in world.registries.asked]
        assert [A, B] == [each.image for each in world.tag("v1").items]
