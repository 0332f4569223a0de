"""What a question costs and how it is answered, by real registries over real HTTP."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import (
    DeniedError,
    NotFoundError,
    ProtocolError,
    Reason,
    RegistryError,
    Retry,
    UnauthorizedError,
    UnreachableError,
    UnwellError,
)
from imagestreams.registry.credentials import Credential
from imagestreams.registry.manifests import OCI_INDEX, OCI_MANIFEST, Platform
from imagestreams.registry.question import Resolution
from support.faults import FaultRegistry, Headers, Html, LyingDigest, Status
from support.faults.images import SCHEMA1, schema1_manifest
from unit.registry.asking import AMD, ask

if TYPE_CHECKING:
    from support.faults import Authority, Fault
    from unit.registry.asking import Client


CHART = json.dumps(
    {"schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}, "layers": []}
).encode()


def requests(registry: FaultRegistry) -> list[str]:
    """Tell what a registry was asked."""
    return [record.kind for record in registry.requests]


@pytest.mark.parametrize("docker", [False, True])
def test_a_tag_is_resolved_to_what_the_registry_says(
    secure: FaultRegistry, trusting: Client, docker: bool
) -> None:
    """The digest of a single image, OCI or Docker, costs one HEAD and one GET the first time."""
    digest = secure.put_image("a/b", "v1", docker=docker)

    assert digest == trusting.digest(ask(secure, insecure=False))
    assert ["manifest-head", "manifest-get"] == requests(secure)


def test_an_unchanged_tag_costs_one_head(secure: FaultRegistry, trusting: Client) -> None:
    """A poll of a tag that did not move is one HEAD on a connection that is there, and no GET."""
    digest = secure.put_image("a/b", "v1")
    trusting.digest(ask(secure, insecure=False))
    secure.reset()

    assert [digest] * 5 == [trusting.digest(ask(secure, insecure=False)) for _ in range(5)]
    assert ["manifest-head"] * 5 == requests(secure)
    assert 1 == len({record.connection for record in secure.requests})


def test_a_moved_tag_costs_a_head_and_a_get(secure: FaultRegistry, trusting: Client) -> None:
    """Another image is fetched once; moving back to one that is known costs its HEAD alone."""
    first = secure.put_image("a/b", "v1", "first")
    trusting.digest(ask(secure, insecure=False))
    second = secure.put_image("a/b", "v1", "second")
    secure.reset()

    assert second == trusting.digest(ask(secure, insecure=False))
    assert ["manifest-head", "manifest-get"] == requests(secure)
    secure.reset()
    secure.move("a/b", "v1", first)
    assert first == trusting.digest(ask(secure, insecure=False))
    assert ["manifest-head"] == requests(secure)


def test_two_tags_of_one_image_fetch_it_once(secure: FaultRegistry, trusting: Client) -> None:
    """What is known by its digest is not fetched for another tag."""
    digest = secure.put_image("a/b", "v1", "same")
    secure.put_image("a/b", "v2", "same")

    assert [digest, digest] == [
        trusting.digest(ask(secure, version=tag, insecure=False)) for tag in (":v1", ":v2")
    ]
    assert 1 == secure.count("manifest-get")


def test_a_digest_is_fetched_once_and_asked_for_each_time(secure: FaultRegistry, trusting: Client) -> None:
    """A pinned reference is verified by one GET; a HEAD shows each time that it is there and may be seen."""
    digest = secure.put_image("a/b", "v1")
    question = ask(secure, version=f"@{digest}", insecure=False)

    assert [digest, digest] == [trusting.digest(question), trusting.digest(question)]
    assert ["manifest-head", "manifest-get", "manifest-head"] == requests(secure)


def test_what_is_remembered_is_not_told_to_who_may_not_see_it(authority: Authority, trusting: Client) -> None:
    """A private image's digest that one namespace resolved is refused to another without its credential."""
    users = {"ana": "pw"}
    with FaultRegistry(tls=authority.good(), auth="basic", users=users) as registry:
        digest = registry.put_image("a/b", "v1")
        insider = ask(registry, version=f"@{digest}", insecure=False)
        insider = dataclasses.replace(insider, credential=Credential("pull", "ana", "pw"))
        assert digest == trusting.digest(insider)
        with pytest.raises(UnauthorizedError):
            trusting.digest(ask(registry, version=f"@{digest}", insecure=False))


def test_a_tag_beside_a_digest_is_not_asked_for(secure: FaultRegistry, trusting: Client) -> None:
    """Of `repo:tag@digest` the digest decides."""
    digest = secure.put_image("a/b", "v1", "first")
    secure.put_image("a/b", "v1", "second")

    assert digest == trusting.digest(ask(secure, version=f":v1@{digest}", insecure=False))


def test_no_tag_means_latest(secure: FaultRegistry, trusting: Client) -> None:
    """A bare repository is asked for its latest."""
    digest = secure.put_image("a/b", "latest")

    assert digest == trusting.digest(ask(secure, version="", insecure=False))


