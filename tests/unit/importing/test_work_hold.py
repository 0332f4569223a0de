"""The importer and tags that are held or pinned, in virtual time: what is asked, written, told and kept."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import UnreachableError
from imagestreams.model.stream import StreamKey
from unit.importing.streams import body, digest, tag
from unit.importing.world import KEY, World, now, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B, C, D = (digest(letter) for letter in "abcd")
V1 = "r.io/app:v1"
HOLD = "imagestreams.dev/hold"
INTERVAL = {"imagestreams.dev/interval": "10s"}


def held(image: str = "", *, keep: str = "50", **more: Any) -> dict[str, Any]:
    """Make a stream whose tag v1 is asked for every ten seconds, and is held if an image is named."""
    notes = {**INTERVAL, **({HOLD: image} if image else {})}
    return body(tag(notes=notes, scheduled=True), notes={"imagestreams.dev/keep": keep}, **more)


async def moved(world: World, *images: str) -> None:
    """Let tag v1 have these images, ten seconds each."""
    world.registries.digests[V1] = images[0]
    world.apply(held())
    for image in images[1:]:
        await until(now() + 2)
        world.registries.digests[V1] = image
        await until(now() + 10)


async def test_a_held_tag_goes_on_being_asked_and_written_once_a_move() -> None:
    """Its registry is asked every interval; a move is one write, and the same image again is none."""
    world = World()
    async with world.running():
        await moved(world, A, B)
        writes = len(world.cluster.writes)
        world.apply(held(A))
        await until(now() + 0.1)
        assert ({"v1": A}, writes + 1) == (world.images(), len(world.cluster.writes))
        asked = len(world.registries.times(V1))
        await until(now() + 100)
        assert (10, writes + 1) == (len(world.registries.times(V1)) - asked, len(world.cluster.writes))
        for image in (C, D):
            world.registries.digests[V1] = image
            await until(now() + 30)
        tag_status = world.tag()

    assert writes + 3 == len(world.cluster.writes)
    assert tag_status.available is not None
    assert (A, D) == (world.images()["v1"], tag_status.available.image)
    assert [
        "TagMoved",
        "TagMoved",
        "TagMoved",
        "TagHeld",
        "AvailableMoved",
        "AvailableMoved",
    ] == world.reasons
    assert f'tag "v1" is held; what is available moved from r.io/app@{C} to r.io/app@{D}' == (
        world.told[-1][1].message
    )


async def test_a_release_waits_for_no_registry() -> None:
    """What is available is current in the same moment, though the registry is away."""
    world = World()
    async with world.running():
        await moved(world, A, B)
        world.apply(held(A))
        await until(now() + 1)
        world.registries.digests[V1] = C
        await until(now() + 10)
        world.registries.errors[V1] = UnreachableError("it does not answer")
        world.registries.delays[V1] = 30.0
        await until(now() + 15)
        released = now()
        world.apply(held())
        await until(now() + 0.1)
        assert {"v1": C} == world.images()
        assert [released] == [write.time for write in world.cluster.writes if write.time >= released]
        del world.registries.errors[V1]
        del world.registries.delays[V1]
        world.registries.digests[V1] = D
        await until(now() + 60)

    assert {"v1": D} == world.images()
    assert ["TagMoved", "TagReleased"] == [
        item.reason for time, item in world.told if released <= time <= released + 1
    ]


async def test_a_restart_while_a_tag_is_held_writes_nothing_and_keeps_all() -> None:
    """The next process holds on by what is stored: no write, one question an interval; then the release."""
    before = World()
    async with before.running():
        await moved(before, A, B)
        before.apply(held(A))
        await until(now() + 1)
        before.registries.digests[V1] = C
        await until(now() + 15)
    stored = before.cluster.stream().status
    writes = len(before.cluster.writes)

    after = World(cluster=before.cluster)
    after.registries.digests[V1] = C
    async with after.running():
        after.seen(before.cluster.stream())
        await until(now() + 100)
        assert (stored, writes) == (before.cluster.stream().status, len(before.cluster.writes))
        assert 9 <= len(after.registries.times(V1)) <= 11
        # Asked with what is available, the registry needs a HEAD to say that it is still so.
        known = {question.known.digest for question in after.registries.questions if question.known}
        assert ({C}, True) == (known, all(question.known for question in after.registries.questions))
        after.apply(held())
        await until(now() + 1)

    assert {"v1": C} == after.images()


async def test_what_is_available_has_an_image_and_so_has_what_is_held() -> None:
    """Each is described once, when it is first seen; neither is collected, whatever the history keeps."""
    world = World()
    async with world.running():
        await moved(world, A)
        await until(now() + 2)
        world.apply(held(A, keep="1"))
        await until(now() + 1)
        for image in (B, C):
            world.registries.digests[V1] = image
            await until(now() + 20)
        for _ in range(2):
            await world.importer.images.collect(world.store.streams())
            await until(now() + 4000)
        described = [reference for _, reference in world.registries.described]
        assert [f"r.io/app@{image}" for image in (A, B, C)] == described
        assert {A, C} == set(world.images_stored.stored)
        world.apply(held(keep="1"))
        await until(now() + 5)

    assert ({"v1": C}, 3) == (world.images(), len(world.registries.described))


async def test_where_the_list_tells_digests_a_held_tag_is_not_asked_for() -> None:
    """What the list shows of a held tag is compared with what is available, not with what it is held at."""
    world = World()
    world.registries.tell_digests = True
    world.registries.lists["r.io/app"] = ["v1"]
    world.registries.digests[V1] = A
    note = {"name": "v1", "annotations": {HOLD: A}}
    async with world.running():
        world.apply(body(repository="r.io/app", notes=INTERVAL))
        await until(20)
        world.registries.digests[V1] = B
        await until(40)
        world.apply(body(note, repository="r.io/app", notes=INTERVAL))
        await until(60)
        assert {"v1": A} == world.images()
        asked, writes = len(world.registries.times(V1)), len(world.cluster.writes)
        await until(200)

    assert (asked, writes) == (len(world.registries.times(V1)), len(world.cluster.writes))


@pytest.mark.parametrize("name", [f"app@{A}", "app@sha256:aaaa", "aaaa"])
async def test_a_tag_pinned_to_its_own_history_asks_nobody(name: str) -> None:
    """The form for Git pins only; back to its registry the tag is imported at once."""
    world = World()
    pinned = body({"name": "v1", "from": {"kind": "ImageStreamImage", "name": name}, "annotations": INTERVAL})
    async with world.running():
        await moved(world, A, B)
        world.registries.digests[V1] = C
        world.apply(pinned)
        await until(now() + 0.1)
        assert {"v1": A} == world.images()
        asked, writes = len(world.registries.asked), len(world.cluster.writes)
        await until(now() + 2000)
        assert (asked, writes) == (len(world.registries.asked), len(world.cluster.writes))
        began = now()
        world.apply(held())
        await until(now() + 0.1)

    assert ({"v1": C}, began) == (world.images(), world.registries.times(V1)[-1])
    assert [C, A, B, A] == [item.image for item in world.tag().items]


async def test_who_follows_a_held_tag_from_another_stream_moves_with_it() -> None:
    """Back when it is held, and to what is available when it is released; in the same second."""
    world = World()
    follower = StreamKey("shop", "web")
    async with world.running():
        await moved(world, A, B)
        base = {"name": "base", "from": {"kind": "ImageStreamTag", "name": "app:v1"}}
        world.apply(body(base, name="web", uid="u-2"))
        await until(now() + 1)
        seen = [world.images(follower)["base"]]
        for image in (A, ""):
            world.apply(held(image))
            await until(now() + 0.5)
            seen.append(world.images(follower)["base"])

    assert [B, A, B] == seen
    assert {KEY, follower} == {key for _, key in world.moved}
