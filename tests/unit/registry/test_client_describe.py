"""What describing an image costs, and what comes of it, by real registries over real HTTP."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import NotFoundError, ProtocolError, UnwellError
from imagestreams.model.reference import parse_reference
from imagestreams.registry.manifests import OCI_INDEX, OCI_MANIFEST
from support.faults import FaultRegistry, Status
from unit.registry.asking import ask

if TYPE_CHECKING:
    from imagestreams.model.image import Image
    from unit.registry.asking import Client


def describe(client: Client, registry: FaultRegistry, digest: str) -> Image:
    """Describe what a digest of repository a/b stands for."""
    return client.registry.describe(ask(registry, version=f"@{digest}", insecure=False))


def requests(registry: FaultRegistry) -> list[str]:
    """Tell what a registry was asked."""
    return [record.kind for record in registry.requests]


@pytest.mark.parametrize("docker", [False, True])
def test_a_first_import_with_its_image_costs_three_requests(
    secure: FaultRegistry, trusting: Client, docker: bool
) -> None:
    """After HEAD and GET of the manifest, the config alone is fetched."""
    digest = secure.put_image("a/b", "v1", docker=docker)
    trusting.digest(ask(secure, insecure=False))
    image = describe(trusting, secure, digest)

    assert ["manifest-head", "manifest-get", "blob"] == requests(secure)
    assert digest == image.digest
    assert 1 == len(image.layers)
    assert image.layers[0].size > 0
    assert {"Id", "Size", "Architecture"} <= image.metadata.keys()


def test_of_an_index_the_platforms_image_costs_four(secure: FaultRegistry, trusting: Client) -> None:
    """Legacy: the index, the child and the child's config, with one HEAD."""
    secure.put_index("a/b", "v1")
    child = trusting.digest(ask(secure, insecure=False))
    describe(trusting, secure, child)

    assert ["manifest-head", "manifest-get", "manifest-get", "blob"] == requests(secure)


def test_an_index_that_is_kept_costs_nothing_more(secure: FaultRegistry, trusting: Client) -> None:
    """PreserveOriginal: what is in the index is known from the index."""
    index = secure.put_index("a/b", "v1", ["linux/amd64", "linux/arm/v7"])
    trusting.digest(ask(secure, insecure=False, platform=None))
    image = describe(trusting, secure, index)

    assert ["manifest-head", "manifest-get"] == requests(secure)
    assert OCI_INDEX == image.media_type
    assert [("linux", "amd64", ""), ("linux", "arm", "v7")] == [
        (each.os, each.architecture, each.variant) for each in image.manifests
    ]
    assert list(secure.children("a/b", index).values()) == [each.digest for each in image.manifests]


def test_what_was_not_fetched_lately_is_fetched(secure: FaultRegistry, trusting: Client) -> None:
    """After a restart an Image costs the manifest and the config."""
    digest = secure.put_image("a/b", "v1")
    describe(trusting, secure, digest)

    assert ["manifest-get", "blob"] == requests(secure)


def test_a_config_that_is_missing_is_told(secure: FaultRegistry, trusting: Client) -> None:
    """NotFound names the config that the manifest names."""
    config = "sha256:" + "c" * 64
    body = f'{{"schemaVersion": 2, "mediaType": "{OCI_MANIFEST}", "config": {{"digest": "{config}"}}}}'
    digest = secure.put_manifest("a/b", "v1", body.encode(), OCI_MANIFEST)

    with pytest.raises(NotFoundError, match=f"there is no config {config}, which the manifest names"):
        describe(trusting, secure, digest)


def test_an_image_without_a_config_is_described_without(secure: FaultRegistry, trusting: Client) -> None:
    """What a manifest does not name is not asked for."""
    body = f'{{"schemaVersion": 2, "mediaType": "{OCI_MANIFEST}", "layers": []}}'
    digest = secure.put_manifest("a/b", "v1", body.encode(), OCI_MANIFEST)

    assert () == describe(trusting, secure, digest).layers
    assert ["manifest-get"] == requests(secure)


def test_a_config_that_is_another_is_refused(secure: FaultRegistry, trusting: Client) -> None:
    """A config is believed only under its digest."""
    digest = secure.put_image("a/b", "v1")
    trusting.digest(ask(secure, insecure=False))
    secure.fail(Status(200, "{}"), times=1)

    with pytest.raises(ProtocolError, match="it serves another config than sha256:"):
        describe(trusting, secure, digest)
    assert digest == describe(trusting, secure, digest).digest


def test_a_registry_that_is_unwell_is_told(secure: FaultRegistry, trusting: Client) -> None:
    """A failing blob is a transient error like any other."""
    digest = secure.put_image("a/b", "v1")
    trusting.digest(ask(secure, insecure=False))
    secure.fail(Status(503))

    with pytest.raises(UnwellError, match="it answered 503"):
        describe(trusting, secure, digest)


def test_many_bodies_are_not_kept(secure: FaultRegistry, trusting: Client) -> None:
    """What is kept to be described is bounded; what fell out is fetched again."""
    digests = []
    for number in range(30):
        filler = "x" * 400_000
        body = f'{{"schemaVersion": 2, "mediaType": "{OCI_MANIFEST}", "a": "{filler}{number}", "layers": []}}'
        digests.append(secure.put_manifest("a/b", f"t{number}", body.encode(), OCI_MANIFEST))
        trusting.digest(ask(secure, version=f":t{number}", insecure=False))
    assert trusting.registry._bodies.weight <= 8 * 1024 * 1024
    secure.reset()
    for digest in (digests[-1], digests[0]):
        question = dataclasses.replace(
            ask(secure, insecure=False), reference=parse_reference(f"{secure.host}/a/b@{digest}")
        )
        trusting.registry.describe(question)

    assert ["manifest-get"] == requests(secure)
