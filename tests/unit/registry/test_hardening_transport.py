"""One exchange with who means harm: endless heads, chunks and trailers; and whom TLS trusts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import ProtocolError, StartError, UnreachableError
from imagestreams.registry.connections import HEAD_LIMIT, trusting_context
from imagestreams.registry.failures import TlsError
from imagestreams.registry.transport import Limits, Request, Transport
from support.faults import FaultRegistry, Hang
from unit.registry.asking import HASTY, Client
from unit.registry.hardening import raw_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from support.faults import Authority

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def get(client: Client, host: str, deadline: float | None = None) -> bytes:
    """Get something over plain HTTP."""
    request = Request("GET", f"http://{host}/v2/")
    if deadline is not None:
        request = Request("GET", f"http://{host}/v2/", deadline=deadline)
    return client.transport.send(request).body


def endless(start: bytes, more: bytes, pause: float = 0.0) -> Callable[[socket.socket, str], None]:
    """Make a handler that says something and then the same thing for ever."""

    def handle(connection: socket.socket, head: str) -> None:
        del head
        connection.sendall(start)
        while True:
            connection.sendall(more)
            time.sleep(pause)

    return handle


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 2_000 + b"\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\nX-A: " + b"a" * 2_000 + b"\r\n\r\n"),
    ],
    ids=["headers", "interim answers"],
)
def test_a_head_is_bounded_as_a_whole(client: Client, start: bytes, more: bytes) -> None:
    """Lines that are each allowed, and too many together, end at 64 KiB, not at 6.5 MB or never."""
    sent = 0

    def handle(connection: socket.socket, head: str) -> None:
        nonlocal sent
        del head
        connection.sendall(start)
        # Fewer than a hundred lines: that many headers http.client allows.
        for _ in range(2 * HEAD_LIMIT // len(more)):
            sent += len(more)
            connection.sendall(more)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if not start else b"\r\n")

    with raw_server(handle) as host, pytest.raises(ProtocolError, match="what it answered is not HTTP"):
        get(client, host)
    assert sent > 0


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (CHUNKED + b"0\r\n", b"X-Trailer: a\r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"1;", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"a"),
    ],
    ids=["trailers", "chunk size", "chunk extension", "header name", "header value", "body"],
)
def test_every_part_of_an_answer_ends_with_its_time(hasty: Client, start: bytes, more: bytes) -> None:
    """Bytes that come in time one by one hold no thread longer than the whole exchange may take."""
    started = time.monotonic()
    with (
        raw_server(endless(start, more, pause=0.1)) as host,
        pytest.raises(UnreachableError, match="it sent its answer too slowly"),
    ):
        get(hasty, host)

    assert time.monotonic() - started < HASTY.total + 1.0


def test_a_request_ends_with_its_question(registry: FaultRegistry) -> None:
    """A deadline that is nearer than the limits of one exchange is the one that counts."""
    client = Client(limits=Limits(connect=20, read=20, total=20))
    registry.fail(Hang())
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="it sent its answer too slowly"):
        get(client, registry.host, deadline=started + 0.3)

    assert 0.3 <= time.monotonic() - started < 2.0
    client.close()


def test_a_question_whose_time_is_over_sends_nothing(registry: FaultRegistry, client: Client) -> None:
    """After the deadline no request is made at all."""
    with pytest.raises(UnreachableError, match="too slowly"):
        get(client, registry.host, deadline=time.monotonic())

    assert [] == registry.requests


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file"),
        ("", "holds no certificate"),
        ("nonsense", "holds no certificate"),
    ],
)
def test_a_ca_file_that_is_no_use_is_told_at_the_start(tmp_path: Path, content: str | None, why: str) -> None:
    """A missing, empty or foreign file is an error with its path, before anything is asked."""
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_text(content)

    with pytest.raises(StartError, match=f"IMAGESTREAMS_CA_FILE: {path} {why}"):
        Transport(user_agent="test", ca_file=str(path))


def test_a_folder_is_no_ca_file(tmp_path: Path) -> None:
    """A folder, which some tools take, is told as well."""
    with pytest.raises(StartError, match=str(tmp_path)):
        Transport(user_agent="test", ca_file=str(tmp_path))


def test_the_systems_cas_are_trusted_and_mozillas(
    secure: FaultRegistry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a CA file a CA of the system's store is good, and the public ones of certifi are there too."""
    secure.put_image("a/b", "v1")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    client = Client()
    request = Request("GET", f"{secure.url}/v2/a/b/manifests/v1", headers={"Accept": "*/*"})

    assert 200 == client.transport.send(request).status
    assert len(trusting_context("").get_ca_certs()) > 50
    client.close()


def test_a_ca_file_stands_in_place_of_all_others(
    secure: FaultRegistry, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names a file trusts that file alone."""
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    client = Client(type(authority)(other).ca_file)

    with pytest.raises(TlsError, match="its certificate is not trusted"):
        client.transport.send(Request("GET", f"{secure.url}/v2/"))
    client.close()
