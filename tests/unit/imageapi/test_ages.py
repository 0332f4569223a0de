"""How long ago something was, in the original's words (imageapi.ages)."""

from __future__ import annotations

import datetime as dt

import pytest

from imagestreams.imageapi.ages import ago, human_duration

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "Less than a second"),
        (0.99, "Less than a second"),
        (1, "1 second"),
        (1.99, "1 second"),
        (2, "2 seconds"),
        (59.9, "59 seconds"),
        (MINUTE, "About a minute"),
        (2 * MINUTE - 1, "About a minute"),
        (2 * MINUTE, "2 minutes"),
        (HOUR - 1, "59 minutes"),
        (HOUR, "About an hour"),
        (1.5 * HOUR - 1, "About an hour"),
        (1.5 * HOUR, "2 hours"),
        (47.5 * HOUR - 1, "47 hours"),
        (47.5 * HOUR, "2 days"),
        (14 * DAY - HOUR, "13 days"),
        (14 * DAY, "2 weeks"),
        (60 * DAY - HOUR, "8 weeks"),
        (60 * DAY, "2 months"),
        (730 * DAY - HOUR, "24 months"),
        (730 * DAY, "2 years"),
        (4000 * DAY, "10 years"),
    ],
)
def test_a_duration_has_the_words_of_the_original(seconds: float, words: str) -> None:
    """Each bound of go-units' HumanDuration: hours are rounded, weeks begin at two."""
    assert words == human_duration(seconds)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("2026-11-23T17:04:26Z", "34 seconds ago"),
        ("2026-11-23T17:04:26.5Z", "33 seconds ago"),
        ("2026-11-23T18:04:26+01:00", "34 seconds ago"),
        ("", ""),
        ("yesterday", ""),
        ("2026-11-23T17:04:26", ""),
    ],
)
def test_a_time_is_told_by_its_age(time: str, words: str) -> None:
    """A time is told by how long ago it was; nothing is said of what is no time with its zone."""
    assert words == ago(time, dt.datetime(2026, 11, 23, 17, 5, 0, tzinfo=dt.UTC))
