"""Tokens and challenges from who means harm, or who moved: what is kept, and for how long it is believed."""

from __future__ import annotations

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import ProtocolError, RegistryError, UnauthorizedError, UnreachableError
from imagestreams.registry.auth import Authenticator, Door
from imagestreams.registry.credentials import Credential
from imagestreams.registry.tokens import Wanted, fetch_token
from imagestreams.registry.transport import Answer
from support.faults import ClosedPort, FaultRegistry, Status, TokenOptions
from unit.registry.asking import Challenge, ask, right
from unit.registry.hardening import scripted_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.faults import Authority
    from unit.registry.asking import Client

MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}'


def challenge(realm: str, **more: str) -> Answer:
    """Make a 401 that names a realm."""
    text = "".join(f',{name}="{value}"' for name, value in more.items())
    return Answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}"{text}'}, b"")


@pytest.mark.parametrize(
    ("told", "life"),
    [
        ("120", 120.0),
        ("120.5", 120.5),
        ("1e400", 86_400.0),
        ("1" + "0" * 400, 86_400.0),
        ("Infinity", 86_400.0),
        ("-Infinity", 60.0),
        ("NaN", 60.0),
        ("-1", 60.0),
        ("true", 60.0),
        ('"300"', 60.0),
        ("[]", 60.0),
        ("null", 60.0),
    ],
)
def test_any_life_of_a_token_is_a_number_of_seconds(
    secure: FaultRegistry, trusting: Client, told: str, life: float
) -> None:
    """Whatever JSON calls a number or not, a token lives a minute at the least and a day at the most."""
    secure.fail(Status(200, '{"token":"t","expires_in":' + told + "}"), kind="token")
    token = fetch_token(trusting.transport, Wanted(f"{secure.url}/token", "", "s", None, insecure=False))

    assert ("t", life) == (token.value, token.life)


def test_a_token_longer_than_any_is_refused(secure: FaultRegistry, trusting: Client) -> None:
    """16 KiB of token are taken, more are told and not kept."""
    wanted = Wanted(f"{secure.url}/token", "", "s", None, insecure=False)
    secure.fail(Status(200, json.dumps({"token": "t" * 16_384})), kind="token", times=1)
    assert 16_384 == len(fetch_token(trusting.transport, wanted).value)
    secure.fail(Status(200, json.dumps({"token": "t" * 16_385})), kind="token", times=1)

    with pytest.raises(ProtocolError, match="gave a token longer than 16 KiB"):
        fetch_token(trusting.transport, wanted)


