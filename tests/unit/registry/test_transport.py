"""One exchange with a registry that does its worst: bounded in size and time, told in words of ours."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import ProtocolError, UnreachableError
from imagestreams.registry.transport import MANIFEST_LIMIT, Limits, Request
from support.faults import (
    ClosedPort,
    FaultRegistry,
    Hang,
    Headers,
    Huge,
    ResetMidBody,
    SilentPort,
    SlowDrip,
)
from unit.registry.asking import HASTY, Client, CutShort, Gibberish, Vanish
from unit.registry.exchanging import get, trouble, url

if TYPE_CHECKING:
    from pathlib import Path

    from imagestreams.errors import RegistryError
    from support.faults import Authority, Fault


def test_an_answer_is_read_whatever_its_status(registry: FaultRegistry, client: Client) -> None:
    """Status, headers and body come as they are; HEAD has no body."""
    registry.put_image("a/b", "v1")
    answer, missing = get(client, url(registry)), get(client, url(registry, "manifests/v2"))
    head = get(client, url(registry), "HEAD")

    assert (200, registry.digest("a/b", "v1")) == (answer.status, answer.headers["docker-content-digest"])
    assert answer.body.startswith(b"{")
    assert 404 == missing.status
    assert b"MANIFEST_UNKNOWN" in missing.body
    assert (200, b"") == (head.status, head.body)
    assert {"test"} == {record.user_agent for record in registry.requests}


def test_connections_are_kept(registry: FaultRegistry, client: Client) -> None:
    """Twenty requests of all kinds go over one connection."""
    registry.put_image("a/b", "v1")
    for _ in range(5):
        get(client, url(registry), "HEAD")
        get(client, url(registry))
        get(client, url(registry, "manifests/v2"), "HEAD")
        get(client, url(registry, "manifests/v2"))

    assert {1} == {record.connection for record in registry.requests}


def test_a_connection_that_the_registry_closed_meanwhile_is_replaced(
    registry: FaultRegistry, client: Client
) -> None:
    """A registry that was restarted since the last request is asked over a new connection."""
    registry.put_image("a/b", "v1")
    get(client, url(registry))
    registry.stop()
    registry.start()

    assert 200 == get(client, url(registry)).status


def test_a_connection_that_rested_too_long_is_replaced(
    registry: FaultRegistry, secure: FaultRegistry, authority: Authority
) -> None:
    """What nobody used for a while may be forgotten on the way without a word: it is not used again."""
    with contextlib.closing(Client(authority.ca_file, Limits(rest=0.0))) as client:
        for one in (registry, secure):
            one.put_image("a/b", "v1")
            for _ in range(3):
                get(client, url(one))

            assert 3 == len({record.connection for record in one.requests})


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_closes_as_it_is_used_is_replaced(
    registry: FaultRegistry, client: Client, *, reset: bool
) -> None:
    """A kept connection that ends just when the next request is sent costs one more try, and no error."""
    registry.put_image("a/b", "v1")
    get(client, url(registry))
    registry.fail(Vanish(reset), times=1)

    assert 200 == get(client, url(registry)).status
    assert 3 == registry.count("manifest-get")


def test_a_registry_that_always_closes_is_asked_twice_at_most(
    registry: FaultRegistry, client: Client
) -> None:
    """Who never answers is not asked without end."""
    registry.fail(Vanish())
    error = trouble(client, url(registry))

    assert "it closed the connection before its answer was complete" == str(error)
    assert registry.count() <= 2 * 2


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (ResetMidBody(), UnreachableError, "it closed the connection before its answer was complete"),
        (CutShort(), UnreachableError, "it closed the connection before its answer was complete"),
        (Gibberish(), ProtocolError, "what it answered is not HTTP"),
        (Headers({"A": "a" * 70_000}), ProtocolError, "what it answered is not HTTP"),
        (
            Headers({f"A-{number}": "a" for number in range(200)}),
            ProtocolError,
            "what it answered is not HTTP",
        ),
    ],
    ids=["reset", "cut", "gibberish", "long header", "many headers"],
)
def test_a_bad_delivery_is_told(
    registry: FaultRegistry, client: Client, fault: Fault, kind: type[RegistryError], words: str
) -> None:
    """Each way to end badly has its words, the same each time, and the next good answer is read."""
    registry.put_image("a/b", "v1")
    registry.fail(fault)
    error = trouble(client, url(registry))

    assert (kind, words) == (type(error), str(error))
    registry.heal()
    assert 200 == get(client, url(registry)).status


@pytest.mark.parametrize(("method", "head_too"), [("GET", False), ("GET", True), ("HEAD", True)])
def test_an_answer_that_drips_ends_when_its_time_is_over(
    registry: FaultRegistry, hasty: Client, method: str, head_too: bool
) -> None:
    """Bytes that come one by one, each in time, end at the bound of the whole, be they head or body."""
    registry.put_image("a/b", "v1")
    registry.fail(SlowDrip(bytes_per_second=20, head_too=head_too))
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="too slowly"):
        get(hasty, url(registry), method)

    assert HASTY.total <= time.monotonic() - started < HASTY.total + 1.0


def test_a_registry_that_hangs_is_told(registry: FaultRegistry, hasty: Client) -> None:
    """No answer at all ends after the time to read, the same way each time."""
    registry.fail(Hang())
    error = trouble(hasty, url(registry))

    assert "it accepted the connection but did not answer within 0 s" == str(error)
    assert UnreachableError is type(error)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_not_read_to_its_end(registry: FaultRegistry, client: Client, chunked: bool) -> None:
    """Of 100 MB no more than the bound and what is on the way is ever sent."""
    registry.put_image("a/b", "v1")
    registry.fail(Huge(chunked=chunked))
    error = trouble(client, url(registry))

    assert ProtocolError is type(error)
    assert "its answer is larger than 4096 KiB, more than any manifest may be" == str(error)
    assert registry.sent < 2 * (MANIFEST_LIMIT + 12_000_000)


def test_a_body_up_to_the_bound_is_read(registry: FaultRegistry, client: Client) -> None:
    """4 MiB are allowed, one byte more is not; a request may have a bound of its own."""
    registry.put_manifest("a/b", "v1", b"a" * MANIFEST_LIMIT, "text/plain")
    registry.put_manifest("a/b", "v2", b"a" * (MANIFEST_LIMIT + 1), "text/plain")

    assert MANIFEST_LIMIT == len(get(client, url(registry)).body)
    with pytest.raises(ProtocolError):
        get(client, url(registry, "manifests/v2"))
    with pytest.raises(ProtocolError, match="larger than 1 KiB"):
        client.transport.send(Request("GET", url(registry), headers={"Accept": "*/*"}, limit=1024))


def test_a_compressed_body_is_taken_as_it_is(registry: FaultRegistry, client: Client) -> None:
    """Nothing is unpacked: a few bytes that would become gigabytes stay a few bytes."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    registry.put_manifest("a/b", "v1", bomb, "text/plain")
    registry.fail(Headers({"Content-Encoding": "gzip"}))

    assert bomb == get(client, url(registry)).body


