"""Challenges written to be hard to read."""

from __future__ import annotations

import time

import pytest

from imagestreams.registry.challenge import Challenge, parse_challenges


def test_only_the_beginning_of_a_long_header_is_read() -> None:
    """What stands within the first 8 KiB counts; what begins behind them, or reaches over, does not."""
    first = 'Bearer realm="https://r.io/t"'
    read = parse_challenges(f'{first},x="{"a" * 9_000}", Basic realm="y"')

    assert Challenge("bearer", {"realm": "https://r.io/t"}) == read[0]
    assert "basic" not in {challenge.scheme for challenge in read}
    assert (read[0],) == parse_challenges(f"{first},{', ' * 5_000} Basic realm=y")


@pytest.mark.parametrize(
    "piece",
    ["a", "a ", 'a="', 'a="\\', "a =", 'a= "b', "a\t\t", "é", 'a=\\"', '"\\', "a,", "a=b ", "a" * 99 + "@"],
)
def test_no_header_holds_a_thread(piece: str) -> None:
    """A header as long as HTTP allows, of whatever pieces, is no work of seconds; it once took a minute."""
    header = piece * (65_536 // len(piece)) + '"'
    started = time.process_time()
    for _ in range(5):
        parse_challenges(header)

    assert time.process_time() - started < 3.0
