"""Asking a repository: redirects that are followed with care, and plain HTTP only where it is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import ProtocolError, RegistryError, UnauthorizedError, UnreachableError
from support.faults import ClosedPort, FaultRegistry, Redirect, ResetMidBody, SilentPort, Status
from unit.registry.asking import HugeRedirect, Vanish, ask, right

if TYPE_CHECKING:
    from support.faults import Authority
    from unit.registry.asking import Client


def schemes(registry: FaultRegistry) -> set[str]:
    """Tell which kinds of authorization a registry was shown."""
    return {record.scheme for record in registry.requests}


def test_a_redirect_is_followed(
    two_registries: tuple[FaultRegistry, FaultRegistry], trusting: Client
) -> None:
    """A manifest that another host serves is read there, and verified like any other."""
    here, there = two_registries
    digest = there.put_image("a/b", "v1")
    here.fail(Redirect(there.url))

    assert digest == trusting.digest(ask(here, insecure=False))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_keeps_its_method(
    two_registries: tuple[FaultRegistry, FaultRegistry], trusting: Client, status: int
) -> None:
    """HEAD stays HEAD, whatever the redirect's status."""
    here, there = two_registries
    there.put_image("a/b", "v1")
    here.fail(Redirect(there.url, status))
    trusting.digest(ask(here, insecure=False))

    assert ["manifest-head", "manifest-get"] == [record.kind for record in there.requests]


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_no_credential_follows_a_redirect_to_another_host(
    authority: Authority, two_registries: tuple[FaultRegistry, FaultRegistry], trusting: Client, auth: str
) -> None:
    """The other host sees neither credential nor token of the first."""
    there, _ = two_registries
    with FaultRegistry(tls=authority.good(), auth="basic" if auth == "basic" else "bearer") as here:
        digest = here.put_image("a/b", "v1")
        there.put_image("a/b", "v1")
        question = ask(here, "a/b", ":v1", right(here), insecure=False)
        assert digest == trusting.digest(question)
        here.fail(Redirect(there.url))

        assert digest == trusting.digest(question)
        assert auth in schemes(here)
        assert {""} == schemes(there)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_challenge_behind_a_redirect_gets_no_credential(
    authority: Authority, secure: FaultRegistry, trusting: Client, auth: str
) -> None:
    """Who is redirected to does not get the first host's credential by asking for it."""
    with FaultRegistry(tls=authority.good(), auth="basic" if auth == "basic" else "bearer") as there:
        there.put_image("a/b", "v1")
        secure.fail(Redirect(there.url))

        with pytest.raises(UnauthorizedError):
            trusting.digest(ask(secure, "a/b", ":v1", right(there), insecure=False))
        assert 0 == len([record for record in there.requests if record.scheme == "basic"])


def test_a_redirect_from_tls_to_plain_http_is_refused(
    secure: FaultRegistry, registry: FaultRegistry, trusting: Client
) -> None:
    """What was asked for over TLS is not read over plain HTTP."""
    registry.put_image("a/b", "v1")
    secure.fail(Redirect(registry.url))

    with pytest.raises(ProtocolError, match="it redirects from TLS to something that is not"):
        trusting.digest(ask(secure, insecure=False))
    assert [] == registry.requests


def test_redirects_in_a_circle_end(secure: FaultRegistry, trusting: Client) -> None:
    """A loop is left after three turns."""
    secure.fail(Redirect())

    with pytest.raises(ProtocolError, match="it redirects more than 3 times"):
        trusting.digest(ask(secure, insecure=False))
    assert 4 == secure.count("manifest-head")


@pytest.mark.parametrize(
    "location",
    [
        "",
        "https://[bad",
        "//",
        "ftp://r.io/x",
        "https://127.0.0.1:99999/",
        "https:///x",
        "javascript:x",
        "\x7f",
    ],
)
def test_a_redirect_to_nowhere_is_told(secure: FaultRegistry, trusting: Client, location: str) -> None:
    """A Location that is none is an error of the registry's, not of ours."""
    secure.fail(Status(307, "", {"Location": location}))

    with pytest.raises(RegistryError, match=f"registry {secure.host}, repository a/b: "):
        trusting.digest(ask(secure, insecure=False))


def test_the_body_of_a_redirect_is_bounded(secure: FaultRegistry, trusting: Client) -> None:
    """A redirect with 100 MB behind it is not read to its end."""
    secure.put_image("a/b", "v1")
    secure.fail(HugeRedirect("https://elsewhere.invalid/"), kind="manifest-get")

    with pytest.raises(ProtocolError, match="its answer is larger than 4096 KiB"):
        trusting.digest(ask(secure, insecure=False))
    assert secure.sent < 20_000_000


def test_plain_http_is_refused_where_tls_is_wanted(registry: FaultRegistry, client: Client) -> None:
    """Without importPolicy.insecure nothing is sent over plain HTTP, and the words say how to allow it."""
    registry.put_image("a/b", "v1")

    with pytest.raises(UnreachableError, match=r"it does not speak TLS\. .* set importPolicy\.insecure"):
        client.digest(ask(registry, insecure=False))
    assert {"handshake"} == {record.kind for record in registry.requests}


