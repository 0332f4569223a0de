"""Rollouts in order, in virtual time: after-ready of a workload, max-rollouts of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import ClusterError, RefusedError
from imagestreams.triggering.order import PATIENCE
from imagestreams.triggering.workload import WorkloadKey
from unit.triggering.deployments import A, B, deployment, stream, trigger, workload
from unit.triggering.world import World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

C = "sha256:" + "c" * 64
AFTER_READY = {"imagestreams.dev/rollout": "after-ready"}
DEADLINE = "ProgressDeadlineExceeded"


async def followers(world: World, count: int, *, limit: str = "", **changes: Any) -> None:
    """Have Deployments web-0, web-1 and so on follow app:v1, all rolled out at A."""
    world.move(stream(v1=A, limit=limit))
    for number in reversed(range(count)):
        world.apply(deployment(trigger(), name=f"web-{number}", containers={"web": " "}, **changes))
    await until(1)
    for number in range(count):
        world.status(f"web-{number}")
    await until(2)
    world.told.clear()


def moved(world: World, image: str = B) -> list[str]:
    """Name the Deployments that have an image, in order."""
    return sorted(key.name for key in world.cluster.bodies if world.image(key=key) == f"r.io/app@{image}")


async def test_without_an_annotation_nothing_waits() -> None:
    """By default all followers get the image at once, whatever rolls out, and none is counted."""
    world = World()
    await followers(world, 20)
    world.status("web-3", reason="ReplicaSetUpdated", new=1)
    world.move(stream(version="2", v1=B))
    await until(2.01)

    assert 20 == len(moved(world))
    assert [] == world.censuses


async def test_the_next_image_waits_for_the_rollout_that_runs() -> None:
    """With after-ready a second move comes once the first has rolled out; an Event says what for."""
    world = World()
    await followers(world, 1, notes=AFTER_READY)
    world.move(stream(version="2", v1=B))
    await until(3)
    assert ["web-0"] == moved(world, B)
    world.status("web-0", reason="ReplicaSetUpdated", new=1)
    world.move(stream(version="3", v1=C))
    await until(100)
    assert ["web-0"] == moved(world, B)
    (told,) = [message for reason, message, _ in world.told if reason == "RolloutWaiting"]
    assert f"app:v1 moved from r.io/app@{B} to r.io/app@{C}" in told
    assert "waits, its own rollout is to be done first: 1 of 3 pods are new" in told
    world.status("web-0")
    await until(100.01)

    assert ["web-0"] == moved(world, C)


@pytest.mark.parametrize("image", ["app:v1", "r.io/app:broken"])
async def test_an_image_set_by_hand_is_put_back_though_its_own_rollout_runs(image: str) -> None:
    """What a manifest or a hand put there may never get ready: nobody waits for that."""
    world = World()
    await followers(world, 1, notes=AFTER_READY)
    note = {"imagestreams.dev/resolved": f"web=app:v1@{A}"}
    world.apply(deployment(trigger(), name="web-0", containers={"web": image}, notes=AFTER_READY | note))
    world.status("web-0", reason="ReplicaSetUpdated", new=1)
    await until(10)

    assert ["web-0"] == moved(world, A)


async def test_of_many_moves_while_it_waits_the_newest_wins() -> None:
    """What came in between is never written."""
    world = World()
    await followers(world, 1, notes=AFTER_READY)
    world.status("web-0", reason="ReplicaSetUpdated", new=2)
    for version, image in (("2", B), ("3", C), ("4", B), ("5", C)):
        world.move(stream(version=version, v1=image))
        await until(float(version))
    tries = len(world.cluster.tries)
    world.status("web-0")
    await until(10)

    assert ["web-0"] == moved(world, C)
    assert tries + 1 == len(world.cluster.tries)
    assert 1 == world.reasons.count("RolloutWaiting")


async def test_a_move_taken_back_while_it_waits_is_none() -> None:
    """A tag that stands again for what runs leaves nothing to wait for."""
    world = World()
    await followers(world, 1, notes=AFTER_READY)
    world.status("web-0", reason="ReplicaSetUpdated", new=2)
    world.move(stream(version="2", v1=B))
    await until(3)
    world.move(stream(version="3", v1=A))
    tries = len(world.cluster.tries)
    world.status("web-0")
    await until(20)

    assert tries == len(world.cluster.tries)
    assert 0 == world.follower._order.waiting


@pytest.mark.parametrize("image", [" ", "", None])
async def test_the_first_image_never_waits(image: str | None) -> None:
    """A placeholder is filled at once, though its Deployment is not ready and others roll out."""
    world = World()
    await followers(world, 1, limit="1")
    world.status("web-0", reason="ReplicaSetUpdated", new=1)
    world.apply(deployment(trigger(), containers={"web": image}, notes=AFTER_READY))
    await until(2.01)

    assert f"r.io/app@{A}" == world.image()


async def test_a_container_without_an_image_and_a_trigger_is_no_first_image() -> None:
    """Of a kind whose containers need no image, one without does not let the others' moves go before."""
    world = World()
    await followers(world, 1, limit="1")
    world.status("web-0", reason="ReplicaSetUpdated", new=1)
    world.apply(deployment(trigger(), containers={"web": "nginx", "helper": None}))
    await until(2.01)

    assert "nginx" == world.image()


