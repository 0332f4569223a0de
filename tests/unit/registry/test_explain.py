"""The words of a failed question."""

from __future__ import annotations

import pytest

from imagestreams.errors import (
    DeniedError,
    NoImageError,
    NotFoundError,
    PlatformError,
    ProtocolError,
    RegistryError,
    UnauthorizedError,
    UnreachableError,
    UnwellError,
)
from imagestreams.model.reference import parse_reference
from imagestreams.registry.credentials import Credential
from imagestreams.registry.exchange import Visitor
from imagestreams.registry.explain import explain
from imagestreams.registry.failures import TlsError
from imagestreams.registry.names import place_of

REFERENCE = parse_reference("r.io:5000/team/app:v1")
PLACE = place_of(REFERENCE)
CREDENTIAL = Credential("pull", "user-xyz", "pass-xyz")
BARE, KNOWN = Visitor(PLACE), Visitor(PLACE, CREDENTIAL)
START = "r.io:5000/team/app:v1: registry r.io:5000, repository team/app: "


@pytest.mark.parametrize(
    ("error", "visitor", "words"),
    [
        (
            UnauthorizedError("it answered 401"),
            BARE,
            (
                "it wants a credential, and no pull secret of the namespace fits. Create one: kubectl create "
                "secret docker-registry NAME --docker-server=r.io:5000 --docker-username=USER "
                "--docker-password=PASSWORD"
            ),
        ),
        (
            UnauthorizedError("it answered 401"),
            KNOWN,
            'it refused the credential of secret "pull". Put a valid user name and password into that secret',
        ),
        (
            NotFoundError('there is no tag "v1"'),
            BARE,
            (
                'there is no tag "v1" (asked with no credential). Push it, or correct spec.tags[].from.name; '
                "a private repository may answer so to who has no right to it"
            ),
        ),
        (
            DeniedError("it does not allow the pull (403)"),
            KNOWN,
            'it does not allow the pull (403) (asked with the credential of secret "pull")',
        ),
        (
            UnwellError("it wants to be asked less often (429)"),
            BARE,
            "it wants to be asked less often (429) (asked with no credential)",
        ),
        (
            UnreachableError("its host name does not resolve"),
            BARE,
            (
                "its host name does not resolve. Check the host in spec.tags[].from.name, "
                "and that the operator can reach it"
            ),
        ),
        (
            TlsError("its certificate is not trusted: x"),
            BARE,
            (
                "its certificate is not trusted: x. Put its CA into ConfigMap imagestreams-registries of the "
                "namespace, key ca.crt, or set importPolicy.insecure: true to do without verification"
            ),
        ),
        (
            TlsError("it does not speak TLS", not_tls=True),
            BARE,
            (
                "it does not speak TLS. Serve it over TLS, or set importPolicy.insecure: true "
                "to allow plain HTTP"
            ),
        ),
        (
            PlatformError("the index has no image for linux/amd64. Push one for that platform"),
            BARE,
            "the index has no image for linux/amd64. Push one for that platform",
        ),
        (
            NoImageError("the answer is an artifact"),
            BARE,
            "the answer is an artifact. Push an image there, or correct spec.tags[].from.name",
        ),
        (
            ProtocolError("the answer is no manifest"),
            BARE,
            "the answer is no manifest. Check that spec.tags[].from.name names a container registry",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failure_is_explained(error: RegistryError, visitor: Visitor, words: str) -> None:
    """Each failure names reference, registry, repository and credential, and says what to do."""
    assert START + words == explain(error, REFERENCE, visitor)


@pytest.mark.parametrize("kind", RegistryError.__subclasses__())
def test_no_explanation_shows_a_secret(kind: type[RegistryError]) -> None:
    """Whatever failed, neither user name nor password is in the words, and they fit into a condition."""
    text = explain(kind("it failed"), REFERENCE, KNOWN)

    assert "xyz" not in text
    assert len(text) < 1024


def test_docker_hub_is_named_as_people_know_it() -> None:
    """A reference without a registry is explained by the host people know, not the one that is contacted."""
    reference = parse_reference("nginx")

    assert explain(UnauthorizedError("x"), reference, Visitor(place_of(reference))).startswith(
        "nginx: registry docker.io, repository library/nginx: it wants a credential"
    )
