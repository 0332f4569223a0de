"""Registries that tell no digest to HEAD: what an unchanged tag costs there, and that no move is missed."""

from __future__ import annotations

import collections
import contextlib
from typing import TYPE_CHECKING

import pytest

from support.faults import FaultRegistry, Headers, NoDigestHeader, RejectHead
from unit.registry.asking import Client, ask, right

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.faults import Authority

HEAD, GET = "manifest-head", "manifest-get"


@pytest.fixture
def digestless(secure: FaultRegistry) -> FaultRegistry:
    """A registry whose answers hold an entity tag and no digest."""
    secure.fail(NoDigestHeader())
    return secure


@contextlib.contextmanager
def costing(registry: FaultRegistry, *expected: tuple[str, int]) -> Iterator[None]:
    """Expect of a block what it asks a registry for, and the status that each is answered by."""
    registry.reset()
    yield
    assert list(expected) == [(record.kind, record.status) for record in registry.requests]


def test_an_unchanged_tag_spends_no_pull_where_head_lacks_the_digest(
    digestless: FaultRegistry, trusting: Client
) -> None:
    """The manifest is hashed once; from then on HEAD's entity tag shows that it is the same."""
    digest = digestless.put_image("a/b", "v1")
    with costing(digestless, (HEAD, 200), (GET, 200)):
        assert digest == trusting.digest(ask(digestless, insecure=False))
    with costing(digestless, (HEAD, 200), (HEAD, 200)):
        assert digest == trusting.digest(ask(digestless, insecure=False))
        assert digest == trusting.digest(ask(digestless, insecure=False))


def test_where_there_is_no_head_an_unchanged_manifest_is_not_sent(
    secure: FaultRegistry, trusting: Client
) -> None:
    """GET says which manifest is known already, and 304 says that it is the same."""
    digest = secure.put_image("a/b", "v1")
    secure.fail(RejectHead())
    with costing(secure, (HEAD, 405), (GET, 200)):
        assert digest == trusting.digest(ask(secure, insecure=False))
    with costing(secure, (HEAD, 405), (GET, 304)):
        assert digest == trusting.digest(ask(secure, insecure=False))


@pytest.mark.parametrize("fault", [NoDigestHeader(), RejectHead()], ids=["no header", "no HEAD"])
def test_a_tag_that_moved_is_hashed_again(
    secure: FaultRegistry, trusting: Client, fault: NoDigestHeader | RejectHead
) -> None:
    """There and back again, each move is seen by the next check."""
    first, second = secure.put_image("a/b", "v1"), secure.put_image("a/b", "v2", "other")
    secure.fail(fault)
    told = []
    for digest in (first, second, second, first):
        secure.move("a/b", "v1", digest)
        told.append(trusting.digest(ask(secure, insecure=False)))

    assert [first, second, second, first] == told


@pytest.mark.parametrize(
    "tag", ['W/"same"', "", "same", '""', '"a" , "b"', f'"{"a" * 201}"'], ids=lambda tag: tag[:9]
)
def test_a_weak_entity_tag_or_none_shows_nothing(
    digestless: FaultRegistry, trusting: Client, tag: str
) -> None:
    """What may be the same for other bytes is not believed: the manifest is hashed each time."""
    digestless.put_image("a/b", "v1")
    digestless.fail(Headers({"Etag": tag}))
    trusting.digest(ask(digestless, insecure=False))
    other = digestless.put_image("a/b", "v1", "other")

    with costing(digestless, (HEAD, 200), (GET, 200)):
        assert other == trusting.digest(ask(digestless, insecure=False))


def test_what_was_hashed_without_verifying_the_host_is_not_believed_of_it(
    digestless: FaultRegistry, trusting: Client
) -> None:
    """Who can answer in the place of a host can say its entity tags; who asks with TLS hashes for himself."""
    digestless.put_image("a/b", "v1")
    trusting.digest(ask(digestless, insecure=True))

    with costing(digestless, (HEAD, 200), (GET, 200)):
        trusting.digest(ask(digestless, insecure=False))


def test_each_credential_hashes_for_itself(authority: Authority, trusting: Client) -> None:
    """Another credential's digest is not told by an entity tag alone."""
    users = {"one": "1", "two": "2"}
    with FaultRegistry(tls=authority.good(), auth="basic", users=users) as registry:
        registry.put_image("a/b", "v1")
        registry.make_public("a/b")
        registry.fail(NoDigestHeader())
        trusting.digest(ask(registry, insecure=False, credential=right(registry)))
        with costing(registry, (HEAD, 200), (GET, 200)):
            trusting.digest(ask(registry, insecure=False))


def test_a_registry_that_counts_pulls_and_tells_the_digest_loses_none(
    secure: FaultRegistry, trusting: Client
) -> None:
    """As Docker Hub does: a hundred checks of an unchanged tag are HEADs, and the quota stays as it is."""
    secure.put_image("library/nginx", "latest")
    question = ask(secure, "library/nginx", ":latest", insecure=False)
    trusting.digest(question)
    secure.fail(Headers({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}))
    secure.reset()
    for _ in range(100):
        trusting.digest(question)

    assert {HEAD: 100} == collections.Counter(record.kind for record in secure.requests)
    assert {(secure.host, 76)} == set(trusting.quotas)
