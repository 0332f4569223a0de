"""The follower in a fight, in virtual time: manual edits put back, and damped, and told of with a name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from imagestreams.triggering.fights import REVERTS, WINDOW
from unit.triggering.deployments import A, B, deployment, stream, trigger
from unit.triggering.world import KEY, World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

OURS = f"r.io/app@{A}"


def overwrite(world: World, image: str = "mine:1") -> None:
    """Let a user set the image by hand."""
    body = copy.deepcopy(world.cluster.bodies[KEY])
    body["spec"]["template"]["spec"]["containers"][0]["image"] = image
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}}}
    }
    body["metadata"]["managedFields"] = [{"manager": "argocd", "operation": "Apply", "fieldsV1": fields}]
    world.apply(body)


async def fight(world: World, times: int, every: float, begin: float = 10.0) -> None:
    """Follow v1, and let somebody overwrite the image over and over."""
    if KEY not in world.cluster.bodies:
        world.move(stream(v1=A))
        world.apply(deployment(trigger()))
    for number in range(times):
        await until(begin + number * every)
        overwrite(world)


def most_in_a_second(times: list[float]) -> int:
    """Count how many of these are within one second, at the most."""
    return max(sum(1 for other in times if 0 <= other - time < 1.0) for time in times)


async def test_an_edit_by_hand_is_put_back_at_once() -> None:
    """What somebody sets is our image again in the same moment."""
    world = World()
    await fight(world, 1, every=1.0)
    await until(10.01)

    assert OURS == world.image()
    assert ["ImageUpdated", "ImageUpdated"] == world.reasons


@pytest.mark.parametrize("every", [0.0, 0.01, 0.1, 0.5, 1.0, 3.0])
async def test_fifty_overwrites_in_a_row_are_damped(every: float) -> None:
    """No second sees more than two writes, and no minute more than six; the last image is ours."""
    world = World()
    await fight(world, 50, every=every)
    await until(400)

    assert most_in_a_second(world.cluster.tries) <= 2
    in_a_minute = max(
        sum(1 for other in world.cluster.tries if 0 <= other - time < WINDOW) for time in world.cluster.tries
    )
    assert in_a_minute <= REVERTS + 1
    assert OURS == world.image()
    await until(1000)
    assert OURS == world.image()


async def test_an_edit_now_and_then_is_no_fight() -> None:
    """Fifty edits by hand, each a quarter of a minute after the other, are put back each time."""
    world = World()
    for number in range(50):
        await fight(world, 1, every=0.0, begin=10.0 + 15.0 * number)
        await until(10.01 + 15.0 * number)
        assert OURS == world.image()

    assert "TriggerFight" not in world.reasons


async def test_a_fight_is_told_once_with_who_wrote_the_field() -> None:
    """The Event names the other writer, and how to end it."""
    world = World()
    await fight(world, 30, every=1.5)

    (message,) = [message for reason, message, _ in world.told if reason == "TriggerFight"]
    assert message.startswith(
        '"argocd (Apply)" puts another image into web as often as its trigger\'s is written'
    )
    assert "at most 5 times a minute" in message
    assert "pause the trigger" in message


async def test_a_fight_that_nobody_can_be_blamed_for_is_told_all_the_same() -> None:
    """When the object cannot be read the Event says so much: somebody."""
    world = World()

    async def unread(*_: Any) -> tuple[str, ...]:
        world.cluster.down_until = float("inf")
        await world.cluster._answer()
        raise AssertionError

    # The API server goes down just then.
    world.cluster.writers = unread  # type: ignore[method-assign, assignment]
    await fight(world, 7, every=2.0)

    (message,) = [message for reason, message, _ in world.told if reason == "TriggerFight"]
    assert message.startswith("somebody puts another image into web")


async def test_a_moved_tag_ends_the_pause_of_a_fight() -> None:
    """While a revert waits, another image of the tag is written at once."""
    world = World()
    await fight(world, 8, every=2.0)
    await until(30)
    assert "mine:1" == world.image()
    world.move(stream(version="2", v1=B))
    await until(30.01)

    assert f"r.io/app@{B}" == world.image()


async def test_a_pause_ends_a_fight() -> None:
    """A trigger that is paused while a revert waits leaves the image alone, for good."""
    world = World()
    await fight(world, 8, every=2.0)
    await until(30)
    paused = deployment(trigger(paused=True), containers={"web": "mine:1"})
    world.apply(paused)
    await until(300)

    assert "mine:1" == world.image()


async def test_a_second_fight_is_told_again() -> None:
    """After a fight was over, and an hour of peace, another is news."""
    world = World()
    await fight(world, 8, every=2.0)
    await until(3600)
    await fight(world, 8, every=2.0, begin=3600.0)

    assert 2 == world.reasons.count("TriggerFight")
