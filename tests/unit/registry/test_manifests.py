"""What is served under a tag: images, indexes, and what is neither."""

from __future__ import annotations

import json
import platform
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import NotFoundError, ProtocolError
from imagestreams.registry.manifests import (
    ACCEPT,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Child,
    Manifest,
    Platform,
    choose_child,
    own_platform,
    parse_manifest,
)
from unit.model.arbitrary import anything, nearly, several, words

DIGEST = "sha256:" + "d" * 64
AMD, ARM = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def parse(body: object, content_type: str = "") -> Manifest:
    """Read a manifest of this JSON."""
    return parse_manifest(json.dumps(body).encode(), digest=DIGEST, content_type=content_type)


def entry(digest: str, architecture: str = "amd64", os: str = "linux") -> dict[str, Any]:
    """Make an entry of an index."""
    return {"digest": digest, "platform": {"os": os, "architecture": architecture}}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_is_known_by_its_media_type(media_type: str) -> None:
    """The type is the body's own, else the header's, parameters and case aside."""
    expected = Manifest(DIGEST, media_type)

    assert not expected.is_index
    assert expected == parse({"mediaType": media_type})
    assert expected == parse({"mediaType": media_type}, OCI_INDEX)
    assert expected == parse({}, media_type)
    assert expected == parse({}, f"{media_type.upper()}; charset=utf-8")


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_has_children(media_type: str) -> None:
    """The children of an index are kept with their platforms, in order."""
    index = parse({"mediaType": media_type, "manifests": [entry(AMD), entry(ARM, "arm64")]})

    assert index.is_index
    assert (Child(AMD, Platform("linux", "amd64")), Child(ARM, Platform("linux", "arm64"))) == index.children
    assert media_type in ACCEPT


@pytest.mark.parametrize(
    "manifests",
    [
        None,
        {},
        "x",
        [],
        [None],
        ["x"],
        [{}],
        [{"digest": "sha256:1"}],
        [{"digest": 1}],
        [{"digest": AMD.upper()}],
    ],
)
def test_what_is_no_child_is_passed_over(manifests: object) -> None:
    """An index with broken entries has the others; with none it has no children."""
    assert () == parse({"mediaType": OCI_INDEX, "manifests": manifests}).children


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b"<html>", "text/html; charset=utf-8", "no manifest but text/html content that is not JSON"),
        (b"", "", "no manifest but untyped content that is not JSON"),
        (b'{"a": ', OCI_MANIFEST, "content that is not JSON"),
        (b"\xff\xfe", OCI_MANIFEST, "content that is not JSON"),
        (b"[" * 100_000, OCI_MANIFEST, "content that is not JSON"),
        (b'{"a": ' + b"1" * 10_000 + b"}", OCI_MANIFEST, "content that is not JSON"),
        (b"[]", OCI_MANIFEST, "content that is not JSON"),
        (b"null", OCI_MANIFEST, "content that is not JSON"),
        (b"2", OCI_MANIFEST, "content that is not JSON"),
        (
            b'{"schemaVersion": 1}',
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "Docker schema 1",
        ),
        (b"{}", "application/json", 'media type "application/json", which is no image and no index'),
        (b"{}", "", 'media type "", which is no image and no index'),
        (b'{"mediaType": "application/x-cat"}', OCI_MANIFEST, 'media type "application/x-cat"'),
    ],
)
def test_what_is_no_manifest_is_told(body: bytes, content_type: str, why: str) -> None:
    """HTML, broken JSON, JSON of another shape, schema 1 and unknown types are each named."""
    with pytest.raises(ProtocolError, match=why):
        parse_manifest(body, digest=DIGEST, content_type=content_type)


