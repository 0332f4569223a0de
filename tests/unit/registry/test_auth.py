"""Meeting challenges: which credential goes where, how often, and for how long a token is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import RegistryError, UnauthorizedError
from imagestreams.registry.credentials import Credential
from support.faults import FaultRegistry, TokenOptions
from unit.registry.asking import ask, right, wrong

if TYPE_CHECKING:
    from support.faults import Authority
    from unit.registry.asking import Client


def kinds(registry: FaultRegistry) -> list[str]:
    """Tell what a registry was asked, and how it answered."""
    return [f"{record.kind} {record.status}" for record in registry.requests]


def bearer(authority: Authority, **options: object) -> FaultRegistry:
    """Make a registry that wants tokens."""
    tokens = TokenOptions(**options)  # type: ignore[arg-type]
    return FaultRegistry(tls=authority.good(), auth="bearer", tokens=tokens)


def test_basic_is_met_and_then_sent_at_once(authority: Authority, trusting: Client) -> None:
    """After the first challenge the credential goes with each request: one 401 in all."""
    with FaultRegistry(tls=authority.good(), auth="basic") as registry:
        digest = registry.put_image("a/b", "v1")
        question = ask(registry, "a/b", ":v1", right(registry), insecure=False)

        assert [digest] * 3 == [trusting.digest(question) for _ in range(3)]
        assert [
            "manifest-head 401",
            "manifest-head 200",
            "manifest-get 200",
            "manifest-head 200",
            "manifest-head 200",
        ] == kinds(registry)


@pytest.mark.parametrize("field", ["token", "access_token", "both"])
def test_a_token_is_fetched_and_used_again(authority: Authority, trusting: Client, field: str) -> None:
    """One token serves every request for its repository, under whichever name it comes."""
    with bearer(authority, field=field) as registry:
        digest = registry.put_image("a/b", "v1")
        question = ask(registry, "a/b", ":v1", right(registry), insecure=False)

        assert [digest] * 3 == [trusting.digest(question) for _ in range(3)]
        assert [
            "manifest-head 401",
            "token 200",
            "manifest-head 200",
            "manifest-get 200",
            "manifest-head 200",
            "manifest-head 200",
        ] == kinds(registry)
        assert [("basic", True)] == [(record.scheme, record.right) for record in registry.matching("token")]


def test_a_token_is_for_one_repository(authority: Authority, trusting: Client) -> None:
    """Another repository is another scope, with a token of its own."""
    with bearer(authority) as registry:
        for repository in ("a/b", "a/c"):
            registry.put_image(repository, "v1")
            trusting.digest(ask(registry, repository, ":v1", right(registry), insecure=False))

        assert ["a/b", "a/c"] == [record.repository for record in registry.matching("token")]


def test_anonymous_pulls_get_an_anonymous_token(authority: Authority, trusting: Client) -> None:
    """A public repository behind tokens needs no credential."""
    with bearer(authority) as registry:
        registry.make_public("a/b")
        digest = registry.put_image("a/b", "v1")

        assert digest == trusting.digest(ask(registry, insecure=False))
        assert [""] == [record.scheme for record in registry.matching("token")]


def test_a_revoked_token_is_replaced(authority: Authority, trusting: Client) -> None:
    """A 401 to a token that was good costs one new token, and no error."""
    with bearer(authority) as registry:
        digest = registry.put_image("a/b", "v1")
        question = ask(registry, "a/b", ":v1", right(registry), insecure=False)
        trusting.digest(question)
        registry.revoke_tokens()
        registry.reset()

        assert digest == trusting.digest(question)
        assert ["manifest-head 401", "token 200", "manifest-head 200"] == kinds(registry)


def test_an_identity_token_is_exchanged_by_post(authority: Authority, trusting: Client) -> None:
    """A credential with an identity token sends that, in a form, and neither user nor password."""
    with bearer(authority) as registry:
        digest = registry.put_image("a/b", "v1")
        credential = Credential("pull", "00000000-0000-0000-0000-000000000000", "", registry.identity_token)

        assert digest == trusting.digest(ask(registry, "a/b", ":v1", credential, insecure=False))
        assert [("POST", "", True)] == [
            (record.method, record.scheme, record.right) for record in registry.matching("token")
        ]


def test_a_token_service_elsewhere_is_asked_there(authority: Authority, trusting: Client) -> None:
    """The realm may be another host: the credential goes there, the registry sees the token alone."""
    with bearer(authority, separate_port=True) as registry:
        digest = registry.put_image("a/b", "v1")

        assert digest == trusting.digest(ask(registry, "a/b", ":v1", right(registry), insecure=False))
        assert registry.token_host != registry.host
        schemes = {(record.kind == "token", record.scheme) for record in registry.requests}
        assert {(True, "basic"), (False, ""), (False, "bearer")} == schemes


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_wrong_credential_is_told_by_its_secret(authority: Authority, trusting: Client, auth: str) -> None:
    """Unauthorized names the first secret that was refused, the same way twice, and shows nothing of it."""
    with FaultRegistry(tls=authority.good(), auth="basic" if auth == "basic" else "bearer") as registry:
        registry.put_image("a/b", "v1")
        told = set()
        for _ in range(2):
            with pytest.raises(
                UnauthorizedError, match='it refused the credential of secret "wrong"'
            ) as error:
                trusting.digest(ask(registry, "a/b", ":v1", wrong(), insecure=False))
            told.add(str(error.value))

        assert 1 == len(told)
        assert "nobody" not in told.pop()


@pytest.mark.parametrize("options", [{}, {"refuse_anonymous": True}])
def test_without_a_credential_it_is_told_to_make_one(
    authority: Authority, trusting: Client, options: dict[str, bool]
) -> None:
    """A private repository without a fitting secret says how to create one, whoever refuses."""
    with bearer(authority, **options) as registry:
        registry.put_image("a/b", "v1")

        with pytest.raises(UnauthorizedError, match="no pull secret of the namespace fits"):
            trusting.digest(ask(registry, insecure=False))


def test_a_token_without_the_right_ends_after_one_more_try(authority: Authority, trusting: Client) -> None:
    """A token service that gives fewer rights than asked does not send the client in circles."""
    with bearer(authority) as registry:
        registry.put_image("a/b", "v1")
        registry.restrict("a/b")

        with pytest.raises(UnauthorizedError):
            trusting.digest(ask(registry, "a/b", ":v1", right(registry), insecure=False))
        assert registry.count("token") <= 3
        assert registry.count("manifest-head") <= 4


def test_a_user_without_the_right_is_denied(authority: Authority, trusting: Client) -> None:
    """403 to a known user is told as that, with the secret."""
    with FaultRegistry(tls=authority.good(), auth="basic") as registry:
        registry.put_image("a/b", "v1")
        registry.restrict("a/b")

        with pytest.raises(
            RegistryError,
            match=r'does not allow the pull \(403\) \(asked with the credential of secret "right"\)',
        ):
            trusting.digest(ask(registry, "a/b", ":v1", right(registry), insecure=False))


def test_a_changed_password_is_noticed(authority: Authority, trusting: Client) -> None:
    """With a token of the old password all goes well until it ends; then the new credential is another."""
    with bearer(authority) as registry:
        digest = registry.put_image("a/b", "v1")
        old = right(registry)
        trusting.digest(ask(registry, "a/b", ":v1", old, insecure=False))
        registry.change_password(registry.username, "another")
        new = Credential("right", registry.username, "another")

        assert digest == trusting.digest(ask(registry, "a/b", ":v1", new, insecure=False))
        assert [True, True] == [record.right for record in registry.matching("token")]