def test_what_is_kept_of_tokens_is_bounded(client: Client) -> None:
    """A registry that names another service each time, with long tokens, does not fill the memory."""

    def script(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        return 200, {}, json.dumps({"token": "t" * 16_000, "expires_in": 100_000}).encode()

    authenticator = Authenticator(client.transport)
    with scripted_server(script) as host:
        for number in range(700):
            door = Door(f"http://{host}", f"a/{number}", insecure=True)
            authenticator.challenged(challenge(f"http://{host}/t", service=f"s{number}"), door, None)

    assert 0 < authenticator._tokens.weight <= 8 * 1024 * 1024
    assert len(authenticator._tokens) < 700
    assert authenticator.authorization(door, None) == f"Bearer {'t' * 16_000}"


def test_tokens_that_ended_are_dropped(secure: FaultRegistry, trusting: Client) -> None:
    """Tokens that nobody asks for again do not stay after their life."""
    secure.fail(Status(200, '{"token":"t"}'), kind="token")
    now = 0.0
    authenticator = Authenticator(trusting.transport, clock=lambda: now)
    for number in range(20):
        door = Door(secure.url, f"a/{number}", insecure=False)
        authenticator.challenged(challenge(f"{secure.url}/token"), door, None)
    assert 20 == len(authenticator._tokens)
    now = 61.0
    authenticator.challenged(challenge(f"{secure.url}/token"), Door(secure.url, "b", insecure=False), None)

    assert 1 == len(authenticator._tokens)


@pytest.mark.parametrize("before", ["dead", "500", "refusing"])
def test_a_realm_that_moved_is_found(client: Client, before: str) -> None:
    """A registry that names another realm is believed, though the remembered one fails now."""
    realm = ""
    valid = "t1"

    def registry(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path
        if authorization == f"Bearer {valid}":
            return 200, {"Content-Type": "application/json"}, MANIFEST
        return 401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="r"'}, b""

    def broken(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        return (500 if before == "500" else 401), {}, b""

    def good(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        return 200, {}, json.dumps({"token": valid}).encode()

    with (
        ClosedPort() as dead,
        scripted_server(registry) as host,
        scripted_server(broken) as bad,
        scripted_server(good) as better,
    ):
        question = ask(host)
        first = dead.host if before == "dead" else bad
        realm = f"http://{first}/t"
        with pytest.raises(RegistryError, match=f"the token realm {first}|it wants a credential"):
            client.digest(question)
        realm = f"http://{better}/t"

        assert client.digest(question).startswith("sha256:")


def test_a_dead_realm_is_told_by_its_own_host(secure: FaultRegistry, trusting: Client) -> None:
    """The words name the realm that does not answer, the same way each time, beside the registry."""
    with ClosedPort() as dead:
        secure.fail(Challenge(f'Bearer realm="https://{dead.host}/t"'))
        told = set()
        for _ in range(3):
            with pytest.raises(
                UnreachableError, match=f"the token realm {dead.host}: the connection was refused"
            ) as error:
                trusting.digest(ask(secure, "a/b", ":v1", right(secure), insecure=False))
            told.add(str(error.value))

    assert 1 == len(told)


@pytest.mark.parametrize(
    "realm", ["http://[::1", "https://r.io:port/t", "https://", "http://\x7f", "https://:80"]
)
def test_a_realm_that_is_none_is_told_each_time(secure: FaultRegistry, trusting: Client, realm: str) -> None:
    """No spelling of a realm is a bug of ours, remembered or not."""
    secure.fail(Challenge(f'Bearer realm="{realm}"'))
    for _ in range(2):
        with pytest.raises(RegistryError, match=f"registry {secure.host}, repository a/b: "):
            trusting.digest(ask(secure, insecure=False))


def test_a_realm_that_speaks_no_tls_makes_no_registry_plain(
    authority: Authority, registry: FaultRegistry, client: Client
) -> None:
    """An insecure registry over TLS whose realm has none is not asked over plain HTTP for that."""
    with FaultRegistry(tls=authority.good()) as secure:
        secure.fail(Challenge(f'Bearer realm="https://{registry.host}/t"'))
        with pytest.raises(UnreachableError, match=f"the token realm {registry.host}: it does not speak TLS"):
            client.digest(ask(secure))

        assert {"manifest-head"} == {record.kind for record in secure.requests}


@pytest.mark.parametrize(("status", "kind"), [(200, None), (401, UnauthorizedError)])
def test_one_thread_fetches_a_token_for_all(
    client: Client, status: int, kind: type[RegistryError] | None
) -> None:
    """Sixteen threads that want the same token at the same time ask the realm once, and share a refusal."""
    asked = 0
    gate = threading.Event()
    entered = threading.Barrier(17)

    def realm(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        nonlocal asked
        asked += 1
        gate.wait(10)
        return status, {}, b'{"token":"t"}'

    with scripted_server(realm) as host, ThreadPoolExecutor(16) as threads:
        authenticator = Authenticator(client.transport)
        door = Door(f"http://{host}", "a/b", insecure=True)

        def meet() -> str | None:
            entered.wait(10)
            return authenticator.challenged(challenge(f"http://{host}/t"), door, None)

        futures = [threads.submit(meet) for _ in range(16)]
        entered.wait(10)
        # Time for all to ask or to wait for the one that did; then the realm answers.
        answering = threading.Timer(0.5, gate.set)
        answering.start()
        errors = [type(future.exception()) for future in futures if future.exception()]
        answering.join()

    assert ([kind] * 16 if kind else []) == errors
    assert 1 == asked
    assert {} == authenticator._flights


def test_who_waits_for_anothers_token_waits_until_its_own_end(client: Client) -> None:
    """A realm that hangs holds those who share its answer no longer than their question may take."""
    gate = threading.Event()
    arrived = threading.Event()

    def realm(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        arrived.set()
        gate.wait(10)
        return 200, {}, b'{"token":"t"}'

    with scripted_server(realm) as host, ThreadPoolExecutor(1) as threads:
        authenticator = Authenticator(client.transport)
        door = Door(f"http://{host}", "a/b", insecure=True)
        first = threads.submit(authenticator.challenged, challenge(f"http://{host}/t"), door, None)
        assert arrived.wait(10)
        with pytest.raises(UnreachableError, match="too slowly"):
            authenticator.challenged(challenge(f"http://{host}/t"), door, None, deadline=-math.inf)
        gate.set()

        assert "Bearer t" == first.result(10)


def test_a_token_for_an_insecure_tag_is_not_a_secure_ones(authority: Authority, trusting: Client) -> None:
    """What came from a realm that nobody verified is used for tags that allow that alone."""
    with FaultRegistry(tls=authority.good(), auth="bearer", tokens=TokenOptions()) as registry:
        digest = registry.put_image("a/b", "v1")
        credential = Credential("right", registry.username, registry.password)
        for insecure in (True, False):
            question = ask(registry, "a/b", ":v1", credential, insecure=insecure)
            assert digest == trusting.digest(question)

        assert 2 == registry.count("token")