@pytest.mark.parametrize(
    "artifact",
    [
        "application/vnd.cncf.helm.config.v1+json",
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.oci.empty.v1+json",
    ],
    ids=["chart", "signature", "empty"],
)
def test_an_artifact_is_no_image(artifact: str) -> None:
    """A manifest whose config is none of an image is told with what it is: no node could run it."""
    with pytest.raises(ProtocolError) as told:
        parse({"mediaType": OCI_MANIFEST, "config": {"mediaType": artifact}, "layers": []})
    assert f'the answer is an artifact of type "{artifact}", which is no image that can run' == str(
        told.value
    )


def test_an_artifact_says_its_own_type() -> None:
    """Where a manifest names its artifactType, that is told, not the empty config."""
    config = {"mediaType": "application/vnd.oci.empty.v1+json"}
    body = {"mediaType": OCI_MANIFEST, "artifactType": "application/x-sbom", "config": config}
    with pytest.raises(ProtocolError, match='an artifact of type "application/x-sbom"'):
        parse(body)


@pytest.mark.parametrize(
    "config",
    [
        {"mediaType": "application/vnd.oci.image.config.v1+json"},
        {"mediaType": "application/vnd.docker.container.image.v1+json"},
        {"mediaType": "application/octet-stream"},
        {"mediaType": ""},
        {},
        None,
    ],
    ids=["OCI", "Docker", "of old registries", "empty", "untyped", "none"],
)
@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_what_may_be_an_image_is_taken_for_one(config: dict[str, str] | None, media_type: str) -> None:
    """A config of an image, or one that says nothing of itself, as some builders write it, is an image's."""
    assert not parse({"mediaType": media_type, "config": config}).is_index


@given(
    nearly(
        schemaVersion=st.integers(),
        mediaType=st.sampled_from([OCI_INDEX, OCI_MANIFEST]),
        manifests=several(nearly(digest=st.just(AMD), platform=nearly(os=words, architecture=words))),
    )
    | anything,
    words,
)
def test_arbitrary_json_is_read_or_told(body: Any, content_type: str) -> None:
    """Whatever is served is a manifest or a ProtocolError, and a child can be chosen or is not found."""
    try:
        manifest = parse(body, content_type)
    except ProtocolError:
        return
    try:
        assert choose_child(manifest, Platform("linux", "amd64")) in manifest.children
    except NotFoundError:
        assert Platform("linux", "amd64") not in {child.platform for child in manifest.children}


def test_the_first_child_of_the_platform_is_chosen() -> None:
    """Of several children for a platform, the first is taken, as container runtimes do."""
    other = "sha256:" + "c" * 64
    index = parse({"mediaType": OCI_INDEX, "manifests": [entry(ARM, "arm64"), entry(AMD), entry(other)]})

    assert AMD == choose_child(index, Platform("linux", "amd64")).digest


def test_a_missing_platform_lists_what_there_is() -> None:
    """Who looks for a platform that is not there reads which are, attestations left out, and what to do."""
    attestation = entry("sha256:" + "e" * 64, "unknown", "unknown")
    index = parse(
        {"mediaType": OCI_INDEX, "manifests": [entry(ARM, "arm64"), entry(AMD, os="windows"), attestation]}
    )

    with pytest.raises(NotFoundError) as missing:
        choose_child(index, Platform("linux", "amd64"))
    assert (
        f"the index {DIGEST} has no image for linux/amd64; it has linux/arm64, windows/amd64. "
        "Push one for that platform, or set importPolicy.importMode: PreserveOriginal to keep the whole index"
    ) == str(missing.value)


def test_an_empty_index_has_none() -> None:
    """An index without children says so."""
    with pytest.raises(NotFoundError, match="it has none"):
        choose_child(parse({"mediaType": OCI_INDEX}), Platform("linux", "amd64"))


def test_our_own_platform_is_spelled_as_in_an_index() -> None:
    """The operator's own machine is linux, its architecture spelled as Go does."""
    known = {"x86_64": "amd64", "aarch64": "arm64"}

    assert Platform("linux", known.get(platform.machine(), platform.machine())) == own_platform()
    assert "linux/amd64" == str(Platform("linux", "amd64"))
