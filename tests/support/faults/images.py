"""Manifests, configs and layers as bytes: small, real and always the same for the same arguments.

Pure functions; content keeps what they build. A layer is a gzipped tar with one file, so that a real client
can unpack it.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
CREATED = "2026-01-02T03:04:05Z"


@dataclass(frozen=True, slots=True)
class Image:
    """The parts of one single-platform image; `platform` is as an index writes it."""

    manifest: bytes
    media_type: str
    config: bytes
    layer: bytes
    platform: Mapping[str, str]


def digest_of(data: bytes) -> str:
    """Return the sha256 digest of `data`, "sha256:<hex>"."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def build_image(
    content: str,
    *,
    platform: str = "linux/amd64",
    docker: bool = False,
    config: Mapping[str, Any] | None = None,
    created: str = CREATED,
) -> Image:
    """Return an image with `content` in its one file, OCI or (`docker`) schema 2.

    `config` is merged into the image config's "config" (Cmd, Env, Labels, ...). Another `content`, `platform`
    or `config` gives another digest.
    """
    parts = _platform(platform)
    archive = _archive(content)
    layer = gzip.compress(archive, mtime=0)
    config_value: dict[str, Any] = {
        **parts,
        "created": created,
        "config": {"Cmd": ["/bin/sh"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(archive)]},
        "history": [{"created": created, "created_by": "COPY content /content"}],
    }
    config_body = _json(config_value)
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": _descriptor(
            config_body,
            "application/vnd.docker.container.image.v1+json"
            if docker
            else "application/vnd.oci.image.config.v1+json",
        ),
        "layers": [
            _descriptor(
                layer,
                "application/vnd.docker.image.rootfs.diff.tar.gzip"
                if docker
                else "application/vnd.oci.image.layer.v1.tar+gzip",
            )
        ],
    }
    return Image(_json(manifest), str(manifest["mediaType"]), config_body, layer, parts)


def build_index(images: Sequence[Image], *, docker: bool = False) -> tuple[bytes, str]:
    """Return an OCI index or (`docker`) a manifest list of `images`, and its media type."""
    media_type = DOCKER_LIST if docker else OCI_INDEX
    children = [
        {**_descriptor(image.manifest, image.media_type), "platform": dict(image.platform)}
        for image in images
    ]
    return _json({"schemaVersion": 2, "mediaType": media_type, "manifests": children}), media_type


def schema1_manifest() -> bytes:
    """Return a docker schema 1 manifest, unsigned."""
    history = json.dumps({"id": "0" * 64, "created": CREATED, "architecture": "amd64", "os": "linux"})
    return _json(
        {
            "schemaVersion": 1,
            "name": "old/image",
            "tag": "1",
            "architecture": "amd64",
            "fsLayers": [{"blobSum": digest_of(b"")}],
            "history": [{"v1Compatibility": history}],
            "signatures": [],
        }
    )


def _platform(platform: str) -> dict[str, str]:
    system, architecture, *variant = platform.split("/")
    return {"os": system, "architecture": architecture} | ({"variant": variant[0]} if variant else {})


def _archive(content: str) -> bytes:
    data = content.encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("content")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _descriptor(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()
