"""Challenges as registries write them, well and badly."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.registry.challenge import Challenge, parse_challenges

BEARER = 'Bearer realm="https://auth.r.io/token",service="r.io",scope="repository:a/b:pull"'
SHOUTED = 'BEARER REALM="https://auth.r.io/token",Service="r.io",SCOPE="repository:a/b:pull"'
REALM = {"realm": "https://auth.r.io/token", "service": "r.io", "scope": "repository:a/b:pull"}


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="Registry Realm"', [("basic", {"realm": "Registry Realm"})]),
        ("Basic realm=plain", [("basic", {"realm": "plain"})]),
        (BEARER, [("bearer", REALM)]),
        (BEARER.replace('",', '" , '), [("bearer", REALM)]),
        (BEARER.replace("=", " = "), [("bearer", REALM)]),
        (SHOUTED, [("bearer", REALM)]),
        ('Bearer realm="a,b=c",service="x"', [("bearer", {"realm": "a,b=c", "service": "x"})]),
        (r'Basic realm="say \"hi\" \\ there"', [("basic", {"realm": r'say "hi" \ there'})]),
        (f'Basic realm="r", {BEARER}', [("basic", {"realm": "r"}), ("bearer", REALM)]),
        (f'{BEARER}, Basic realm="r"', [("bearer", REALM), ("basic", {"realm": "r"})]),
        (f"Negotiate, {BEARER}", [("negotiate", {}), ("bearer", REALM)]),
        (f"Basic,{BEARER}", [("basic", {}), ("bearer", REALM)]),
        ('Bearer realm="first",realm="second"', [("bearer", {"realm": "first"})]),
        ('Bearer realm="x",error="bad"', [("bearer", {"realm": "x", "error": "bad"})]),
        ('Bearer  realm="x"', [("bearer", {"realm": "x"})]),
        ('Bearer realm=""', [("bearer", {"realm": ""})]),
        (', ,Basic realm="r",,', [("basic", {"realm": "r"})]),
        ('Bearer realm="x" service="y"', [("bearer", {"realm": "x", "service": "y"})]),
    ],
)
def test_a_header_holds_challenges_with_parameters(
    header: str, challenges: list[tuple[str, dict[str, str]]]
) -> None:
    """Schemes and parameter names in any case, values quoted or not, several challenges in one header."""
    assert tuple(Challenge(*parts) for parts in challenges) == parse_challenges(header)


@pytest.mark.parametrize(
    ("header", "schemes"),
    [
        ('realm="x"', []),
        ('"quoted"', []),
        ("=,=,=", []),
        ('Bearer realm="unclosed', ["bearer"]),
        ('Bearer realm="x"@@@, Basic realm="y"', ["bearer", "basic"]),
        ("Bearer \x00\xff realm=x", ["bearer"]),
    ],
)
def test_what_cannot_be_read_is_skipped(header: str, schemes: list[str]) -> None:
    """Garbage is stepped over, and what follows it is read."""
    assert schemes == [challenge.scheme for challenge in parse_challenges(header)][: len(schemes)]
    assert bool(schemes) is bool(parse_challenges(header))


@given(st.text(max_size=200) | st.text(alphabet='aB= ,"\\', max_size=60))
def test_arbitrary_headers_raise_nothing(header: str) -> None:
    """Whatever a registry writes, reading it raises nothing and names no scheme that is not there."""
    for challenge in parse_challenges(header):
        assert challenge.scheme in header.lower()


@pytest.mark.parametrize("piece", ["a", "a=", 'a="', "a ", 'a="\\', "a\\", "a,", '"', "a=b", "a@"])
def test_the_longest_header_is_read_in_no_time(piece: str) -> None:
    """64 KiB of anything, as much as a header may have, is read within a second."""
    header = piece * (65_536 // len(piece)) + '"'
    started = time.process_time()
    parse_challenges(header)

    assert time.process_time() - started < 1.0
