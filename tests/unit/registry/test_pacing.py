"""Hosts that want to be left alone: what they say is read, obeyed by everyone, and over when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from requests.structures import CaseInsensitiveDict

from imagestreams.errors import LimitedError, UnwellError
from imagestreams.registry.pacing import Pauses, quota_left, retry_after
from support.faults import FaultRegistry, Headers, Status, TokenOptions
from unit.registry.asking import Client, ask, right

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_772_500_983.0
"""Tue, 03 Mar 2026 01:23:03 GMT."""


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0", 1.0),
        ("3600", 3600.0),
        ("86400", 3600.0),
        ("999999999", 3600.0),
        ("Tue, 03 Mar 2026 01:23:33 GMT", 30.0),
        ("Tue, 03 Mar 2026 02:23:33 +0100", 30.0),
        ("Tue, 03 Mar 2026 01:22:33 GMT", 1.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("", None),
        ("-1", None),
        ("1e3", None),
        ("9999999999999", None),
        ("soon", None),
        ("Tue, 99 Mar 2026 01:23:33 GMT", None),
        ("\u0663\u0660", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str, expected: float | None) -> None:
    """RFC 9110: seconds or a date; at least a second, at most an hour; nonsense is as if nothing was said."""
    assert expected == retry_after(CaseInsensitiveDict({"retry-after": header}), NOW)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}, 76),
        ({"RateLimit-Remaining": "0"}, 0),
        ({"X-RateLimit-Remaining": "4999"}, 4999),
        ({"RateLimit": "limit=100, remaining=12, reset=50"}, 12),
        ({"RateLimit": '"default";r=50;t=30'}, 50),
        ({"RateLimit-Remaining": "many"}, None),
        ({"RateLimit": "limit=100"}, None),
        ({}, None),
    ],
)
def test_the_quota_left_is_read(headers: dict[str, str], expected: int | None) -> None:
    """Docker Hub's form, GitHub's, and both drafts of the standard's."""
    assert expected == quota_left(CaseInsensitiveDict(headers))


class Time:
    """A clock to be moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def time() -> Time:
    """A clock."""
    return Time()


@pytest.fixture
def pauses(time: Time) -> Pauses:
    """Pauses by that clock."""
    return Pauses(clock=time, wall_clock=lambda: NOW + time.now)


@pytest.fixture
def client(pauses: Pauses, stranger: Path) -> Iterator[Client]:
    """A client with these pauses."""
    made = Client(stranger, pauses=pauses)
    yield made
    made.close()


def test_a_host_that_names_no_time_is_left_alone_twice_as_long_each_time(time: Time, pauses: Pauses) -> None:
    """5 s, doubling up to 5 minutes; a good answer begins anew."""
    waits = []
    for _ in range(9):
        waits.append(pauses.answered("h", 429, {}))
        time.now += waits[-1]

    assert [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0] == waits
    pauses.answered("h", 200, {})
    assert 5.0 == pauses.answered("h", 429, {})


def test_answers_to_what_was_asked_before_the_pause_do_not_lengthen_it(time: Time, pauses: Pauses) -> None:
    """Ten refusals that come in together are one; only a longer Retry-After counts."""
    assert [5.0] * 10 == [pauses.answered("h", 429, {}) for _ in range(10)]
    pauses.answered("h", 200, {})
    assert 5.0 == pauses.left("h")
    assert 30.0 == pauses.answered("h", 429, {"Retry-After": "30"})
    assert 30.0 == pauses.answered("h", 429, {"Retry-After": "10"})
    time.now += 30
    assert 0.0 == pauses.left("h")


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"Retry-After": "30"}, 30.0),
        (503, {"Retry-After": "30"}, 30.0),
        (503, {}, 0.0),
        (500, {"Retry-After": "30"}, 0.0),
        (200, {"Retry-After": "30"}, 0.0),
        (404, {}, 0.0),
    ],
)
def test_what_pauses_a_host(pauses: Pauses, status: int, headers: dict[str, str], expected: float) -> None:
    """429 always, 503 when it says for how long, nothing else; no other host is paused."""
    assert expected == pauses.answered("h", status, headers)
    assert expected == pauses.left("h")
    assert 0.0 == pauses.left("other")


def test_a_paused_host_sees_no_request(registry: FaultRegistry, client: Client, time: Time) -> None:
    """Whatever is asked, of whichever repository; when the pause is over the next question gets through."""
    digest = registry.put_image("a/b", "v1")
    assert digest == client.digest(ask(registry))
    registry.fail(Status(429, headers={"Retry-After": "30"}))
    with pytest.raises(LimitedError, match="asked less often") as error:
        client.digest(ask(registry))
    assert 30.0 == error.value.wait
    registry.heal()
    seen = len(registry.requests)
    for question in (ask(registry), ask(registry, "c/d"), ask(registry, version=f"@{digest}")):
        with pytest.raises(LimitedError) as error:
            client.digest(question)
        assert 30.0 == error.value.wait
        with pytest.raises(LimitedError):
            client.registry.tags(question)

    assert seen == len(registry.requests)
    time.now += 30
    assert digest == client.digest(ask(registry))


def test_another_host_is_asked_meanwhile(registry: FaultRegistry, client: Client) -> None:
    """The pause is that host's alone."""
    registry.fail(Status(429))
    with FaultRegistry() as other:
        digest = other.put_image("a/b", "v1")
        with pytest.raises(LimitedError):
            client.digest(ask(registry))
        assert digest == client.digest(ask(other))


def test_a_host_that_limits_from_the_first_contact_is_asked_nothing_more(
    registry: FaultRegistry, client: Client
) -> None:
    """Not even whether it speaks TLS."""
    registry.fail(Status(429))
    with pytest.raises(LimitedError):
        client.digest(ask(registry))
    seen = len(registry.requests)
    with pytest.raises(LimitedError):
        client.digest(ask(registry))

    assert seen == len(registry.requests)


def test_a_token_realm_that_limits_is_left_alone(client: Client) -> None:
    """The realm is named, and asked for no other token meanwhile."""
    with FaultRegistry(auth="bearer", tokens=TokenOptions(separate_port=True)) as registry:
        registry.put_image("a/b", "v1")
        registry.fail(Status(429), kind="token")
        for repository in ("a/b", "c/d"):
            with pytest.raises(LimitedError, match=f"the token realm {registry.token_host}"):
                client.digest(ask(registry, repository, credential=right(registry)))

        assert 1 == registry.count(kind="token")


def test_the_quota_that_a_host_tells_is_told(registry: FaultRegistry, client: Client) -> None:
    """Each answer that says how much is left is passed on with its host."""
    registry.put_image("a/b", "v1")
    registry.fail(Headers({"ratelimit-remaining": "76;w=21600"}))
    client.digest(ask(registry))

    assert {(registry.host, 76)} == set(client.quotas)


def test_a_limit_is_trouble_of_the_host() -> None:
    """It is an UnwellError, and keeps its time when it is said in other words."""
    told = LimitedError("x", 7.0).saying("y")

    assert isinstance(told, UnwellError)
    assert ("y", "x", 7.0, True) == (str(told), told.words, told.wait, told.of_host)