def test_a_closed_port_is_told(client: Client) -> None:
    """Nothing listens: told at once, with TLS or without."""
    with ClosedPort() as closed:
        for scheme in ("http", "https"):
            error = trouble(client, f"{scheme}://{closed.host}/v2/")
            assert "the connection was refused: nothing listens there" == str(error)
            assert UnreachableError is type(error)


def test_a_silent_port_is_told(hasty: Client) -> None:
    """A host that accepts and says nothing: told after the time to read, with TLS or without."""
    with SilentPort() as silent:
        for scheme in ("http", "https"):
            error = trouble(hasty, f"{scheme}://{silent.host}/v2/")
            assert "it accepted the connection but did not answer within 0 s" == str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_all_addresses_of_a_host_share_the_time_to_connect(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """A host with many addresses behind a firewall is given up after the time of one."""
    addresses = [f"127.0.0.{number}" for number in range(1, 9)]
    _several(monkeypatch, addresses)
    with (
        contextlib.ExitStack() as open_until_the_end,
        contextlib.closing(Client(limits=Limits(connect=0.5))) as client,
    ):
        port = 0
        for address in addresses:
            full = open_until_the_end.enter_context(socket.create_server((address, port), backlog=0))
            port = full.getsockname()[1]
            # One waits to be accepted; what comes after it is passed over in silence, as by a firewall.
            open_until_the_end.enter_context(socket.create_connection((address, port)))
        began = time.monotonic()
        error = trouble(client, f"{scheme}://many.example:{port}/v2/")

        assert "no connection within 0 s" == str(error)
        assert time.monotonic() - began < len(addresses) * 0.5


def test_a_host_is_reached_at_whichever_address_listens(
    registry: FaultRegistry, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses where nothing listens are passed over."""
    registry.put_image("a/b", "v1")
    _several(monkeypatch, ["127.0.0.2", "127.0.0.3", "127.0.0.1"])

    assert 200 == get(client, url(registry).replace("127.0.0.1", "many.example")).status


def _several(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """Let many.example have several addresses, as no name of this machine has."""
    real = socket.getaddrinfo

    def several(host: str, *arguments: Any, **options: Any) -> list[Any]:
        names = addresses if host == "many.example" else [host]
        return [found for name in names for found in real(name, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", several)


@pytest.mark.parametrize("host", ["registry.invalid", "registry.invalid:5000", "a" * 64 + ".invalid"])
def test_a_name_that_does_not_resolve_is_told(client: Client, host: str) -> None:
    """An unknown name, also one longer than names may be, is UnreachableError."""
    error = trouble(client, f"https://{host}/v2/")

    assert UnreachableError is type(error)
    assert len(host) > 63 or str(error) == "its host name does not resolve"


def test_a_port_beyond_all_ports_is_told(client: Client) -> None:
    """99999 is no port, and no bug of ours."""
    assert UnreachableError is type(trouble(client, "https://127.0.0.1:99999/v2/"))


def test_no_login_of_the_machine_is_ever_used(
    registry: FaultRegistry, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ~/.netrc of the operator's host goes to no registry."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    registry.put_image("a/b", "v1")
    get(client, url(registry))

    assert os.environ["NETRC"] == str(netrc)
    assert [""] == [record.scheme for record in registry.requests]


def test_cookies_are_not_kept(client: Client) -> None:
    """What a registry sets as a cookie it does not get back."""
    seen: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Cookie"])
            self.send_response(200)
            self.send_header("Set-Cookie", "track=me; Path=/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
        thread.start()
        for _ in range(2):
            get(client, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()

    assert [None, None] == seen


def test_a_request_shows_no_secret() -> None:
    """Neither the header nor the form is in a request's representation."""
    request = Request("POST", "https://r.io/token", "Basic secret-xyz", form={"refresh_token": "secret-xyz"})

    assert "secret-xyz" not in f"{request!r} {request}"
