"""The importer at work, in virtual time: what is asked when, and what is written."""

from __future__ import annotations

import itertools

import pytest

from imagestreams.errors import UnreachableError
from unit.importing.streams import body, digest, tag
from unit.importing.world import KEY, World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
REQUESTED = "imagestreams.dev/requested-at"


async def test_a_new_tag_is_imported_at_once_and_told() -> None:
    """A stream is asked for, written, and told of in the moment it appears."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag()))
        await until(0.01)

        assert {"v1": A} == world.images()
        assert [0.0] == world.registries.times(V1)
        assert [0.0] == [write.time for write in world.cluster.writes]
        assert ["TagMoved"] == world.reasons
        assert KEY in {key for _, key in world.moved}
        assert 1 == world.metrics.moves._value.get()


async def test_answers_within_a_second_are_one_write() -> None:
    """Twenty tags whose answers trickle in within a second cost one write."""
    world = World()
    for number in range(20):
        world.registries.digests[f"r.io/app:t{number}"] = A
        world.registries.delays[f"r.io/app:t{number}"] = number * 0.045
    async with world.running():
        world.apply(body(*(tag(f"t{number}") for number in range(20))))
        await until(5)

        assert {f"t{number}": A for number in range(20)} == world.images()
        assert 1 == len(world.cluster.writes)
        assert world.cluster.writes[0].time <= 1.0


async def test_a_registry_that_hangs_does_not_hold_up_the_other_tags() -> None:
    """What was answered is written after a second at most, and the tag that hung when its answer comes."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.delays["slow.io/app:v2"] = 30.0
    world.registries.errors["slow.io/app:v2"] = UnreachableError("it did not answer")
    async with world.running():
        world.apply(body(tag(), tag("v2", "slow.io/app:v2")))
        await until(1.01)

        assert {"v1": A} == world.images()
        assert "Unknown" == world.cluster.stream().status.conditions[0].status
        await until(30.01)
        failure = world.tag("v2").failure
        assert failure is not None
        assert "it did not answer. Retried by itself, at most every 5 min." == failure.message
        assert 2 == len(world.cluster.writes)


async def test_a_change_while_another_tag_hangs_is_written_within_a_second() -> None:
    """A tag added while an older question hangs is written within the second of collecting."""
    world = World()
    world.registries.digests["r.io/app:v2"] = A
    world.registries.delays[V1] = 300.0
    async with world.running():
        world.apply(body(tag()))
        await until(100)
        world.apply(body(tag(), tag("v2")))
        await until(101.01)

        assert {"v2": A} == world.images()


async def test_an_unchanged_tag_is_polled_without_a_write() -> None:
    """Over five rounds of the schedule a tag that does not move is asked five times and never written."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(1)
        world.cluster.attempts = 0
        await until(5 * 900 + 1)

        assert [0.0, 900.0, 1800.0, 2700.0, 3600.0, 4500.0] == world.registries.times(V1)
        assert 0 == world.cluster.attempts


async def test_a_tag_that_moved_is_written_at_its_next_poll() -> None:
    """The image pushed meanwhile is found at the next round, put in front of the history, and told."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(450)
        world.registries.digests[V1] = B
        await until(901)

        assert [B, A] == [item.image for item in world.tag().items]
        assert ["TagMoved", "TagMoved"] == world.reasons
        assert 900.0 == world.told[-1][0]


async def test_a_tag_that_is_not_scheduled_is_asked_for_once() -> None:
    """Without a schedule a day passes without a question."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag()))
        await until(86_400)

        assert [0.0] == world.registries.times(V1)


@pytest.mark.parametrize("place", ["stream", "tag"])
async def test_a_request_asks_at_once(place: str) -> None:
    """A new requested-at annotation imports now what is neither scheduled nor failed."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag()))
        await until(100)
        world.registries.digests[V1] = B
        notes = {REQUESTED: "now"}
        world.apply(body(tag(), notes=notes) if place == "stream" else body(tag(notes=notes)))
        await until(100.01)

        assert [0.0, 100.0] == world.registries.times(V1)
        assert {"v1": B} == world.images()


async def test_a_failing_tag_is_retried_ever_more_seldom_and_written_once() -> None:
    """A missing tag is asked for after 15 s, 30 s, ... up to once an hour, and written once."""
    world = World()
    async with world.running():
        world.apply(body(tag()))
        await until(3 * 3600)

        asked = world.registries.times(V1)
        gaps = [after - before for before, after in itertools.pairwise(asked)]
        assert [15, 30, 60, 120, 240, 480, 960, 1920, 3600] == gaps[:9]
        assert {3600} == set(gaps[8:])
        assert 1 == len(world.cluster.writes)
        assert ["ImportFailed"] == world.reasons


async def test_a_failing_tag_heals_by_itself() -> None:
    """What was missing is imported by the next retry once it is there, and the condition goes."""
    world = World()
    async with world.running():
        world.apply(body(tag()))
        await until(50)
        world.registries.digests[V1] = A
        await until(106)

        assert {"v1": A} == world.images()
        assert world.tag().failure is None
        assert "True" == world.cluster.stream().status.conditions[0].status
        assert ["ImportFailed", "TagMoved", "ImportHealed"] == world.reasons


async def test_a_failure_after_success_starts_its_back_off_anew() -> None:
    """Failures are counted in a row: one success between them, and the next failure is the first."""
    world = World()
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(20)
        world.registries.digests[V1] = A
        await until(46)
        assert [0.0, 15.0, 45.0] == world.registries.times(V1)
        del world.registries.digests[V1]
        await until(45 + 900 + 16)

        assert [945.0, 960.0] == world.registries.times(V1)[3:]


async def test_an_answer_to_what_is_no_longer_asked_is_dropped() -> None:
    """A tag pointed elsewhere while its answer is under way never gets the old source's image."""
    world = World()
    world.registries.digests |= {V1: A, "r.io/app:v2": B}
    world.registries.delays[V1] = 10.0
    async with world.running():
        world.apply(body(tag()))
        await until(1)
        world.apply(body(tag(image="r.io/app:v2")))
        await until(60)

        assert [B] == [item.image for item in world.tag().items]
        assert A not in {
            item.image for write in world.cluster.writes for one in write.status.tags for item in one.items
        }


async def test_a_stream_edited_while_its_answer_is_under_way_keeps_both() -> None:
    """A tag added meanwhile is imported too, and the first answer is not lost."""
    world = World()
    world.registries.digests |= {V1: A, "r.io/app:v2": B}
    world.registries.delays[V1] = 10.0
    async with world.running():
        world.apply(body(tag()))
        await until(5)
        world.apply(body(tag(), tag("v2")))
        await until(11)

        assert {"v1": A, "v2": B} == world.images()
        assert 2 == world.cluster.stream().status.observed_generation
        assert [0.0] == world.registries.times(V1)


async def test_an_edit_is_written_though_other_tags_wait_for_their_answers() -> None:
    """Who adds a tag sees its image at once and by one write, while another tag of the stream is checked."""
    world = World()
    world.registries.digests = {"r.io/app:v1": A, "r.io/app:v2": B}
    minutely = tag(scheduled=True, notes={"imagestreams.dev/interval": "1m"})
    async with world.running():
        world.apply(body(minutely))
        await until(50)
        world.registries.delays["r.io/app:v1"] = 1000.0
        await until(60.5)
        world.apply(body(minutely, tag("v2")))
        await until(60.6)

        assert {"v1": A, "v2": B} == world.images()
        assert [60.5] == [write.time for write in world.cluster.writes if write.time > 50]
