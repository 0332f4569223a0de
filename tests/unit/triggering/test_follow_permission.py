"""Workloads that follow streams of other namespaces: with permission, without, and when it changes."""

from __future__ import annotations

import asyncio

import pytest

from imagestreams.importing.permitting import HOLDS, UNUSED, Permissions
from imagestreams.model.permission import Permission
from imagestreams.model.stream import StreamKey
from unit.triggering.deployments import A, B, deployment, stream, trigger
from unit.triggering.world import World, now, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

BASE = StreamKey("base", "app")
FOREIGN = trigger() | {"from": {"kind": "ImageStreamTag", "name": "app:v1", "namespace": "base"}}


class Reviewed(World):
    """A world whose permissions are asked for, as app puts it together."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed = False
        self.reviews: list[tuple[float, str, StreamKey]] = []
        self.permissions = Permissions(
            self._review, followed=self.follower.foreign, changed=self.follower.permission_changed
        )
        self.follower._applier._permission = self.permissions.now
        self.running = asyncio.create_task(self.permissions.run())

    async def _review(self, namespace: str, key: StreamKey) -> Permission:
        self.reviews.append((now(), namespace, key))
        await asyncio.sleep(0.1)
        return Permission(self.allowed, "" if self.allowed else "kubectl create rolebinding")

    def end(self) -> None:
        """End what runs beside."""
        self.running.cancel()
        self.permissions.close()


async def test_without_permission_nothing_moves_and_the_command_is_told() -> None:
    """The image stays, and one Event on each workload tells how the right is granted."""
    world = Reviewed()
    world.move(stream(namespace="base", v1=A))
    for name in ("web", "other"):
        world.apply(deployment(FOREIGN, name=name))
    await until(3600)

    assert "old:1" == world.image()
    assert ["TriggerForbidden", "TriggerForbidden"] == world.reasons
    assert "Who may grant it runs: kubectl create rolebinding" in world.told[0][1]
    world.end()


async def test_a_right_that_is_granted_and_revoked_takes_effect_within_a_minute() -> None:
    """Granted, the image follows; revoked, it moves no further, and that is told."""
    world = Reviewed()
    world.move(stream(namespace="base", v1=A))
    world.apply(deployment(FOREIGN))
    await until(10)
    world.allowed = True
    await until(70)
    assert f"r.io/app@{A}" == world.image()

    world.allowed = False
    await until(130)
    world.move(stream(namespace="base", version="2", v1=B))
    await until(200)
    assert f"r.io/app@{A}" == world.image()
    assert ["TriggerForbidden", "ImageUpdated", "TriggerForbidden"] == world.reasons
    world.end()


async def test_a_pair_is_asked_for_once_however_many_follow() -> None:
    """A hundred workloads of a namespace cost one question each half a minute."""
    world = Reviewed()
    world.move(stream(namespace="base", v1=A))
    for number in range(100):
        world.apply(deployment(FOREIGN, name=f"web-{number}"))
    await until(601)

    assert {("shop", BASE)} == {(namespace, key) for _, namespace, key in world.reviews}
    assert 600 / (HOLDS + 5) <= len(world.reviews) <= 1 + 600 / HOLDS
    world.end()


async def test_what_nobody_follows_any_more_is_forgotten() -> None:
    """When its last workload is gone a pair is asked for no more, and not kept."""
    world = Reviewed()
    world.apply(deployment(FOREIGN))
    await until(1)
    assert 1 == len(world.permissions)
    world.apply(deployment(trigger()))
    await until(1 + UNUSED + 20)

    assert 0 == len(world.permissions)
    assert 1 == len(world.reviews)
    assert [] == world.follower.foreign()
    world.end()


async def test_who_may_not_wait_is_told_what_is_known() -> None:
    """Asked without waiting, it is not known at first, and known a moment later; an own stream always is."""
    world = Reviewed()
    world.allowed = True
    assert True is world.permissions.now("base", BASE).granted
    assert None is world.permissions.now("shop", BASE).granted
    assert None is world.permissions.now("shop", BASE).granted
    await until(0.2)

    assert True is world.permissions.now("shop", BASE).granted
    assert 1 == len(world.reviews)
    world.end()
