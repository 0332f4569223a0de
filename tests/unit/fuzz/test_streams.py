"""Malformed ImageStreams: none is lost, each tells its errors, and no other is harmed."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.model.stream import StreamKey
from support.malformed import malformed
from unit.fuzz.counts import seeds
from unit.importing.streams import body, digest, tag
from unit.importing.world import now, until
from unit.watching.world import World

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime, pytest.mark.timeout(400)]

A, B = digest("a"), digest("b")
GOOD = StreamKey("shop", "good")
HOLD = "imagestreams.dev/hold"
_BATCH = 100
_WHO = (("metadata", "namespace"), ("metadata", "name"), ("metadata", "uid"), ("metadata", "resourceVersion"))


def valid(number: int) -> dict[str, Any]:
    """Make a stream with one of everything, and a history."""
    made = body(
        tag("v1", "r.io/app:v1", scheduled=True, notes={"imagestreams.dev/interval": "5m", HOLD: A}),
        tag("v2", "r.io/app:v2", insecure=True, importMode="PreserveOriginal"),
        {"name": "alias", "from": {"kind": "ImageStreamTag", "name": "v1"}},
        {"name": "pin", "from": {"kind": "ImageStreamImage", "name": f"good@{A}"}},
        {"name": "bare"},
        {"name": "old", "annotations": {HOLD: B}},
        name=f"bad-{number}",
        uid=f"u-{number}",
        notes={"imagestreams.dev/keep": "5", "imagestreams.dev/requested-at": "x"},
    )
    event = {"created": "2026-01-01T00:00:00Z", "dockerImageReference": f"r.io/old@{B}", "image": B}
    made["status"] = {"tags": [{"tag": "old", "items": [event | {"generation": 1}]}]}
    return made


async def test_no_stream_is_lost_and_no_other_harmed() -> None:
    """Every malformed stream that can be told apart gets its status; its history and its neighbours stay."""
    world = World()
    world.registries.digests |= {"r.io/app:v1": A, "r.io/app:v2": B, "r.io/good:1": A}
    async with world.running():
        world.apply(body(tag("1", "r.io/good:1", scheduled=True), name="good", uid="good"))
        broken: dict[StreamKey, dict[str, Any]] = {}
        for seed in seeds():
            raw = malformed(seed, valid(seed), keep=(*_WHO, ("status",)))
            # What is not JSON no API server sends; what has no spec is a stream all the same.
            broken[StreamKey("shop", f"bad-{seed}")] = raw
            world.cluster.bodies[StreamKey("shop", f"bad-{seed}")] = raw
            world.intake.stream_seen(raw)
            if seed % _BATCH == 0:
                await until(now() + 30)
        await until(now() + 60)

        assert len(broken) + 1 == len(world.store)
        for key in broken:
            stream = world.cluster.stream(key)
            history = stream.status.tag("old")
            assert history is not None, key
            assert [B] == [item.image for item in history.items]
            (ready,) = (item for item in stream.status.conditions if item.type == "Ready")
            assert ready.message
            failed = {each.tag for each in stream.status.tags if each.failure}
            asked = {each.name for each in stream.tags if each.source is not None}
            assert ("False" if failed & asked else ready.status) == ready.status, key
        world.registries.digests["r.io/good:1"] = B
        await until(now() + 1000)
        assert {"1": B} == world.images(GOOD)


async def test_nothing_that_is_seen_ends_the_operator() -> None:
    """Whatever is malformed, the names too, the intake goes on."""
    world = World()
    world.registries.digests |= {"r.io/good:1": A}
    async with world.running():
        for seed in seeds():
            world.intake.stream_seen(malformed(seed, valid(seed)))
        world.apply(body(tag("1", "r.io/good:1"), name="good", uid="good"))
        await until(now() + 60)

        assert {"1": A} == world.images(GOOD)
