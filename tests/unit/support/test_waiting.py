"""Waiting for a condition."""

import time

import pytest

from support.waiting import eventually


def test_returns_what_the_check_found() -> None:
    """A check that returns something truthy at its third call ends the waiting with that value."""
    answers = iter([None, "", "found"])

    found = eventually(lambda: next(answers), within=2, every=0.01, what="an answer")

    assert found == "found"


def test_asserts_hold_when_they_stop_failing() -> None:
    """A function declared to return None holds as soon as it raises no AssertionError."""
    calls: list[int] = []

    def third_call() -> None:
        calls.append(1)
        assert len(calls) == 3, "too early"

    eventually(third_call, within=2, every=0.01, what="the third call")

    assert len(calls) == 3


def test_fails_with_the_last_reason() -> None:
    """After the time it fails, saying what was awaited and why the last check did not hold."""

    def never() -> None:
        raise AssertionError("still 3 pods")

    started = time.monotonic()
    with pytest.raises(AssertionError, match=r"not within 0\.2 s: no pods; last: still 3 pods"):
        eventually(never, within=0.2, every=0.05, what="no pods")

    assert time.monotonic() - started < 5


def test_nothing_found_is_no_success() -> None:
    """A lambda that returns None is not taken for asserts that passed."""
    nothing: dict[str, str] = {}

    with pytest.raises(AssertionError, match="the check returned None"):
        eventually(lambda: nothing.get("a"), within=0.05, every=0.01, what="an entry")


def test_other_errors_pass_through() -> None:
    """An error that is no AssertionError ends the waiting at once."""
    calls: list[int] = []

    def broken() -> bool:
        calls.append(1)
        raise KeyError("typo")

    with pytest.raises(KeyError):
        eventually(broken, within=5, what="nothing")

    assert len(calls) == 1