async def test_a_rollout_that_is_given_up_holds_up_nobody() -> None:
    """Past its progress deadline, the image that may mend it is written."""
    world = World()
    await followers(world, 1, notes=AFTER_READY)
    world.status("web-0", reason="ReplicaSetUpdated", new=2)
    world.move(stream(version="2", v1=B))
    await until(3)
    world.status("web-0", reason=DEADLINE, new=2)
    await until(3.01)

    assert ["web-0"] == moved(world)


async def test_a_rollout_without_a_deadline_is_waited_for_as_long_as_it_gets_on() -> None:
    """Ten minutes without any progress end the waiting; progress begins them anew."""
    world = World()
    await followers(world, 1, notes=AFTER_READY)
    world.status("web-0", reason="", new=1)
    world.move(stream(version="2", v1=B))
    await until(PATIENCE - 10)
    world.status("web-0", reason="", new=2)
    await until(2 * PATIENCE - 20)
    assert [] == moved(world)
    await until(2 * PATIENCE)

    assert ["web-0"] == moved(world)


async def test_no_more_than_the_limit_roll_out_at_once() -> None:
    """Of ten Deployments two at a time get the image, in the order of their names, until all have it."""
    world = World()
    await followers(world, 10, limit="2")
    world.move(stream(version="2", v1=B, limit="2"))
    for done in range(0, 10, 2):
        await until(3 + done)
        assert [f"web-{number}" for number in range(done + 2)] == moved(world)
        world.status(f"web-{done}", reason="ReplicaSetUpdated", new=2)
        world.status(f"web-{done + 1}")
        await until(3.5 + done)
        world.status(f"web-{done}")
    await until(20)

    assert 10 == len(moved(world))
    assert [f"web-{number}" for number in (*range(10), *range(10))][-10:] == [
        key.name for _, key in world.cluster.patches[-10:]
    ]


async def test_one_that_ends_makes_room_for_one() -> None:
    """The third begins as soon as one of two is done, not when both are; its Event names who is before it."""
    world = World()
    await followers(world, 4, limit="2")
    world.move(stream(version="2", v1=B, limit="2"))
    await until(3)
    assert ["web-0", "web-1"] == moved(world)
    told = [message for reason, message, _ in world.told if reason == "RolloutWaiting"]
    words = (
        "waits, shop/app lets 2 roll out at once (imagestreams.dev/max-rollouts); before it come "
        "deployments/shop/web-0, deployments/shop/web-1"
    )
    assert [True, True] == [words in message for message in told]
    world.status("web-1")
    await until(3.01)

    assert ["web-0", "web-1", "web-2"] == moved(world)


async def test_who_never_gets_ready_does_not_block_the_others() -> None:
    """One that is given up or deleted makes room, and so does one without progress in ten minutes."""
    world = World()
    await followers(world, 4, limit="1")
    world.move(stream(version="2", v1=B, limit="1"))
    await until(3)
    world.status("web-0", reason=DEADLINE, new=2)
    await until(4)
    assert ["web-0", "web-1"] == moved(world)
    world.follower.drop(WorkloadKey("deployments", "shop", "web-1"))
    await until(5)
    assert ["web-0", "web-1", "web-2"] == moved(world)
    world.status("web-2", reason="", new=1)
    await until(5 + PATIENCE - 1)
    assert 3 == len(moved(world))
    await until(5 + PATIENCE + 10)

    assert 4 == len(moved(world))


async def test_a_write_that_fails_does_not_block_the_others() -> None:
    """While the first in the order cannot be patched the next has its place; the first comes later."""
    world = World()
    await followers(world, 3, limit="1")
    world.cluster.errors = [RefusedError("forbidden", status=403)]
    world.move(stream(version="2", v1=B, limit="1"))
    await until(3)
    assert ["web-1"] == moved(world)
    world.status("web-1")
    await until(10)
    assert ["web-0", "web-1"] == moved(world)


async def test_a_fight_does_not_block_the_others() -> None:
    """While one waits for the end of its fight its place is another's."""
    world = World()
    await followers(world, 2, limit="1")
    for number in range(8):
        world.apply(deployment(trigger(), name="web-0", containers={"web": f"mine:{number}"}))
        await until(3 + 2 * number)
        world.status("web-0")
    assert "TriggerFight" in world.reasons
    world.move(stream(version="2", v1=A, v2=B, limit="1"))
    world.apply(deployment(trigger(source="app:v2"), name="web-1", containers={"web": f"r.io/app@{A}"}))
    world.status("web-1")
    await until(20)

    assert ["web-1"] == moved(world)
    assert "mine:7" == world.image(key=WorkloadKey("deployments", "shop", "web-0"))


