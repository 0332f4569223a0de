"""How statuses are written: so many a second, the latest that is known, and never the same twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.importing.streams import body, digest, tag
from unit.importing.world import World, Write, until

if TYPE_CHECKING:
    from imagestreams.model.stream import StreamKey

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B, C = digest("a"), digest("b"), digest("c")
V1 = "r.io/app:v1"
MANY = 200


def crowd(writes_per_second: float) -> World:
    """Make a world of many streams that follow the same tag."""
    world = World(writes_per_second=writes_per_second)
    world.registries.digests[V1] = A
    return world


def apply_all(world: World) -> None:
    """Apply them."""
    for number in range(MANY):
        notes = {"imagestreams.dev/interval": "10s"}
        world.apply(body(tag(scheduled=True, notes=notes), name=f"s{number}", uid=f"u-{number}"))


async def test_many_statuses_are_written_at_a_bounded_pace() -> None:
    """Two hundred new streams at fifty writes a second: fifty at once, and three seconds for the others."""
    world = crowd(50)
    async with world.running():
        apply_all(world)
        await until(4)

        times = [write.time for write in world.cluster.writes]
        assert MANY == len(times)
        assert times[-1] - times[0] == pytest.approx((MANY - 51) / 50, abs=0.05)


async def test_what_is_known_when_its_turn_comes_is_written() -> None:
    """Of a tag that moved twice while its stream waited for its turn the last image alone is written."""
    world = crowd(1)
    async with world.running():
        apply_all(world)
        await until(5)
        world.registries.digests[V1] = B
        await until(16)
        world.registries.digests[V1] = C
        await until(MANY + 20)

        first: dict[StreamKey, Write] = {}
        for write in world.cluster.writes:
            first.setdefault(write.key, write)
        late = [write.status.tags[0] for write in first.values() if write.time > 30]
        assert len(late) > MANY / 2
        assert {(C,)} == {tuple(item.image for item in status.items) for status in late}
