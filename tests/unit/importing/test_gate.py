"""Shares and turns of the gate that questions pass."""

from __future__ import annotations

import asyncio
import functools

import pytest

from imagestreams.importing.gate import Gate, Lane
from imagestreams.importing.plan import Priority

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Crowd:
    """Questions that pass a gate, each staying inside for a while."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.inside: list[tuple[str, str]] = []
        self.most = 0
        self.entered: list[tuple[str, float]] = []

    async def ask(
        self, namespace: str, host: str, *, stay: float = 1.0, priority: Priority = Priority.SCHEDULED
    ) -> None:
        """Pass the gate once."""
        async with self.gate.passing(Lane(priority, namespace, host)):
            self.inside.append((namespace, host))
            self.most = max(self.most, len(self.inside))
            self.entered.append((host, asyncio.get_running_loop().time()))
            await asyncio.sleep(stay)
            self.inside.remove((namespace, host))


async def test_no_more_than_the_total_are_inside() -> None:
    """Of many questions to many hosts, only so many are under way at once, and all have their turn."""
    crowd = Crowd(Gate(total=3, share=2))
    await asyncio.gather(*(crowd.ask(f"ns{number}", f"host{number}") for number in range(10)))
    assert (3, 10) == (crowd.most, len(crowd.entered))


async def test_a_host_that_hangs_holds_its_share_only() -> None:
    """While one host keeps all its questions waiting, another is asked at once, by the same namespace too."""
    crowd = Crowd(Gate(total=10, share=4))
    hanging = [asyncio.create_task(crowd.ask("shop", "slow.io", stay=1000)) for _ in range(3)]
    hanging += [asyncio.create_task(crowd.ask(f"ns{number}", "slow.io", stay=1000)) for number in range(50)]
    await asyncio.sleep(1)
    await crowd.ask("shop", "quick.io")

    assert 4 == len([host for host, _ in crowd.entered if host == "slow.io"])
    assert ("quick.io", 1.0) == crowd.entered[-1]
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_host_that_hangs_does_not_hold_all_of_a_namespaces_places() -> None:
    """Though fifty of its tags wait for one host, what a namespace has at another is asked at once."""
    crowd = Crowd(Gate(total=32, share=8))
    hanging = [asyncio.create_task(crowd.ask("shop", "slow.io", stay=1000)) for _ in range(50)]
    await asyncio.sleep(1)
    assert 6 == len(crowd.entered)
    for _ in range(3):
        await crowd.ask("shop", "quick.io")

    assert [("quick.io", 1.0), ("quick.io", 2.0), ("quick.io", 3.0)] == crowd.entered[6:]
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_hosts_that_do_not_answer_leave_half_of_the_places_to_others() -> None:
    """However many hosts are silent, and whatever is asked of them, those that answer are asked on."""
    gate = Gate(total=32, share=8)
    crowd = Crowd(gate)
    dead = [f"dead{number}.io" for number in range(6)]
    for host in dead:
        gate.silent(host)
    hanging = [
        asyncio.create_task(crowd.ask(f"ns{number}", host, stay=10)) for number in range(50) for host in dead
    ]
    await asyncio.sleep(1)
    assert 16 == len(crowd.inside)
    well = [crowd.ask(f"ns{number}", "well.io", stay=0.1) for number in range(80)]
    await asyncio.wait_for(asyncio.gather(*well), timeout=1.5)
    gate.heard(dead[0])
    await crowd.ask("shop", dead[0], stay=0.1, priority=Priority.EDIT)
    await asyncio.sleep(0.1)

    assert 24 == len(crowd.inside)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_namespace_with_many_tags_holds_its_share_only() -> None:
    """Thousands of questions of one namespace, to as many hosts, leave room for the others."""
    crowd = Crowd(Gate(total=10, share=4))
    many = [asyncio.create_task(crowd.ask("greedy", f"host{number}", stay=100)) for number in range(500)]
    await asyncio.sleep(1)
    await crowd.ask("shop", "quick.io")

    assert ("quick.io", 1.0) == crowd.entered[-1]
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)


async def test_those_who_gave_up_waiting_take_no_place() -> None:
    """A question that is cancelled before its turn, or inside, leaves the gate as if it had never come."""
    crowd = Crowd(Gate(total=1, share=1))
    first = asyncio.create_task(crowd.ask("a", "host", stay=100))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(crowd.ask("a", "host")) for _ in range(3)]
    await asyncio.sleep(1)
    waiting[0].cancel()
    first.cancel()
    await asyncio.gather(first, *waiting, return_exceptions=True)

    assert 3 == len(crowd.entered)
    await crowd.ask("a", "host")
    assert 4 == len(crowd.entered)


async def test_who_is_urgent_goes_before_a_backlog() -> None:
    """An edit is let in next, though a thousand checks of its own namespace and host came first."""
    crowd = Crowd(Gate(total=4, share=2))
    backlog = [asyncio.create_task(crowd.ask("shop", "host")) for _ in range(1000)]
    await asyncio.sleep(10.5)
    await crowd.ask("shop", "host", priority=Priority.EDIT, stay=0)
    assert 11.0 == asyncio.get_running_loop().time()
    for each in backlog:
        each.cancel()


async def test_each_priority_goes_before_the_next() -> None:
    """Edits, then retries, then what is due, then the backlog; each fifth turn is the last one's."""
    gate = Gate(total=1, share=1)
    entered: list[Priority] = []

    def start(priority: Priority) -> bool:
        entered.append(priority)
        return True

    hold = Lane(Priority.EDIT, "shop", "host")
    gate.queue(hold, lambda: True)
    for priority in reversed(Priority):
        for _ in range(3):
            gate.queue(Lane(priority, "shop", "host"), functools.partial(start, priority))
    for _ in range(12):
        gate.leave(hold)
    edit, retry, scheduled, backlog = Priority
    expected = [
        edit,
        edit,
        edit,
        retry,
        backlog,
        retry,
        retry,
        scheduled,
        scheduled,
        backlog,
        scheduled,
        backlog,
    ]
    assert expected == entered


