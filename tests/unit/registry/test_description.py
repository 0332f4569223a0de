"""What is read of an image's manifest and config, in the original's words, from honest and hostile bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.image import ImageManifest, Layer, image_digest, image_name
from imagestreams.registry.description import config_of, describe_image, describe_index

DIGEST, CONFIG, BASE, TOP = (f"sha256:{letter * 64}" for letter in "dcba")
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI = "application/vnd.oci.image.manifest.v1+json"

MANIFEST = {
    "schemaVersion": 2,
    "config": {"digest": CONFIG, "size": 7, "mediaType": "application/vnd.oci.image.config.v1+json"},
    "layers": [
        {"digest": BASE, "size": 107, "mediaType": LAYER},
        {"digest": TOP, "size": 113, "mediaType": LAYER},
        {"digest": BASE, "size": 107, "mediaType": LAYER},
    ],
}
OF_AN_IMAGE = {
    "created": "2026-01-02T03:04:05Z",
    "author": "oracle",
    "architecture": "amd64",
    "os": "linux",
    "config": {
        "Env": ["PATH=/bin", "VERSION=1.0"],
        "Cmd": ["/bin/app", "serve"],
        "Entrypoint": ["/bin/entry"],
        "ExposedPorts": {"8080/tcp": {}},
        "Volumes": {"/data": {}},
        "Labels": {"maintainer": "oracle", "version": "1.0"},
        "User": "1001",
        "WorkingDir": "/srv",
        "StopSignal": "SIGTERM",
    },
    "history": [{"created_by": "x"}],
}


def described(config: Any, manifest: Any = MANIFEST) -> dict[str, Any]:
    """Describe an image and spell it."""
    content = config if isinstance(config, bytes) else json.dumps(config).encode()
    raw = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    image = describe_image(raw, digest=DIGEST, media_type=OCI, config=content)
    return image.to_json("r.io/app@" + DIGEST)


def test_an_image_is_spelled_as_the_original_spells_it() -> None:
    """Config with capitalised keys, layers from the base up, each counted once, empty fields left out."""
    size = len(json.dumps(OF_AN_IMAGE)) + 107 + 113

    assert {
        "kind": "Image",
        "metadata": {
            "name": "sha256-" + "d" * 64,
            "labels": {"app.kubernetes.io/managed-by": "imagestreams"},
            "annotations": {"image.openshift.io/dockerLayersOrder": "ascending"},
        },
        "dockerImageReference": "r.io/app@" + DIGEST,
        "dockerImageMetadata": {
            "kind": "DockerImage",
            "apiVersion": "image.openshift.io/1.0",
            "Id": CONFIG,
            "Created": "2026-01-02T03:04:05Z",
            "ContainerConfig": {},
            "Author": "oracle",
            "Config": {
                "User": "1001",
                "WorkingDir": "/srv",
                "Env": ["PATH=/bin", "VERSION=1.0"],
                "Cmd": ["/bin/app", "serve"],
                "Entrypoint": ["/bin/entry"],
                "ExposedPorts": {"8080/tcp": {}},
                "Volumes": {"/data": {}},
                "Labels": {"maintainer": "oracle", "version": "1.0"},
            },
            "Architecture": "amd64",
            "Size": size,
        },
        "dockerImageMetadataVersion": "1.0",
        "dockerImageManifestMediaType": OCI,
        "dockerImageLayers": [
            Layer(BASE, 107, LAYER).to_json(),
            Layer(TOP, 113, LAYER).to_json(),
            Layer(BASE, 107, LAYER).to_json(),
        ],
    } == described(OF_AN_IMAGE)


def test_an_index_names_the_images_in_it() -> None:
    """Each platform's manifest is recorded; there is no config and no layer."""
    index = {
        "manifests": [
            {
                "digest": BASE,
                "size": 664,
                "mediaType": OCI,
                "platform": {"os": "linux", "architecture": "amd64"},
            },
            {
                "digest": TOP,
                "size": 665,
                "mediaType": OCI,
                "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
            },
        ]
    }
    image = describe_index(json.dumps(index).encode(), digest=DIGEST, media_type="index")
    spelled = image.to_json("r.io/app@" + DIGEST)

    assert [
        {"digest": BASE, "mediaType": OCI, "manifestSize": 664, "architecture": "amd64", "os": "linux"},
        ImageManifest(TOP, OCI, 665, "arm", "linux", "v7").to_json(),
    ] == spelled["dockerImageManifests"]
    assert DIGEST == spelled["dockerImageMetadata"]["Id"]
    assert "dockerImageLayers" not in spelled
    assert {} == spelled["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Env", "PATH=/bin"),
        ("Env", ["x"] * 1001),
        ("Cmd", {"0": "x"}),
        ("Labels", ["a"]),
        ("Labels", {"a": 1}),
        ("User", 1001),
        ("User", "x" * 40_000),
        ("ExposedPorts", "8080"),
        ("Memory", -1),
        ("Tty", "yes"),
    ],
)
def test_what_has_another_shape_reads_as_absent(name: str, value: object) -> None:
    """A wrong type, or what is beyond all measure, is left out, and the rest is kept."""
    found = described({"config": {"WorkingDir": "/srv", name: value}})

    assert {"WorkingDir": "/srv"} == found["dockerImageMetadata"]["Config"]


def test_a_huge_config_loses_its_largest_parts() -> None:
    """What would not fit into a stored object goes, the largest first."""
    labels = {f"label-{number}": "x" * 1000 for number in range(900)}
    found = described({"config": {"Labels": labels, "Cmd": ["run"], "Env": ["A=" + "y" * 30_000]}})

    assert {"Cmd", "Env"} == set(found["dockerImageMetadata"]["Config"])
    assert len(json.dumps(found)) < 300_000


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b"{", b"\xff", b'{"config": 1, "layers": {}}', b"[" * 5000]
)
def test_bytes_that_are_no_manifest_describe_nothing(raw: bytes) -> None:
    """No bytes make it fail."""
    assert config_of(raw) is None
    found = described(raw, raw)
    assert "dockerImageLayers" not in found
    assert "" == found["dockerImageMetadata"]["Id"]
    assert () == describe_index(raw, digest=DIGEST, media_type="x").manifests


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_NAMES = st.sampled_from(
    ["config", "layers", "manifests", "created", "architecture", "Env", "Labels", "digest"]
)


@given(st.dictionaries(_NAMES, _JSON | st.dictionaries(_NAMES, _JSON)))
def test_any_json_is_described_and_stays_json(content: dict[str, Any]) -> None:
    """What comes out can be sent to the API server, whatever came in."""
    raw = json.dumps(content).encode()
    image = describe_image(raw, digest=DIGEST, media_type=OCI, config=raw)
    json.dumps(image.to_json("r.io/app"), allow_nan=False).encode()
    index = describe_index(raw, digest=DIGEST, media_type=OCI)
    json.dumps(index.to_json("r.io/app"), allow_nan=False).encode()


def test_names_and_digests_stand_for_each_other() -> None:
    """A colon is no letter of a custom resource's name."""
    assert "sha256-" + "d" * 64 == image_name(DIGEST)
    assert DIGEST == image_digest(image_name(DIGEST))
