"""Redirects that fish for credentials, and hosts that change between plain HTTP and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import ProtocolError, RegistryError, UnauthorizedError
from support.faults import FaultRegistry, Redirect, Status
from unit.registry.asking import Challenge, Gibberish, Vanish, ask, right
from unit.registry.hardening import raw_server, scripted_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from support.faults import Authority, Fault
    from unit.registry.asking import Client


def test_a_redirect_that_asks_for_the_credential_does_not_get_it(client: Client) -> None:
    """Where a registry redirects to names a realm of its own: that realm is never asked, now or later."""
    shown: list[tuple[str, str]] = []

    def realm(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method
        shown.append((path, authorization))
        return 200, {}, b'{"token":"t"}'

    def evil(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method
        shown.append((path, authorization))
        return 401, {"WWW-Authenticate": f'Bearer realm="http://{fishing}/t",service="e"'}, b""

    with scripted_server(realm) as fishing, scripted_server(evil) as there, FaultRegistry() as here:
        here.put_image("a/b", "v1")
        here.fail(Redirect(f"http://{there}"), times=2)
        question = ask(here, "a/b", ":v1", right(here))
        for _ in range(2):
            with pytest.raises(
                UnauthorizedError, match=f"it redirects to {there}, which wants a credential of its own"
            ):
                client.digest(question)
        here.heal()
        client.digest(question)

    assert {""} == {authorization for _, authorization in shown}
    assert [] == [path for path, _ in shown if path.startswith("/t")]


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_redirect_after_the_challenge_asks_in_vain_too(
    authority: Authority, two_registries: tuple[FaultRegistry, FaultRegistry], trusting: Client, auth: str
) -> None:
    """A 401 from where an authorized request was redirected to is told as that host's, not the first's."""
    there, _ = two_registries
    there.fail(Challenge('Basic realm="x"'))
    with FaultRegistry(tls=authority.good(), auth="basic" if auth == "basic" else "bearer") as here:
        here.put_image("a/b", "v1")
        question = ask(here, "a/b", ":v1", right(here), insecure=False)
        trusting.digest(question)
        here.fail(Redirect(there.url))
        with pytest.raises(UnauthorizedError, match=f"redirects to {there.host}, which wants") as error:
            trusting.digest(question)

        assert "refused the credential" not in str(error.value)
        assert {""} == {record.scheme for record in there.requests}
        here.heal()
        trusting.digest(question)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("", "it redirects without saying where to"),
        ("http://[::1", "it redirects to what is no address"),
        ("http://", "it redirects more than 3 times"),
        ("http://127.0.0.1:99999/", "it redirects to what is no address"),
        ("ftp://r.io/x", "it redirects from TLS to something that is not"),
    ],
)
def test_a_location_that_is_none_is_told(
    registry: FaultRegistry, client: Client, location: str, words: str
) -> None:
    """No spelling of a Location is a bug of ours."""
    registry.fail(Status(307, "", {"Location": location}))

    with pytest.raises(ProtocolError, match=words):
        client.digest(ask(registry))


@pytest.mark.parametrize(
    ("fault", "times"), [(None, 0), (Gibberish(), 1), (Vanish(), 2)], ids=["400", "no HTTP", "nothing"]
)
def test_a_host_that_moved_to_tls_is_asked_there_at_once(
    authority: Authority, client: Client, fault: Fault | None, times: int
) -> None:
    """A host of plain HTTP that answers it as TLS servers do is tried by TLS within the same question."""
    plain = FaultRegistry()
    with plain:
        plain.put_image("a/b", "v1")
        client.digest(ask(plain))
    port = int(plain.host.rpartition(":")[2])
    if fault is not None:
        # Some TLS servers send an alert or nothing; a plain one stands in for them, then the TLS one comes.
        with FaultRegistry(port=port) as odd:
            odd.fail(fault, times=times)
            odd.put_image("a/b", "v1")
            with pytest.raises(RegistryError):
                client.digest(ask(odd))
            assert {"handshake"} < {record.kind for record in odd.requests}
    with FaultRegistry(tls=authority.good(), port=port) as registry:
        digest = registry.put_image("a/b", "v1", "another")

        assert digest == client.digest(ask(registry))
        registry.reset()
        assert digest == client.digest(ask(registry))
        assert ["manifest-head"] == [record.kind for record in registry.requests]


@pytest.mark.parametrize("fault", [Status(400), Gibberish()], ids=["400", "no HTTP"])
def test_a_plain_host_that_fails_is_told_by_what_it_said(
    registry: FaultRegistry, client: Client, fault: Fault
) -> None:
    """Where TLS is not spoken after all, what was said over plain HTTP is the error, and it stays usable."""
    digest = registry.put_image("a/b", "v1")
    assert digest == client.digest(ask(registry))
    registry.fail(fault)
    with pytest.raises(ProtocolError, match=r"it answered 400|what it answered is not HTTP"):
        client.digest(ask(registry))
    registry.heal()

    assert digest == client.digest(ask(registry))


def test_a_header_in_several_lines_is_read_as_one(client: Client) -> None:
    """Challenges, and links, each in a line of its own: what can be met, and the next page, are found."""
    asked: list[str] = []

    def realm(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        return 200, {}, b'{"token":"t"}'

    def registry(connection: socket.socket, head: str) -> None:
        path = head.split(" ")[1]
        asked.append(path)
        if "authorization: bearer t" not in head.lower():
            challenges = ("Negotiate", f'Bearer realm="http://{tokens}/t",service="s"', 'Basic realm="r"')
            lines, status, body = [f"WWW-Authenticate: {value}" for value in challenges], 401, b""
        elif "last=" in path:
            lines, status, body = [], 200, b'{"tags":["b"]}'
        else:
            links = ('</v2/>; rel="prev"', '</v2/a/b/tags/list?last=a>; rel="next"')
            lines, status, body = [f"Link: {value}" for value in links], 200, b'{"tags":["a"]}'
        text = "".join(f"{line}\r\n" for line in lines)
        connection.sendall(
            f"HTTP/1.1 {status} Said\r\n{text}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )

    with scripted_server(realm) as tokens, raw_server(registry) as host:
        found = client.registry.tags(ask(host))

    assert ("a", "b") == found.tags
    assert ["/v2/a/b/tags/list?n=1000"] * 2 + ["/v2/a/b/tags/list?last=a"] == asked
