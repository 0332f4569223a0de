"""Token services: what they may answer, where they may be, and how long a token is used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import ProtocolError, RegistryError, UnauthorizedError, UnwellError
from imagestreams.registry.auth import Authenticator, Door
from imagestreams.registry.transport import Answer
from support.faults import FaultRegistry, NotJson, Redirect, Status, TokenOptions, WrongType
from unit.registry.asking import Challenge, ask, right, wrong

if TYPE_CHECKING:
    from support.faults import Authority, Fault
    from unit.registry.asking import Client


def bearer(authority: Authority, **options: object) -> FaultRegistry:
    """Make a registry that wants tokens."""
    tokens = TokenOptions(**options)  # type: ignore[arg-type]
    return FaultRegistry(tls=authority.good(), auth="bearer", tokens=tokens)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Status(500), UnwellError, "answered 500"),
        (Status(404), ProtocolError, "answered 404 without a token"),
        (
            Status(302, "", {"Location": "https://elsewhere.invalid/"}),
            ProtocolError,
            "answered 302 without a token",
        ),
        (NotJson(), ProtocolError, "answered 200 without a token"),
        (WrongType("list"), ProtocolError, "answered 200 without a token"),
        (Status(200, '{"token": 7}'), ProtocolError, "answered 200 without a token"),
        (Status(200, '{"token": ""}'), ProtocolError, "answered 200 without a token"),
        (Status(200, '{"token": "a\\r\\nX-Evil: b"}'), ProtocolError, "answered 200 without a token"),
        (Status(200, '{"token": "\\u00fc"}'), ProtocolError, "answered 200 without a token"),
        (Status(200, "[" * 20_000), ProtocolError, "answered 200 without a token"),
        (Status(200, "a" * 2_000_000), ProtocolError, r"larger than \d+ KiB"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_token_service_that_fails_is_told(
    authority: Authority, trusting: Client, fault: Fault, kind: type[RegistryError], words: str
) -> None:
    """What the token service does wrong is told with its host; the next good answer is used."""
    with bearer(authority) as registry:
        digest = registry.put_image("a/b", "v1")
        registry.fail(fault, kind="token")
        question = ask(registry, "a/b", ":v1", right(registry), insecure=False)
        with pytest.raises(kind, match=words) as error:
            trusting.digest(question)

        assert f"registry {registry.host}, repository a/b: " in str(error.value)
        registry.heal()
        assert digest == trusting.digest(question)


@pytest.mark.parametrize(
    "challenge",
    [
        "Bearer",
        'Bearer realm=""',
        'Bearer realm="/token"',
        'Bearer realm="ftp://r.io/token"',
        'Bearer realm="https://"',
        'Bearer realm="https://[bad/token"',
        'Bearer realm="https://r.io:port/token"',
        'Bearer realm="file:///etc/passwd"',
    ],
)
def test_a_realm_that_cannot_be_asked_is_told(
    secure: FaultRegistry, trusting: Client, challenge: str
) -> None:
    """A challenge that names no host to ask is an error of the registry's, not of ours."""
    secure.fail(Challenge(challenge))

    with pytest.raises(RegistryError, match=f"registry {secure.host}, repository a/b: "):
        trusting.digest(ask(secure, "a/b", ":v1", right(secure), insecure=False))


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Digest realm=x", 'realm="x"', "\x01\x02"])
def test_a_challenge_that_cannot_be_met_is_unauthorized(
    secure: FaultRegistry, trusting: Client, challenge: str
) -> None:
    """A 401 that wants something else gets no credential, and is Unauthorized."""
    secure.fail(Challenge(challenge))

    with pytest.raises(UnauthorizedError):
        trusting.digest(ask(secure, "a/b", ":v1", right(secure), insecure=False))
    assert {""} == {record.scheme for record in secure.requests}


def test_no_credential_goes_to_a_realm_over_plain_http(
    secure: FaultRegistry, registry: FaultRegistry, trusting: Client
) -> None:
    """A registry over TLS that names a realm over plain HTTP gets told off; nothing is sent there."""
    secure.fail(Challenge(f'Bearer realm="{registry.url}/token",service="x"'))

    with pytest.raises(ProtocolError, match=f"token realm over plain HTTP \\({registry.host}\\)"):
        trusting.digest(ask(secure, "a/b", ":v1", right(secure), insecure=False))
    assert [] == registry.requests


