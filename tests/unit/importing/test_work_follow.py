"""The importer and tags that follow other streams, in virtual time."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from imagestreams.importing.permitting import HOLDS
from imagestreams.model.stream import StreamKey
from unit.importing.streams import body, digest, tag
from unit.importing.world import World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
BASE = StreamKey("openshift", "httpd")
V1 = "r.io/app:v1"


def base() -> dict[str, Any]:
    """Make stream openshift/httpd, whose tag v1 is asked for every ten seconds."""
    raw = body(tag(scheduled=True, notes={"imagestreams.dev/interval": "10s"}), name="httpd", uid="u-base")
    raw["metadata"]["namespace"] = "openshift"
    return raw


def follower(stream: str = "app", **source: str) -> dict[str, Any]:
    """Make a stream of namespace shop whose tag latest follows another."""
    return body({"name": "latest", "from": {"kind": "ImageStreamTag", **source}}, name=stream)


async def test_a_move_reaches_those_who_follow_at_once() -> None:
    """When a tag moves, a tag of another stream that follows it moves in the same second, asking nobody."""
    world = World()
    world.granted.add(("shop", BASE))
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(follower(name="httpd:v1", namespace="openshift"))
        await until(1)
        world.apply(base())
        await until(5)
        assert {"latest": A} == world.images()
        world.registries.digests[V1] = B
        await until(12)

        assert {"latest": B} == world.images()
        assert {V1} == {reference for _, reference in world.registries.asked}


async def test_all_who_follow_the_same_stream_are_told_that_they_may() -> None:
    """Streams that are made together ask once for the right that they need alike, and none waits longer."""
    world = World()
    world.review_takes = 0.1
    world.granted.add(("shop", BASE))
    world.registries.digests[V1] = A
    keys = [StreamKey("shop", f"app-{number}") for number in range(3)]
    async with world.running():
        world.apply(base())
        await until(2)
        for key in keys:
            world.apply(follower(name="httpd:v1", namespace="openshift", stream=key.name))
        await until(4)

        assert [{"latest": A}] * 3 == [world.images(key) for key in keys]
        assert 1 == len(world.reviews)


async def test_a_right_that_is_granted_or_revoked_takes_effect_within_a_minute() -> None:
    """Permission is asked for again every half a minute, both ways."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(base())
        world.apply(follower(name="httpd:v1", namespace="openshift"))
        await until(5)
        assert "Forbidden" == world.tag("latest").conditions[0].reason

        world.granted.add(("shop", BASE))
        await until(5 + 2 * HOLDS)
        assert {"latest": A} == world.images()

        world.granted.clear()
        await until(5 + 4 * HOLDS)
        world.registries.digests[V1] = B
        await until(5 + 6 * HOLDS)
        assert {"latest": A} == world.images()
        assert "Forbidden" == world.tag("latest").conditions[0].reason


async def test_waiting_for_permission_writes_nothing() -> None:
    """An hour of asking whether it is permitted, with the same answer, is one write."""
    world = World()
    async with world.running():
        world.apply(follower(name="httpd:v1", namespace="openshift"))
        await until(3600)

        assert 1 == len(world.cluster.writes)
        assert 100 < len(world.reviews) < 150


async def test_two_streams_in_a_circle_rest() -> None:
    """Streams that follow each other get their conditions and then cost nothing."""
    world = World()
    there = follower(name="other:latest")
    back = copy.deepcopy(there)
    back["metadata"] |= {"name": "other", "uid": "u-other"}
    back["spec"]["tags"][0]["from"]["name"] = "app:latest"
    async with world.running():
        world.apply(there)
        world.apply(back)
        await until(3600)

        assert "Invalid" == world.tag("latest").conditions[0].reason
        assert len(world.cluster.writes) <= 4
