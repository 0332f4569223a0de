"""The importer in a storm of events, and under a stream of 2,000 tags."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from typing import Any

import pytest

from unit.importing.streams import body, digest, tag
from unit.importing.world import World, now, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
REQUESTED = "imagestreams.dev/requested-at"


class Storm:
    """One random thing after the other happens to a world of three tags and four images."""

    references = tuple(f"r.io/app:{number}" for number in range(4))

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.spec: dict[str, dict[str, Any]] = {}
        self.pushed = 0
        self.events = [
            self.push,
            self.push,
            self.remove,
            self.slow,
            self.edit,
            self.edit,
            self.fall,
            self.lag,
            self.touch,
        ]

    async def blow(self) -> None:
        """Let one thing happen, and a while pass."""
        self.chance.choice(self.events)()
        await asyncio.sleep(self.chance.choice([0.0, 0.1, 1.0, 7.0]))

    def push(self) -> None:
        """Push another image."""
        self.pushed += 1
        self.world.registries.digests[self.chance.choice(self.references)] = f"sha256:{self.pushed:064x}"

    def remove(self) -> None:
        """Remove an image's tag."""
        self.world.registries.digests.pop(self.chance.choice(self.references), None)

    def slow(self) -> None:
        """Change how long an answer takes."""
        self.world.registries.delays[self.chance.choice(self.references)] = self.chance.choice(
            [0.0, 0.3, 3.0, 20.0]
        )

    def fall(self) -> None:
        """Take the API server away."""
        self.world.cluster.down_until = now() + self.chance.choice([1.0, 5.0, 20.0])

    def lag(self) -> None:
        """Change how long the API server takes, so that edits come in between."""
        self.world.cluster.latency = self.chance.choice([0.0, 0.2, 2.0])

    def edit(self) -> None:
        """Point a tag elsewhere, or take it away."""
        name = self.chance.choice("abc")
        insecure = self.chance.random() < 0.3
        self.spec[name] = tag(name, self.chance.choice(self.references), scheduled=True, insecure=insecure)
        if self.chance.random() < 0.2:
            del self.spec[name]
        self.world.apply(self.body())

    def touch(self) -> None:
        """Write to the stream, and have the watch be late to tell."""
        self.world.cluster.apply(self.body())

    def body(self, **notes: str) -> dict[str, Any]:
        """Make the stream as it is meant to be now."""
        return body(*self.spec.values(), notes={"imagestreams.dev/interval": "10s"} | notes)

    def calm(self) -> dict[str, str]:
        """Let every image be there and every answer be quick, and tell what is true then."""
        self.spec.setdefault("a", tag("a", self.references[0], scheduled=True))
        for reference in self.references:
            self.world.registries.digests.setdefault(reference, A)
        self.world.registries.delays.clear()
        self.world.apply(self.body(**{REQUESTED: "now"}))
        return {name: self.world.registries.digests[raw["from"]["name"]] for name, raw in self.spec.items()}


@pytest.mark.parametrize("seed", range(12))
async def test_after_any_storm_the_status_is_what_is_true(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """After edits, pushes, failures, conflicts and outages status is the truth, and is then left alone.

    No image is in the history twice in a row, and its times never grow backwards.
    """
    caplog.set_level(logging.CRITICAL)
    world = World()
    storm = Storm(world, seed)
    async with world.running():
        for _ in range(60):
            await storm.blow()
        truth = storm.calm()
        await asyncio.sleep(120)

        stored = world.cluster.stream().status
        assert truth == {name: image for name, image in world.images().items() if name in truth}
        assert "True" == stored.conditions[0].status
        for status in stored.tags:
            images = [item.image for item in status.items]
            assert all(before != after for before, after in itertools.pairwise(images))
            times = [item.created for item in status.items]
            assert sorted(times, reverse=True) == times
        world.cluster.attempts = 0
        await asyncio.sleep(120)
        assert 0 == world.cluster.attempts


async def test_two_thousand_tags_cost_a_write_a_second() -> None:
    """A huge stream whose answers take ten seconds to come is written about once a second, and in full."""
    world = World()
    numbers = range(2000)
    for number in numbers:
        world.registries.digests[f"r.io/app:t{number}"] = A
        world.registries.delays[f"r.io/app:t{number}"] = number * 0.005
    async with world.running():
        world.apply(body(*(tag(f"t{number}") for number in numbers)))
        await until(20)

        assert {f"t{number}": A for number in numbers} == world.images()
        assert len(world.cluster.writes) <= 12