@pytest.mark.parametrize("docker", [False, True])
def test_of_an_index_the_platforms_image_is_taken(
    secure: FaultRegistry, trusting: Client, docker: bool
) -> None:
    """Legacy takes the child for its platform; unchanged, that costs one HEAD."""
    index = secure.put_index("a/b", "v1", docker=docker)
    child = secure.children("a/b", index)["linux/amd64"]

    assert child == trusting.digest(ask(secure, insecure=False))
    assert ["manifest-head", "manifest-get", "manifest-get"] == requests(secure)
    secure.reset()
    assert child == trusting.digest(ask(secure, insecure=False))
    assert ["manifest-head"] == requests(secure)


def test_an_index_is_kept_whole_when_asked_to(secure: FaultRegistry, trusting: Client) -> None:
    """PreserveOriginal is the index itself; its children are not fetched."""
    index = secure.put_index("a/b", "v1")

    assert index == trusting.digest(ask(secure, insecure=False, platform=None))
    assert ["manifest-head", "manifest-get"] == requests(secure)


@pytest.mark.parametrize("platform", [AMD, None])
@pytest.mark.parametrize("indexed", [True, False])
def test_what_was_answered_before_a_restart_is_not_fetched_again(
    secure: FaultRegistry, trusting: Client, platform: Platform | None, indexed: bool
) -> None:
    """Who knows the last answer spends no pull while the tag stays, though the client remembers nothing."""
    digest = secure.put_index("a/b", "v1") if indexed else secure.put_image("a/b", "v1")
    child = secure.children("a/b", digest)["linux/amd64"] if indexed and platform else ""
    known = Resolution(child or digest, index=digest if child else "")
    question = dataclasses.replace(ask(secure, insecure=False, platform=platform), known=known)

    assert known == trusting.registry.resolve(question)
    assert ["manifest-head"] == requests(secure)
    secure.reset()
    moved = secure.put_image("a/b", "v1", "moved")
    assert Resolution(moved) == trusting.registry.resolve(question)
    assert ["manifest-head", "manifest-get"] == requests(secure)


def test_what_is_said_to_be_known_is_believed_of_who_says_so_alone(
    secure: FaultRegistry, trusting: Client
) -> None:
    """Who writes a lie into a status of his own gets it back; nobody else's question is the same."""
    index = secure.put_index("a/b", "v1")
    honest = ask(secure, insecure=False)
    lying = dataclasses.replace(honest, known=Resolution("sha256:" + "0" * 64, index=index))

    assert "sha256:" + "0" * 64 == trusting.digest(lying)
    assert secure.children("a/b", index)["linux/amd64"] == trusting.digest(honest)
    assert lying != honest
    assert lying.fingerprint != honest.fingerprint


def test_a_platform_that_is_not_there_lists_what_is(secure: FaultRegistry, trusting: Client) -> None:
    """An index without our platform is NotFound, with its platforms."""
    secure.put_index("a/b", "v1", ["linux/arm64/v8", "linux/s390x"])

    with pytest.raises(NotFoundError, match="has no image for linux/amd64; it has linux/arm64, linux/s390x"):
        trusting.digest(ask(secure, insecure=False))


def test_a_single_image_is_taken_whatever_its_platform(secure: FaultRegistry, trusting: Client) -> None:
    """Without an index there is nothing to choose from."""
    digest = secure.put_image("a/b", "v1")

    assert digest == trusting.digest(ask(secure, insecure=False, platform=Platform("linux", "s390x")))


def test_an_index_inside_an_index_is_refused(secure: FaultRegistry, trusting: Client) -> None:
    """What no node can run is a ProtocolError, and not followed without end."""
    inner = secure.put_index("a/b", None)
    platform = {"os": "linux", "architecture": "amd64"}
    body = json.dumps({"mediaType": OCI_INDEX, "manifests": [{"digest": inner, "platform": platform}]})
    secure.put_manifest("a/b", "v1", body.encode(), OCI_INDEX)

    with pytest.raises(ProtocolError, match=f"{inner} is an index inside an index"):
        trusting.digest(ask(secure, insecure=False))


def test_a_missing_tag_is_told_apart_from_a_missing_repository(
    secure: FaultRegistry, trusting: Client
) -> None:
    """NotFound says which of both is missing, and where."""
    secure.put_image("a/b", "v1")

    with pytest.raises(NotFoundError, match='there is no tag "v2"') as tag:
        trusting.digest(ask(secure, version=":v2", insecure=False))
    with pytest.raises(NotFoundError, match="there is no such repository") as repository:
        trusting.digest(ask(secure, "no/such", insecure=False))
    assert f"registry {secure.host}, repository a/b: " in str(tag.value)
    assert f"registry {secure.host}, repository no/such: " in str(repository.value)
    assert (Reason.NOT_FOUND, Retry.PERMANENT) == (tag.value.reason, tag.value.retry)


