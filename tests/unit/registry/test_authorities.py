"""CAs by ConfigMap: how they are read, and that they are trusted by those alone who have them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import UnreachableError
from imagestreams.model.reference import parse_reference
from imagestreams.registry.authorities import parse_bundle
from imagestreams.registry.names import place_of
from support.faults import FaultRegistry
from unit.registry.asking import ask, right

if TYPE_CHECKING:
    from support.faults import Authority
    from unit.registry.asking import Client


@pytest.fixture
def pem(authority: Authority) -> str:
    """The test authority's certificate."""
    return authority.ca_file.read_text()


def test_keys_are_hosts_or_for_all(pem: str) -> None:
    """`*.crt` and `*.pem` are for every registry, any other key for its host, the port after two dots."""
    data = {"ca.crt": pem, "r.io..5000": pem, "Docker.io": pem, "more.pem": pem}
    bundle, problems = parse_bundle(data)

    assert () == problems
    assert {"r.io:5000/app": 3, "r.io/app": 2, "nginx": 3} == {
        name: bundle.of(place_of(parse_reference(name))).count("BEGIN")
        for name in ("r.io:5000/app", "r.io/app", "nginx")
    }


@pytest.mark.parametrize(
    "value", ["", "nonsense", None, 7, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END", "\ud800"]
)
def test_what_is_no_certificate_is_told_and_the_rest_is_used(pem: str, value: object) -> None:
    """A broken key is named; the others count."""
    bundle, problems = parse_bundle({"ca.crt": pem, "r.io": value})

    assert ('key "r.io": it holds no certificate; it must be CAs in PEM',) == problems
    assert pem == bundle.of(place_of(parse_reference("r.io/app")))


def test_who_has_the_ca_is_answered_and_nobody_else(secure: FaultRegistry, client: Client, pem: str) -> None:
    """The same client trusts a private CA for the questions that bring it, before and after others fail."""
    digest = secure.put_image("a/b", "v1")
    bare = ask(secure, insecure=False)
    trusting = dataclasses.replace(bare, authorities=pem)

    for _ in range(2):
        assert digest == client.digest(trusting)
        with pytest.raises(UnreachableError, match="its certificate is not trusted"):
            client.digest(bare)


def test_a_token_realm_behind_the_same_ca_is_asked(authority: Authority, client: Client, pem: str) -> None:
    """The CA holds for the realm that the registry names, too."""
    with FaultRegistry(tls=authority.good(), auth="bearer") as registry:
        digest = registry.put_image("a/b", "v1")
        question = ask(registry, "a/b", ":v1", right(registry), insecure=False)

        assert digest == client.digest(dataclasses.replace(question, authorities=pem))


def test_what_is_learnt_under_one_trust_is_not_used_under_another(
    authority: Authority, trusting: Client, pem: str
) -> None:
    """A challenge and a token that came under a namespace's own CA serve nobody else."""
    with FaultRegistry(tls=authority.good(), auth="bearer") as registry:
        digest = registry.put_image("a/b", "v1")
        question = ask(registry, "a/b", ":v1", right(registry), insecure=False)
        own = dataclasses.replace(question, authorities=pem)

        assert [digest] * 4 == [trusting.digest(each) for each in (own, question, own, question)]
        assert 2 == registry.count("token")