async def test_who_has_nothing_to_do_any_more_takes_no_place() -> None:
    """A start that gives False is passed over, and the next one is let in by the same turn."""
    gate = Gate(total=1, share=1)
    lane = Lane(Priority.SCHEDULED, "shop", "host")
    started: list[Lane] = []

    def start() -> bool:
        started.append(lane)
        return True

    gate.queue(lane, lambda: True)
    for _ in range(5000):
        gate.queue(lane, lambda: False)
    gate.queue(lane, start)
    gate.leave(lane)
    assert [lane] == started


async def test_turns_go_round_namespaces_and_hosts() -> None:
    """Of a backlog of two namespaces for two hosts each has every fourth turn, whoever came first."""
    gate = Gate(total=1, share=1)
    entered: list[Lane] = []

    def start(lane: Lane) -> bool:
        entered.append(lane)
        return True

    for namespace in ("a", "b"):
        for host in ("x", "y"):
            for _ in range(3):
                lane = Lane(Priority.SCHEDULED, namespace, host)
                gate.queue(lane, functools.partial(start, lane))
    for _ in range(11):
        gate.leave(entered[-1])
    names = [f"{lane.namespace}{lane.host}" for lane in entered]
    # The first found the gate empty.
    assert ["ax", *["ax", "ay", "bx", "by"] * 2, "bx", "ay", "by"] == names


async def test_who_is_urgent_keeps_to_the_shares() -> None:
    """A namespace that calls everything urgent holds no more than its share."""
    crowd = Crowd(Gate(total=4, share=2))
    await asyncio.gather(
        *(crowd.ask("shop", f"host{number}", priority=Priority.EDIT) for number in range(10))
    )
    assert 2 == crowd.most


async def test_a_host_that_limits_gets_half_as_many_at_once() -> None:
    """Again and again, but one at least; other hosts keep their share."""
    gate = Gate(total=100, share=8)
    most = []
    for _ in range(5):
        crowd = Crowd(gate)
        await asyncio.gather(*(crowd.ask(f"ns{number}", "host", stay=100) for number in range(20)))
        most.append(crowd.most)
        gate.narrow("host", 0.0)
    other = Crowd(gate)
    await asyncio.gather(*(other.ask(f"ns{number}", "other") for number in range(20)))
    assert ([8, 4, 2, 1, 1], 8) == (most, other.most)


async def test_a_host_that_limits_is_asked_half_as_often() -> None:
    """Of a hundred questions that a host would get in a second it gets ten in the next after it said 429."""
    gate = Gate(total=100, share=20)
    crowd = Crowd(gate)
    await asyncio.gather(*(crowd.ask(f"ns{number}", "host", stay=0.0) for number in range(20)))
    gate.narrow("host", 0.0)
    began = asyncio.get_running_loop().time()
    later = [asyncio.create_task(crowd.ask(f"ns{number}", "host", stay=0.0)) for number in range(100)]
    await asyncio.sleep(1.05)

    assert 11 == len([time for _, time in crowd.entered[20:] if time >= began])
    await asyncio.gather(*later)
    assert 10.0 > asyncio.get_running_loop().time() - began > 9.8
