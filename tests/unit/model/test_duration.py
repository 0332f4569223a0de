"""Durations: what people write, and what is said to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError
from imagestreams.model.duration import parse_duration, say_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("5s", 5),
        ("90s", 90),
        ("15m", 900),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2h3m4s", 7384),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """Hours, minutes and seconds add up, with fractions where somebody writes them."""
    assert seconds == parse_duration(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "m",
        "5 m",
        " 5m",
        "5m ",
        "5m\n",
        "-5m",
        "+5m",
        "5d",
        "100ms",
        "5M",
        "1h 30m",
        "\u0665m",
        ".5h",
        "5.m",
        "1" * 10 + "s",
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    """What cannot be read is shown, and how to write it."""
    with pytest.raises(InvalidError, match="is not a duration; write it like 30s, 15m or 1h30m") as refused:
        parse_duration(text)

    assert f'"{text[:40]}"' in str(refused.value)


@given(st.text(max_size=30) | st.text(alphabet="0123456789.hms- ", max_size=12))
def test_arbitrary_text_is_a_duration_or_refused(text: str) -> None:
    """Whatever is typed, the answer is a number of seconds, none negative, or InvalidError."""
    try:
        seconds = parse_duration(text)
    except InvalidError:
        return
    assert seconds >= 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (5, "5 s"),
        (90, "90 s"),
        (119, "119 s"),
        (120, "2 min"),
        (300, "5 min"),
        (3600, "60 min"),
        (5400, "90 min"),
        (7200, "2 h"),
        (7201, "7201 s"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: float, words: str) -> None:
    """The largest unit that needs no fraction is taken, from two of it on."""
    assert words == say_duration(seconds)
