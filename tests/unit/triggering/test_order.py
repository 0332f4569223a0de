"""Who may roll out: a table of states, and any course of events."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.stream import StreamKey
from imagestreams.triggering.order import PATIENCE, Order
from imagestreams.triggering.rollouts import DONE, Phase, Rollout
from imagestreams.triggering.workload import WorkloadKey
from unit.triggering.deployments import deployment, trigger, workload

if TYPE_CHECKING:
    from imagestreams.triggering.workload import Workload

APP = StreamKey("shop", "app")
RUNNING = Rollout(Phase.RUNNING, "1 of 3 pods are new", (2, 1))
STUCK = Rollout(Phase.STUCK, "it has exceeded its progress deadline")
KEYS = [WorkloadKey("deployments", "shop", f"web-{number}") for number in range(6)]


def follower(number: int, rollout: Rollout = DONE, order: str = "") -> Workload:
    """Make the workload web-NUMBER in a state."""
    made = workload(deployment(trigger(), name=f"web-{number}"))
    return dataclasses.replace(made, rollout=rollout, order=order)


def order_of(*rollouts: Rollout, since: float = 0.0) -> Order:
    """Make an order that has seen web-0, web-1 ... in these states."""
    order = Order(lambda _: set(KEYS))
    order.all_known()
    for number, rollout in enumerate(rollouts):
        order.seen(follower(number, rollout), since)
    return order


@pytest.mark.parametrize(
    ("rollouts", "limit", "held"),
    [
        ((), None, False),
        ((RUNNING, RUNNING), None, False),
        ((), 1, False),
        ((RUNNING,), 1, True),
        ((RUNNING,), 2, False),
        ((RUNNING, RUNNING), 2, True),
        ((RUNNING, STUCK), 2, False),
        ((RUNNING, DONE), 2, False),
        ((RUNNING, RUNNING, RUNNING), 2, True),
    ],
)
def test_a_limit_counts_what_rolls_out(rollouts: tuple[Rollout, ...], limit: int | None, held: bool) -> None:
    """One more rolls out while fewer than the limit do; those that are done or given up do not count."""
    limits = {} if limit is None else {APP: limit}

    assert held is (order_of(*rollouts).hold(follower(5), limits, 0.0) is not None)


@pytest.mark.parametrize(
    ("rollout", "order", "held"),
    [
        (RUNNING, "", False),
        (RUNNING, "after-ready", True),
        (DONE, "after-ready", False),
        (STUCK, "after-ready", False),
        (dataclasses.replace(RUNNING, timed=True), "after-ready", True),
        (RUNNING, "nonsense", True),
    ],
)
def test_after_ready_looks_at_the_workload_itself(rollout: Rollout, order: str, held: bool) -> None:
    """Only its own rollout that runs holds a workload up, and only if it says so."""
    found = order_of(rollout).hold(follower(0, rollout, order), {}, 0.0)

    assert held is (found is not None)


@pytest.mark.parametrize(("timed", "late"), [(False, False), (True, True)])
def test_patience_ends_unless_a_deadline_runs(timed: bool, late: bool) -> None:
    """After ten minutes without progress a rollout counts no more, unless its controller will tell."""
    rollout = dataclasses.replace(RUNNING, timed=timed)
    order = order_of(rollout)

    assert order.hold(follower(5), {APP: 1}, PATIENCE - 1) is not None
    assert late is (order.hold(follower(5), {APP: 1}, PATIENCE) is not None)


def test_pods_that_come_and_go_are_no_progress() -> None:
    """A rollout whose counts go back and forth does not get on, and counts no more when patience ends."""
    order = order_of(RUNNING)
    for at in range(30, int(PATIENCE) + 30, 30):
        ready = dataclasses.replace(RUNNING, progress=(2, 1 + at // 30 % 2))
        order.seen(follower(0, ready), float(at))
        if at == 30:
            assert order.hold(follower(5), {APP: 1}, float(at)) is not None

    assert order.hold(follower(5), {APP: 1}, PATIENCE + 31) is None


def test_who_waits_for_another_stream_keeps_nobody_from_this_one() -> None:
    """The first in the order waits for a stream that is busy: the next, of the free one, goes."""
    other = StreamKey("shop", "other")
    followed = {APP: {KEYS[1], KEYS[2]}, other: {KEYS[0], KEYS[1]}}
    order = Order(lambda key: followed[key])
    order.all_known()
    order.seen(follower(0, RUNNING), 0.0)

    assert order.hold(follower(1), {APP: 1, other: 1}, 0.0) is not None
    assert order.hold(follower(2), {APP: 1}, 0.0) is None


def test_several_streams_must_all_leave_room() -> None:
    """A workload that tags of two streams move waits for both, and is due when both have room."""
    other = StreamKey("shop", "other")
    followed = {APP: {KEYS[0], KEYS[2]}, other: {KEYS[1], KEYS[2]}}
    order = Order(lambda key: followed[key])
    order.all_known()
    for number in (0, 1):
        order.seen(follower(number, RUNNING), 0.0)
    limits = {APP: 1, other: 1}
    assert order.hold(follower(2), limits, 0.0) is not None
    order.seen(follower(0), 1.0)
    assert [] == order.due(1.0)
    assert order.hold(follower(2), limits, 1.0) is not None
    order.seen(follower(1), 2.0)

    assert [KEYS[2]] == order.due(2.0)
    assert order.hold(follower(2), limits, 2.0) is None


@given(
    st.integers(1, 4),
    st.permutations(range(6)),
    st.lists(st.sampled_from(["done", "stuck", "gone", "fails"]), min_size=40, max_size=40),
)
def test_in_any_course_of_events_the_limit_holds_and_all_have_their_turn(
    limit: int, asked: list[int], ends: list[str]
) -> None:
    """However rollouts and writes end, never do more roll out than may, and nobody waits for ever."""
    order = order_of()
    limits = {APP: limit}
    rolling: list[int] = []
    written: set[int] = set()
    to_look_at = list(asked)
    for end in ends:
        while to_look_at:
            number = to_look_at.pop(0)
            if number in written:
                continue
            if order.hold(follower(number), limits, 0.0) is None:
                order.writing(KEYS[number])
                if end == "fails":
                    # It comes again, later, by itself; its place is free for another meanwhile.
                    order.wrote(KEYS[number])
                    end = "done"  # noqa: PLW2901  # it fails once
                    to_look_at += [int(key.name[-1]) for key in order.due(0.0)] + [number]
                    continue
                order.seen(follower(number, RUNNING), 0.0)
                order.wrote(KEYS[number])
                rolling.append(number)
                written.add(number)
            assert len(rolling) <= limit
        if rolling:
            number = rolling.pop(0)
            if end == "gone":
                order.drop(KEYS[number])
            else:
                order.seen(follower(number, STUCK if end == "stuck" else DONE), 0.0)
            to_look_at = [int(key.name[-1]) for key in order.due(0.0)]
            assert to_look_at == sorted(to_look_at)

    assert set(asked) == written
    assert 0 == order.waiting
