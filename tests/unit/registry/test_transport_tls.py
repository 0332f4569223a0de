"""TLS: what is trusted, what is not and why, and what is no TLS at all."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from imagestreams.registry.failures import TlsError
from imagestreams.registry.transport import Request
from support.faults import (
    FaultRegistry,
)
from unit.registry.exchanging import get, trouble, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.faults import Authority
    from unit.registry.asking import Client


def test_tls_that_is_trusted_works(secure: FaultRegistry, trusting: Client) -> None:
    """With the authority's file the certificate is verified and good."""
    secure.put_image("a/b", "v1")

    assert 200 == get(trusting, url(secure)).status


def test_a_certificate_that_nobody_vouches_for_is_told(secure: FaultRegistry, client: Client) -> None:
    """Without the authority's file nothing is sent, and the words say what is wrong with the certificate."""
    error = trouble(client, url(secure))

    assert isinstance(error, TlsError)
    assert not error.not_tls
    assert str(error).startswith("its certificate is not trusted: ")
    assert {"handshake"} == {record.kind for record in secure.requests}


@pytest.mark.parametrize("flaw", ["expired", "wrong_name"])
def test_a_flawed_certificate_is_told(authority: Authority, trusting: Client, flaw: str) -> None:
    """An expired certificate, or another host's, is not trusted, and the words say why."""
    with FaultRegistry(tls=getattr(authority, flaw)()) as flawed:
        error = trouble(trusting, url(flawed))

    assert isinstance(error, TlsError)
    words = {"expired": "certificate has expired", "wrong_name": "IP address mismatch"}[flaw]
    assert words in str(error)


def test_insecure_trusts_any_certificate_for_its_own_request_alone(
    authority: Authority, client: Client
) -> None:
    """A connection made without verification is never used for a request that wants it verified."""
    with FaultRegistry(tls=authority.expired()) as flawed:
        flawed.put_image("a/b", "v1")
        request = Request("GET", url(flawed), headers={"Accept": "*/*"}, insecure=True)
        assert 200 == client.transport.send(request).status
        with pytest.raises(TlsError):
            get(client, url(flawed))
        assert 200 == client.transport.send(request).status


def test_plain_http_where_tls_was_expected_is_told(registry: FaultRegistry, client: Client) -> None:
    """A host that answers TLS with plain HTTP is known for it."""
    error = trouble(client, url(registry).replace("http:", "https:"))

    assert isinstance(error, TlsError)
    assert ("it does not speak TLS", True) == (str(error), error.not_tls)


@pytest.fixture
def hanging_up() -> Iterator[str]:
    """A host that reads what it is sent and closes in order, without a word, as some proxies do."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_host_that_hangs_up_on_tls_is_told(hanging_up: str, client: Client) -> None:
    """A connection that ends in the midst of the handshake is told as what it is."""
    error = trouble(client, f"https://{hanging_up}/v2/")

    assert "it closed the connection before its answer was complete" == str(error)