def test_a_missing_digest_is_told(secure: FaultRegistry, trusting: Client) -> None:
    """A pinned image that is not there is NotFound with its digest."""
    secure.put_image("a/b", "v1")
    digest = "sha256:" + "0" * 64

    with pytest.raises(NotFoundError, match=f'there is no image "{digest}"'):
        trusting.digest(ask(secure, version=f"@{digest}", insecure=False))


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Html(), ProtocolError, "no manifest but text/html content"),
        (LyingDigest(), ProtocolError, "altered on the way, or in the registry"),
        (LyingDigest("sha256:" + "0" * 64), NotFoundError, "there is no image"),
        (Status(401), UnauthorizedError, "it wants a credential"),
        (Status(403), DeniedError, "it does not allow the pull"),
        (Status(407), UnreachableError, "the proxy in between wants another login"),
        (Status(418), ProtocolError, "it answered 418"),
        (Status(400), ProtocolError, "it answered 400"),
        (Status(204, ""), ProtocolError, "it answered 204"),
        (Status(500), UnwellError, "it answered 500"),
        (Status(503, "<html>"), UnwellError, "it answered 503"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_bad_answer_is_told_the_same_way_each_time(
    secure: FaultRegistry, trusting: Client, fault: Fault, kind: type[RegistryError], words: str
) -> None:
    """Each has its error and words, twice the same, and names registry, repository and tag."""
    digest = secure.put_image("a/b", "v1")
    secure.fail(fault)
    told = []
    for _ in range(2):
        with pytest.raises(kind, match=words) as error:
            trusting.digest(ask(secure, insecure=False))
        told.append(str(error.value))

    assert told[0] == told[1]
    assert told[0].startswith(f"{secure.host}/a/b:v1: registry {secure.host}, repository a/b: ")
    secure.heal()
    assert digest == trusting.digest(ask(secure, insecure=False))


@pytest.mark.parametrize(
    ("body", "media_type", "words"),
    [
        (b'{"schemaVersion": 2, "config": {', OCI_MANIFEST, "content that is not JSON"),
        (b"[]", OCI_MANIFEST, "content that is not JSON"),
        (b"null", OCI_MANIFEST, "content that is not JSON"),
        (b"", OCI_MANIFEST, "content that is not JSON"),
        (schema1_manifest(), SCHEMA1, "Docker schema 1, which is no longer supported"),
        (b"{}", "application/vnd.cncf.helm.config.v1+json", "which is no image and no index"),
        (
            CHART,
            OCI_MANIFEST,
            'an artifact of type "application/vnd.cncf.helm.config.v1.json", which is no im',
        ),
    ],
    ids=["cut", "list", "null", "empty", "schema 1", "unknown", "chart"],
)
def test_what_is_stored_and_no_manifest_is_told(
    secure: FaultRegistry, trusting: Client, body: bytes, media_type: str, words: str
) -> None:
    """What somebody pushed that is no manifest, under its true digest, is a ProtocolError."""
    # Stored under a type that we accept, else the registry would hide it, and served under its own.
    secure.put_manifest("a/b", "v1", body, OCI_MANIFEST)
    secure.fail(Headers({"Content-Type": media_type}))

    with pytest.raises(ProtocolError, match=words):
        trusting.digest(ask(secure, insecure=False))


def test_a_digest_header_that_is_none_is_not_believed(secure: FaultRegistry, trusting: Client) -> None:
    """Where the header holds something else, the manifest is hashed."""
    digest = secure.put_image("a/b", "v1")
    secure.fail(LyingDigest("sha256:nonsense"))

    assert digest == trusting.digest(ask(secure, insecure=False))


def test_a_body_that_lies_is_not_remembered(secure: FaultRegistry, trusting: Client) -> None:
    """Once the registry tells the truth again, it is believed."""
    digest = secure.put_image("a/b", "v1")
    secure.fail(LyingDigest(), times=2)

    with pytest.raises(ProtocolError, match=f"it serves under {digest} a body whose digest is sha256:"):
        trusting.digest(ask(secure, insecure=False))
    secure.heal()
    assert digest == trusting.digest(ask(secure, insecure=False))


def test_one_registrys_manifests_are_not_believed_of_another(
    two_registries: tuple[FaultRegistry, FaultRegistry], trusting: Client
) -> None:
    """A digest that is known from one repository is asked for in another."""
    first, second = two_registries
    digest = first.put_image("a/b", "v1")
    trusting.digest(ask(first, version=f"@{digest}", insecure=False))

    with pytest.raises(NotFoundError):
        trusting.digest(ask(second, version=f"@{digest}", insecure=False))


def test_many_threads_ask_at_once(secure: FaultRegistry, trusting: Client) -> None:
    """Sixteen threads that ask for eight tags get each tag's own digest."""
    digests = {f":t{number}": secure.put_image("a/b", f"t{number}") for number in range(8)}
    questions = [(tag, ask(secure, version=tag, insecure=False)) for tag in list(digests) * 8]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda item: (item[0], trusting.digest(item[1])), questions))

    assert [(tag, digests[tag]) for tag, _ in questions] == answers
