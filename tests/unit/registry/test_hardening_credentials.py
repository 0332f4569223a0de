"""Pull secrets that somebody wrote to do harm, or that are merely very large."""

from __future__ import annotations

import base64
import json
import time

import pytest

from imagestreams.errors import InvalidError
from imagestreams.registry.credentials import TYPE_DOCKERCONFIGJSON, Login, choose, parse_secret
from imagestreams.registry.names import Place

PLACE = Place("a.b.r.io", "a.b.r.io", "team/app")
ENTRIES = 18_000
"""As many as fit into a secret of 1 MiB."""


def read(content: str) -> tuple[Login, ...]:
    """Read a secret with this JSON."""
    data = {".dockerconfigjson": base64.b64encode(content.encode()).decode()}
    return parse_secret("pull", TYPE_DOCKERCONFIGJSON, data)


def logins(*servers: str) -> tuple[Login, ...]:
    """Read a secret with an entry for each server."""
    return read(json.dumps({"auths": {server: {"auth": "YTpi"} for server in servers}}))


@pytest.mark.parametrize("depth", [900, 1_000, 3_000, 100_000])
def test_json_of_any_depth_is_read_or_refused_by_name(depth: int) -> None:
    """JSON nested deeper than Python can follow is the secret's fault, told with its name."""
    with pytest.raises(InvalidError, match='secret "pull"'):
        read('{"auths":{"r.io":' + "[" * depth + "]" * depth + "}}")


@pytest.mark.parametrize("pattern", ["h{}.x", "*.h{}.io", "h{}*.b.r.io", "*a*{}*.*.*.*"])
def test_a_secret_full_of_entries_is_looked_through_at_once(pattern: str) -> None:
    """18,000 entries, exact or with globs, cost an import well under a second, also the first time."""
    found = logins(*(pattern.format(number) for number in range(ENTRIES)))
    started = time.process_time()
    assert () == choose(found, PLACE)

    assert ENTRIES == len(found)
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize(
    ("server", "host", "fits"),
    [
        ("[::1]:5000", "[::1]:5000", True),
        ("[::1]", "[::1]", True),
        ("[::1]:5000", "[::2]:5000", False),
        ("[::1]:5000", ":5000", False),
        ("a*", "a", True),
        ("*a*", "bab", True),
        ("a**b?", "axxbc", True),
        ("a*b*c", "abcb", False),
        ("?", "", False),
        ("*?", "x", True),
        ("[a-z].io", "b.io", False),
    ],
)
def test_only_stars_and_question_marks_are_globs(server: str, host: str, fits: bool) -> None:
    """An IPv6 address in brackets is itself; a star is any letters of one label, a question mark is one."""
    (login,) = logins(server)

    assert fits is login.fits(Place(host, host, "a"))
    assert fits is bool(choose([login], Place(host, host, "a")))