def test_a_realm_over_plain_http_is_asked_for_an_insecure_tag(client: Client) -> None:
    """Where the tag says insecure, a token may come over plain HTTP."""
    with FaultRegistry(auth="bearer") as plain:
        digest = plain.put_image("a/b", "v1")

        assert digest == client.digest(ask(plain, "a/b", ":v1", right(plain)))


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.mark.parametrize(
    ("told", "used"),
    [
        ({"expires_in": 300}, 240),
        ({"expires_in": 3600}, 2880),
        ({}, 48),
        ({"expires_in": 10}, 48),
        ({"expires_in": 0}, 48),
        ({"expires_in": -5}, 48),
        ({"expires_in": None}, 48),
        ({"expires_in": "300"}, 48),
        ({"expires_in": True}, 48),
        ({"expires_in": [300]}, 48),
    ],
    ids=str,
)
def test_a_token_is_used_for_four_fifths_of_its_life(
    secure: FaultRegistry, trusting: Client, told: dict[str, object], used: float
) -> None:
    """The life is what the service tells, a minute at the least; what it tells amiss counts as a minute."""
    secure.fail(Status(200, json.dumps({"token": "t"} | told)), kind="token")
    clock = Clock()
    authenticator = Authenticator(trusting.transport, clock=clock)
    door = Door(secure.url, "a/b", insecure=False)
    answer = Answer(401, {"WWW-Authenticate": f'Bearer realm="{secure.url}/token"'}, b"")

    assert authenticator.authorization(door, None) is None
    assert "Bearer t" == authenticator.challenged(answer, door, None)
    clock.now += used - 0.1
    assert "Bearer t" == authenticator.authorization(door, None)
    assert 1 == secure.count("token")
    clock.now += 0.2
    assert "Bearer t" == authenticator.authorization(door, None)
    assert 2 == secure.count("token")


def test_a_token_told_to_live_for_ever_is_used(secure: FaultRegistry, trusting: Client) -> None:
    """A number that no clock can count to is no error."""
    secure.fail(Status(200, '{"token": "t", "expires_in": 1' + "0" * 400 + "}"), kind="token")
    authenticator = Authenticator(trusting.transport)
    answer = Answer(401, {"WWW-Authenticate": f'Bearer realm="{secure.url}/token"'}, b"")

    assert "Bearer t" == authenticator.challenged(answer, Door(secure.url, "a/b", insecure=False), None)


def test_tokens_of_two_credentials_are_kept_apart(authority: Authority, trusting: Client) -> None:
    """Nobody is served with a token that another's credential paid for."""
    with bearer(authority) as registry:
        digest = registry.put_image("a/b", "v1")

        assert digest == trusting.digest(ask(registry, "a/b", ":v1", right(registry), insecure=False))
        with pytest.raises(UnauthorizedError):
            trusting.digest(ask(registry, "a/b", ":v1", wrong(), insecure=False))
        with pytest.raises(UnauthorizedError):
            trusting.digest(ask(registry, insecure=False))


def test_a_token_that_came_meanwhile_is_not_fetched_again(secure: FaultRegistry, trusting: Client) -> None:
    """Who asked bare before the first token came uses that; who showed it and was refused gets a new one."""
    authenticator = Authenticator(trusting.transport)
    door = Door(secure.url, "a/b", insecure=False)
    answer = Answer(401, {"WWW-Authenticate": f'Bearer realm="{secure.url}/token"'}, b"")
    secure.fail(Status(200, '{"token": "one"}'), kind="token", times=1)
    secure.fail(Status(200, '{"token": "two"}'), kind="token")

    assert ["Bearer one"] * 2 == [authenticator.challenged(answer, door, None) for _ in range(2)]
    assert ["Bearer two"] * 2 == [
        authenticator.challenged(answer, door, None, refused="Bearer one") for _ in range(2)
    ]
    assert 2 == secure.count("token")


def test_a_realm_that_redirects_is_not_followed(
    authority: Authority, secure: FaultRegistry, trusting: Client
) -> None:
    """A credential goes to the realm that was named, and nowhere else."""
    with bearer(authority) as registry:
        registry.put_image("a/b", "v1")
        registry.fail(Redirect(secure.url), kind="token")
        with pytest.raises(ProtocolError, match="answered 307 without a token"):
            trusting.digest(ask(registry, "a/b", ":v1", right(registry), insecure=False))

    assert [] == secure.requests
