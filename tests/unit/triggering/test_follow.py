"""The follower at work, in virtual time: streams move, workloads and people change."""

from __future__ import annotations

import asyncio
import copy

import pytest

from imagestreams.triggering.workload import WorkloadKey
from unit.triggering.deployments import A, B, deployment, stream, trigger, workload
from unit.triggering.world import APP, KEY, World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_a_new_workload_gets_its_image_at_once() -> None:
    """A Deployment that follows a known tag is patched in the moment it is seen, and told of."""
    world = World()
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(0.01)

    assert f"r.io/app@{A}" == world.image()
    assert [(0.0, KEY)] == world.cluster.patches
    message = f'app:v1 moved from old:1 to r.io/app@{A} (container "web")'
    assert [("ImageUpdated", message, False)] == world.told
    assert 1 == world.metrics.workloads._value.get()


async def test_a_tag_that_moves_is_followed() -> None:
    """When the stream has another image, its followers get it, once each."""
    world = World()
    world.move(stream(v1=A))
    for number in range(100):
        world.apply(deployment(trigger(), name=f"web-{number}"))
    world.apply(deployment(trigger(source="other:v1"), name="stranger"))
    await until(1)
    world.cluster.patches.clear()
    world.move(stream(version="2", v1=B))
    await until(2)

    keys = {WorkloadKey("deployments", "shop", f"web-{number}") for number in range(100)}
    assert keys == {key for _, key in world.cluster.patches}
    assert 100 == len(world.cluster.patches)
    assert {f"r.io/app@{B}"} == {world.image(key=key) for key in keys}


async def test_what_is_up_to_date_is_left_alone() -> None:
    """The same stream and the same workload again cost no write."""
    world = World()
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(1)
    for _ in range(3):
        world.follower.stream_changed(APP)
        world.follower.put(workload(world.cluster.bodies[KEY]))
        await asyncio.sleep(1)

    assert 1 == len(world.cluster.tries)


async def test_a_user_who_was_faster_is_seen_and_then_followed() -> None:
    """A patch whose guard fails changes nothing; the workload is read afresh and patched as it is now."""
    world = World()

    def interfere() -> None:
        world.cluster.before_patch = lambda: None
        body = copy.deepcopy(world.cluster.bodies[KEY])
        body["spec"]["replicas"] = 7
        body["spec"]["template"]["spec"]["containers"][0]["image"] = "mine:1"
        world.cluster.apply(body)

    world.cluster.before_patch = interfere
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(1)

    assert f"r.io/app@{A}" == world.image()
    assert 7 == world.cluster.bodies[KEY]["spec"]["replicas"]
    assert [0.0, 0.2] == world.cluster.tries
    assert [f'app:v1 moved from mine:1 to r.io/app@{A} (container "web")'] == [
        text for _, text, _ in world.told
    ]


async def test_a_stream_that_moves_while_a_patch_is_under_way_is_followed() -> None:
    """What changed during a write is written right after it."""
    world = World()
    world.cluster.latency = 1.0
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(0.5)
    world.move(stream(version="2", v1=B))
    await until(2.5)

    assert f"r.io/app@{B}" == world.image()
    assert [1.0, 2.0] == [time for time, _ in world.cluster.patches]


async def test_a_dropped_workload_is_left_alone() -> None:
    """What no longer follows anything is not written to when the stream moves."""
    world = World()
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(1)
    world.follower.drop(KEY)
    world.follower.drop(KEY)
    world.move(stream(version="2", v1=B))
    await until(2)

    assert f"r.io/app@{A}" == world.image()


async def test_changed_triggers_change_what_is_followed() -> None:
    """A workload that follows another stream now moves with that one, and no longer with the old."""
    world = World()
    world.move(stream(v1=A))
    world.move(stream("base", v1=A))
    world.apply(deployment(trigger()))
    await until(1)
    world.apply(deployment(trigger(source="base:v1")))
    await until(2)
    assert f"r.io/base@{A}" == world.image()
    world.move(stream(version="2", v1=B))
    await until(3)
    assert f"r.io/base@{A}" == world.image()
    world.move(stream("base", version="2", v1=B))
    await until(4)

    assert f"r.io/base@{B}" == world.image()


async def test_problems_are_told_once_until_they_change() -> None:
    """What is wrong with an annotation is a warning, once; a correction and another mistake are news."""
    world = World()
    world.move(stream(v1=A))
    wrong = deployment(trigger("gone"))
    world.apply(wrong)
    await until(1)
    world.apply(wrong)
    world.move(stream(version="2", v1=B))
    await until(2)
    problem = 'annotation image.openshift.io/triggers: entry 1: there is no container "gone"; there is web'
    assert [("TriggerInvalid", problem, True)] == world.told
    world.apply(deployment(trigger("lost")))
    await until(3)
    world.apply(deployment(trigger()))
    await until(4)

    assert ["TriggerInvalid", "TriggerInvalid", "ImageUpdated"] == world.reasons


async def test_one_bad_trigger_does_not_stop_the_other() -> None:
    """The good entry is applied and the bad one told."""
    world = World()
    world.move(stream(v1=A))
    world.apply(deployment(trigger("gone"), trigger()))
    await until(1)

    assert f"r.io/app@{A}" == world.image()
    assert {"TriggerInvalid", "ImageUpdated"} == set(world.reasons)


async def test_what_is_known_is_listed_for_the_sweep() -> None:
    """Uid and resourceVersion of every workload are told."""
    world = World()
    world.apply(deployment(trigger()))

    assert {KEY: ("d-1", "11")} == world.follower.known()
