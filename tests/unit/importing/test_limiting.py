"""How a host that limits us is asked: half as much at once, and more again as it answers well."""

from __future__ import annotations

import pytest

from imagestreams.importing.limiting import Limits

SHARE = 8


def busy(rate: int, now: float = 0.0) -> Limits:
    """Make limits where a host got so many questions in the last second."""
    limits = Limits(SHARE)
    for number in range(rate):
        limits.went("host", now + number / rate)
    return limits


def allowed(limits: Limits, now: float, seconds: float = 10.0) -> int:
    """Count the questions that go to a host in some seconds when more always wait."""
    count, until = 0, now + seconds
    while now < until:
        limits.went("host", now)
        count += 1
        now += max(limits.wait("host", now), 0.001)
    return count


def test_a_host_that_never_limited_has_no_limit() -> None:
    """It has its share of places, and nobody waits, however much goes."""
    limits = busy(1000)

    assert (SHARE, 0.0) == (limits.places("host"), limits.wait("host", 1.0))


@pytest.mark.parametrize(("rate", "half"), [(100, 50), (10, 5), (1, 1)])
def test_the_rate_is_half_of_what_went(rate: int, half: int) -> None:
    """So many questions in ten seconds as went in five; one a second at the least."""
    limits = busy(rate)
    limits.narrow("host", 1.0, 30.0)

    assert SHARE / 2 == limits.places("host")
    assert half * 10 == pytest.approx(allowed(limits, 31.0), abs=1)


def test_what_is_refused_during_a_pause_is_the_same_refusal() -> None:
    """Eight questions on their way are answered 429: that is one wish, not eight."""
    limits = busy(100)
    for _ in range(8):
        limits.narrow("host", 1.0, 30.0)

    assert SHARE / 2 == limits.places("host")
    assert 500 == pytest.approx(allowed(limits, 31.0), abs=1)


def test_refused_again_after_the_pause_it_gets_half_of_the_half() -> None:
    """And what it was not even asked for is no measure of what it takes."""
    limits = busy(100)
    limits.narrow("host", 1.0, 30.0)
    allowed(limits, 31.0)
    limits.narrow("host", 41.0, 30.0)

    assert SHARE / 4 == limits.places("host")
    assert 250 == pytest.approx(allowed(limits, 71.0), abs=1)


def test_good_answers_give_back_places_and_pace() -> None:
    """One place for as many answers as there are places; one question a second more each second."""
    limits = busy(100)
    limits.narrow("host", 1.0, 1.0)
    for _ in range(4):
        limits.widen("host")
    assert 4.9 < limits.places("host") <= 5.0
    for _ in range(50):
        limits.widen("host")

    assert SHARE == limits.places("host")
    assert 510 == pytest.approx(allowed(limits, 2.0), abs=5)


def test_as_much_as_before_is_no_limit_any_more() -> None:
    """When it takes again what it got when it began to limit, it is as any other host."""
    limits = busy(10)
    limits.narrow("host", 1.0, 1.0)
    for _ in range(100):
        limits.widen("host")

    assert (SHARE, 0.0) == (limits.places("host"), limits.wait("host", 2.0))
    allowed(limits, 2.0, 0.1)
    assert 0.0 == limits.wait("host", 2.1)


def test_other_hosts_are_not_concerned() -> None:
    """A limit is of one host."""
    limits = busy(100)
    limits.narrow("host", 1.0, 30.0)

    assert (SHARE, 0.0) == (limits.places("other"), limits.wait("other", 1.0))
