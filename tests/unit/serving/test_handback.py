"""The operator's switch (serving.handback), in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from imagestreams.errors import ClusterError
from imagestreams.kube.apiservices import Registration
from imagestreams.metrics import Metrics
from imagestreams.serving.handback import EVERY, PATIENCE, HandBack

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def registered(*, available: bool, uid: str = "1") -> Registration:
    """Give our registration, well or not."""
    return Registration(uid, "7", available, "" if available else "no response", {})


class Registrations:
    """Keeps the registration of v1 as an API server does, and when it was handed back."""

    def __init__(self, found: Registration | None) -> None:
        self.found = found
        self.down = False
        self.answered = True
        self.handed_back: list[float] = []

    async def read(self) -> Registration | None:
        """Read it."""
        if self.down:
            raise ClusterError("the API server did not answer")
        return self.found

    async def answers(self) -> bool:
        """Tell whether v1 is answered."""
        return self.answered

    async def hand_back(self, registration: Registration) -> bool:
        """Delete it, if it is the one that is meant."""
        if registration != self.found:
            return False
        self.found = None
        self.handed_back.append(asyncio.get_running_loop().time())
        return True


class World:
    """A switch that runs beside a registration."""

    def __init__(self, found: Registration | None) -> None:
        self.stored = Registrations(found)
        self.metrics = Metrics()
        self.told: list[tuple[str, str]] = []
        self.switch = HandBack(self.stored, self.metrics, tell=lambda *told: self.told.append(told))

    async def run(self, seconds: float) -> None:
        """Let it run for a while."""
        task = asyncio.create_task(self.switch.run())
        await asyncio.sleep(seconds)
        task.cancel()


async def test_v1_is_handed_back_after_a_minute_without_an_answer() -> None:
    """Once, with an Event that says why, and a count."""
    world = World(registered(available=False))
    await world.run(300)

    (at,) = world.stored.handed_back
    assert PATIENCE <= at <= PATIENCE + EVERY
    ((reason, message),) = world.told
    assert "HandedBack" == reason
    assert "the image API did not answer for 60 s (no response)" in message
    assert 1 == world.metrics.handed_back._value.get()


async def test_an_image_api_that_is_well_keeps_v1() -> None:
    """Whatever time passes; and so does the CRD's own, or somebody else's, registration."""
    for found in (registered(available=True), None):
        world = World(found)
        await world.run(1000)
        assert [] == world.stored.handed_back


async def test_an_image_api_that_comes_back_in_time_keeps_v1() -> None:
    """A minute is counted anew each time, and for each registration."""
    world = World(registered(available=False))
    task = asyncio.create_task(world.switch.run())
    for available, uid in ((False, "1"), (True, "1"), (False, "1"), (False, "2")):
        world.stored.found = registered(available=available, uid=uid)
        await asyncio.sleep(PATIENCE - 2 * EVERY)
    task.cancel()
    assert [] == world.stored.handed_back


async def test_an_operator_that_starts_does_not_wait() -> None:
    """Kopf would not start: what does not answer then is handed back at once, what does is not."""
    stale, just_killed, well, just_begun = (
        World(registered(available=each)) for each in (False, True, True, False)
    )
    stale.stored.answered = just_killed.stored.answered = False
    for world in (stale, just_killed, well, just_begun):
        await world.switch.before_start()
    expected = [[0.0], [0.0], [], []]
    assert expected == [each.stored.handed_back for each in (stale, just_killed, well, just_begun)]


async def test_an_api_server_that_does_not_answer_is_asked_again() -> None:
    """What is not known is nobody's outage; it is looked at again."""
    world = World(registered(available=False))
    world.stored.down = True
    task = asyncio.create_task(world.switch.run())
    await asyncio.sleep(200)
    assert [] == world.stored.handed_back
    world.stored.down = False
    await asyncio.sleep(PATIENCE + 2 * EVERY)
    task.cancel()
    assert 1 == len(world.stored.handed_back)
