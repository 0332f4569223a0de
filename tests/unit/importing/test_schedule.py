"""The schedule behaves as a dictionary of due times would, however it is used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.importing.schedule import Pace, Schedule, jitter


class Naive:
    """The same by the simplest means: every entry in a list, sorted when somebody asks."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, int, str]] = []
        self.count = 0

    def due(self, key: str) -> float | None:
        """Find when a key is due."""
        return next((due for due, _, known in self.entries if known == key), None)

    def set(self, key: str, due: float) -> None:
        """Make a key due."""
        self.drop(key)
        self.count += 1
        self.entries.append((due, self.count, key))

    def hasten(self, key: str, due: float) -> None:
        """Make a key due, unless it is sooner."""
        known = self.due(key)
        if known is None or due < known:
            self.set(key, due)

    def drop(self, key: str) -> None:
        """Forget a key."""
        self.entries = [entry for entry in self.entries if entry[2] != key]

    def take_due(self, now: float) -> list[str]:
        """Take what is due."""
        taken = sorted(entry for entry in self.entries if entry[0] <= now)
        self.entries = [entry for entry in self.entries if entry[0] > now]
        return [key for _, _, key in taken]


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "hasten", "hasten", "drop", "take"]),
        st.sampled_from("abcdef"),
        st.integers(0, 20),
    ),
    max_size=60,
)


@given(_STEPS)
def test_it_does_what_a_sorted_list_does(steps: list[tuple[str, str, int]]) -> None:
    """After any steps the same keys came out in the same order, and the next time is the same."""
    schedule: Schedule[str] = Schedule()
    naive = Naive()
    for step, key, time in steps:
        if step == "take":
            assert naive.take_due(time) == schedule.take_due(time)
        elif step == "drop":
            naive.drop(key)
            schedule.drop(key)
        else:
            getattr(naive, step)(key, time)
            getattr(schedule, step)(key, time)
        assert len(naive.entries) == len(schedule)
        assert min((due for due, _, _ in naive.entries), default=None) == schedule.next_due()


def test_setting_a_key_again_and_again_keeps_the_heap_small() -> None:
    """A key that is set ten thousand times costs the memory of a few, and is taken once."""
    schedule: Schedule[str] = Schedule()
    for number in range(10_000):
        schedule.set("a", number)

    assert len(schedule._heap) <= 66
    assert ["a"] == schedule.take_due(10_000)


def test_equal_times_come_out_in_the_order_they_were_set() -> None:
    """Among keys due at one time, the one that was set first is taken first."""
    schedule: Schedule[str] = Schedule()
    for key in "cab":
        schedule.set(key, 1.0)

    assert ["c", "a", "b"] == schedule.take_due(1.0)


def test_keys_need_no_order() -> None:
    """Keys of one time are never compared with each other."""
    schedule: Schedule[frozenset[int]] = Schedule()
    keys = [frozenset({number}) for number in range(5)]
    for key in keys:
        schedule.set(key, 1.0)

    assert keys == schedule.take_due(2.0)


@given(st.text(), st.floats(0, 1e6))
def test_jitter_is_within_its_span_and_always_the_same(name: str, span: float) -> None:
    """A name has one place in a span, from its start up to its end."""
    place = jitter(name, span)

    assert 0 <= place <= span
    assert place == jitter(name, span)


@pytest.mark.parametrize("buckets", [10])
def test_jitter_spreads_names_evenly(buckets: int) -> None:
    """Of 10,000 names about a tenth falls into each tenth of the span."""
    counts = [0] * buckets
    for number in range(10_000):
        counts[int(jitter(f"uid-{number}/latest", buckets))] += 1

    assert 900 < min(counts) <= max(counts) < 1100


def test_a_pace_lets_a_second_worth_of_turns_go_at_once_and_spaces_the_rest() -> None:
    """Of thirty turns at ten a second ten are now, and then one comes each tenth of a second."""
    pace = Pace(10)
    waits = [round(pace.take(100.0), 6) for _ in range(30)]

    assert [0.0] * 11 == waits[:11]
    assert [round(number / 10, 6) for number in range(1, 20)] == waits[11:]


def test_turns_that_nobody_takes_are_kept_for_a_second_only() -> None:
    """After an hour's rest as many go at once as after a second's."""
    pace = Pace(10)
    pace.take(0.0)

    assert [0.0] * 11 + [0.1] == [round(pace.take(3600.0), 6) for _ in range(12)]