def test_an_insecure_host_is_tried_by_tls_once_and_then_remembered(
    registry: FaultRegistry, client: Client
) -> None:
    """The first question costs one handshake that fails; later ones go straight over plain HTTP."""
    digest = registry.put_image("a/b", "v1")
    registry.put_image("c/d", "v1")

    assert digest == client.digest(ask(registry))
    client.digest(ask(registry, "c/d"))
    client.digest(ask(registry))
    kinds = [record.kind for record in registry.requests]
    assert [
        "handshake",
        "manifest-head",
        "manifest-get",
        "manifest-head",
        "manifest-get",
        "manifest-head",
    ] == kinds


def test_an_insecure_host_that_speaks_tls_is_asked_over_tls(authority: Authority, client: Client) -> None:
    """Insecure does without verification before it does without TLS."""
    with FaultRegistry(tls=authority.expired()) as registry:
        digest = registry.put_image("a/b", "v1")

        assert digest == client.digest(ask(registry))
        assert ["manifest-head", "manifest-get"] == [record.kind for record in registry.requests]


def test_a_tls_host_that_failed_once_is_still_asked_over_tls(authority: Authority, client: Client) -> None:
    """A connection cut short does not make an insecure host over TLS one of plain HTTP."""
    with FaultRegistry(tls=authority.good()) as registry:
        first = registry.put_image("a/b", "v1", "first")
        assert first == client.digest(ask(registry))
        second = registry.put_image("a/b", "v1", "second")
        registry.fail(ResetMidBody(), kind="manifest-get", times=1)
        with pytest.raises(UnreachableError, match="it closed the connection before its answer was complete"):
            client.digest(ask(registry))

        assert second == client.digest(ask(registry))


def test_a_tls_host_that_cuts_its_first_answer_is_asked_over_tls_again(
    authority: Authority, client: Client
) -> None:
    """What a TLS server answers to plain HTTP is no sign that plain HTTP is spoken there."""
    with FaultRegistry(tls=authority.good()) as registry:
        digest = registry.put_image("a/b", "v1")
        registry.fail(Vanish(), times=2)

        assert [digest] * 2 == [client.digest(ask(registry)), client.digest(ask(registry))]


def test_a_host_that_changed_to_tls_is_found_again(authority: Authority, client: Client) -> None:
    """A host remembered for plain HTTP that speaks TLS now is asked over TLS."""
    plain = FaultRegistry()
    with plain:
        plain.put_image("a/b", "v1")
        client.digest(ask(plain))
    port = int(plain.host.rpartition(":")[2])
    with FaultRegistry(tls=authority.good(), port=port) as registry:
        digest = registry.put_image("a/b", "v1")

        assert [digest] * 2 == [client.digest(ask(registry)), client.digest(ask(registry))]


def test_a_host_that_changed_to_plain_http_is_found_again(authority: Authority, client: Client) -> None:
    """An insecure host known for TLS that speaks plain HTTP now is asked over plain HTTP."""
    before = FaultRegistry(tls=authority.good())
    with before:
        before.put_image("a/b", "v1")
        client.digest(ask(before))
    port = int(before.host.rpartition(":")[2])
    with FaultRegistry(port=port) as registry:
        digest = registry.put_image("a/b", "v1")

        assert digest == client.digest(ask(registry))


def test_a_closed_port_is_not_tried_over_plain_http(client: Client) -> None:
    """Where nothing listens there is nothing to fall back to."""
    with (
        ClosedPort() as closed,
        pytest.raises(UnreachableError, match="nothing listens there"),
    ):
        client.digest(ask(closed.host))


def test_a_silent_host_is_told_and_not_waited_for_twice(hasty: Client) -> None:
    """A host that says nothing to TLS is not asked over plain HTTP as well."""
    with SilentPort() as silent, pytest.raises(UnreachableError, match="did not answer within"):
        hasty.digest(ask(silent.host))


def test_a_certificate_that_is_not_trusted_is_told_with_the_ways_out(
    secure: FaultRegistry, client: Client
) -> None:
    """The words name the place for the authority and the policy to do without."""
    with pytest.raises(UnreachableError, match=r"not trusted: .*ConfigMap imagestreams-registries.*insecure"):
        client.digest(ask(secure, insecure=False))


def test_insecure_tags_and_others_of_one_host_go_their_own_ways(
    registry: FaultRegistry, client: Client
) -> None:
    """What an insecure tag learnt of a host makes no other tag insecure."""
    digest = registry.put_image("a/b", "v1")

    assert digest == client.digest(ask(registry))
    with pytest.raises(UnreachableError, match="it does not speak TLS"):
        client.digest(ask(registry, insecure=False))
    assert digest == client.digest(ask(registry))