async def test_a_newer_image_goes_to_those_that_roll_out_already() -> None:
    """Who has a place keeps it: the newest image replaces the one that rolls out; the others wait on."""
    world = World()
    await followers(world, 4, limit="2")
    world.move(stream(version="2", v1=B, limit="2"))
    await until(3)
    world.move(stream(version="3", v1=C, limit="2"))
    await until(5)

    assert ([], ["web-0", "web-1"]) == (moved(world, B), moved(world, C))


async def test_a_limit_that_is_raised_or_removed_lets_others_go() -> None:
    """The annotation's new value counts at once."""
    world = World()
    await followers(world, 6, limit="1")
    world.move(stream(version="2", v1=B, limit="1"))
    await until(3)
    assert 1 == len(moved(world))
    world.move(stream(version="3", v1=B, limit="3"))
    await until(4)
    assert 3 == len(moved(world))
    world.move(stream(version="4", v1=B))
    await until(5)

    assert 6 == len(moved(world))


async def test_a_limit_that_cannot_be_read_lets_one_go_at_a_time() -> None:
    """A slip is the most careful limit, not none."""
    world = World()
    await followers(world, 3, limit="two")
    world.move(stream(version="2", v1=B, limit="two"))
    await until(3)

    assert ["web-0"] == moved(world)


async def test_after_a_restart_those_that_roll_out_are_counted_again() -> None:
    """A new follower asks first what there is: with one of two places taken it gives one."""
    before = World()
    await followers(before, 4, limit="2")
    world = World()
    world.cluster = before.cluster
    world.follower._applier._patcher = before.cluster
    before.status("web-3", reason="ReplicaSetUpdated", new=1)

    def known() -> None:
        for key in world.cluster.bodies:
            world.follower.put(workload(world.cluster.bodies[key]))

    world.census = known
    world.move(stream(version="2", v1=B, limit="2"))
    world.follower.put(workload(world.cluster.bodies[WorkloadKey("deployments", "shop", "web-0")]))
    await until(4)

    assert ["web-0", "web-3"] == moved(world)
    assert 1 == len(world.censuses)


async def test_a_census_that_fails_delays_and_does_not_block() -> None:
    """When the workloads cannot be listed, after a few tries those that are known count."""
    world = World()

    def down() -> None:
        raise ClusterError("the API server did not answer")

    world.census = down
    world.move(stream(v1=A, limit="1"))
    world.apply(deployment(trigger(), containers={"web": "old:1"}))
    world.status()
    await until(10)
    assert "old:1" == world.image()
    await until(20)

    assert f"r.io/app@{A}" == world.image()
    assert 4 == len(world.censuses)


async def test_a_slip_in_the_order_is_told_and_waits() -> None:
    """A value that is none is a warning on the workload, and counts as after-ready."""
    world = World()
    await followers(world, 1, notes={"imagestreams.dev/rollout": "afterready"})
    world.status("web-0", reason="ReplicaSetUpdated", new=1)
    notes = {"imagestreams.dev/rollout": "later", "imagestreams.dev/resolved": f"web=app:v1@{A}"}
    world.apply(deployment(trigger(), containers={"web": f"r.io/app@{A}"}, notes=notes))
    world.move(stream(version="2", v1=B))
    await until(3)

    assert [] == moved(world, B)
    (told, *_) = [
        message for reason, message, warning in world.told if warning and reason == "RolloutInvalid"
    ]
    assert (
        'annotation imagestreams.dev/rollout: "later" is not "after-ready", the one value there is; '
        "until it is corrected it counts as that"
    ) == told


@pytest.mark.parametrize(
    ("notes", "limit", "image", "held"),
    [
        (AFTER_READY | {"imagestreams.dev/resolved": f"web=app:v1@{A}"}, "", f"r.io/app@{A}", True),
        (AFTER_READY, "", "old:1", False),
        ({}, "5", "old:1", True),
        ({}, "", "old:1", False),
        (AFTER_READY, "5", f"r.io/app@{B}", False),
        (AFTER_READY, "5", " ", False),
    ],
    ids=["after-ready", "set by hand", "limit", "neither", "nothing to write", "placeholder"],
)
async def test_others_are_told_what_is_for_the_follower_alone(
    notes: dict[str, str], limit: str, image: str, held: bool
) -> None:
    """An image that may have to wait for its turn must not be written by whoever writes the workload."""
    world = World()
    world.store.put(stream(v1=B, limit=limit))

    assert held is world.follower.held(
        workload(deployment(trigger(), containers={"web": image}, notes=notes))
    )
