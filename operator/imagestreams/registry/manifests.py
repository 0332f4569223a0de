"""What a registry serves under a tag: an image's manifest, or an index of several. Pure.

Media types of the OCI image specification 1.1 and of Docker's schema 2. Used by registry.client.
"""

from __future__ import annotations

import dataclasses
import json
import platform
from typing import Any

from imagestreams.errors import NotFoundError, ProtocolError
from imagestreams.model import border
from imagestreams.model.reference import is_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPT = f"{OCI_INDEX}, {DOCKER_LIST}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"
_INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
_IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm"}


@dataclasses.dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and an architecture, spelled as Go spells them."""

    os: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


@dataclasses.dataclass(frozen=True, slots=True)
class Child:
    """One entry of an index."""

    digest: str
    platform: Platform


@dataclasses.dataclass(frozen=True, slots=True)
class Manifest:
    """What we keep of a manifest: its digest, its media type and, for an index, its children."""

    digest: str
    media_type: str
    children: tuple[Child, ...] = ()

    @property
    def is_index(self) -> bool:
        """Tell an index from a single image."""
        return self.media_type in _INDEXES


def own_platform() -> Platform:
    """Say which platform Legacy imports choose: linux, on the architecture the operator itself runs on."""
    machine = platform.machine().lower()
    return Platform("linux", _MACHINES.get(machine, machine))


def parse_manifest(body: bytes, *, digest: str, content_type: str) -> Manifest:
    """Read a manifest; its own mediaType wins over the header's.

    Raises ProtocolError for what is no JSON object, schema 1, or of an unknown type.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ProtocolError(
            f"the answer is no manifest but {media_type or 'untyped'} content that is not JSON"
        )
    if content.get("schemaVersion") == 1:
        raise ProtocolError("the manifest is of Docker schema 1, which is no longer supported; push it again")
    media_type = border.text(content.get("mediaType")) or media_type
    if media_type in _INDEXES:
        entries = [_child(entry) for entry in border.items(content.get("manifests"))]
        return Manifest(digest, media_type, tuple(child for child in entries if child is not None))
    if media_type in _IMAGES:
        return Manifest(digest, media_type)
    raise ProtocolError(f'the answer is of media type "{media_type[:100]}", which is no image and no index')


def _child(entry: Any) -> Child | None:
    body = border.mapping(entry)
    digest = border.text(body.get("digest"))
    if not is_digest(digest):
        return None
    where = border.mapping(body.get("platform"))
    return Child(digest, Platform(border.text(where.get("os")), border.text(where.get("architecture"))))


def choose_child(index: Manifest, wanted: Platform) -> Child:
    """Choose the child of an index for a platform, the first that matches.

    Raises NotFoundError, which lists the platforms there are. (The original takes any entry instead,
    and so runs images that cannot start.)
    """
    for child in index.children:
        if child.platform == wanted:
            return child
    there = sorted(
        {str(child.platform) for child in index.children if child.platform.os not in {"", "unknown"}}
    )
    raise NotFoundError(
        f"the index {index.digest} has no image for {wanted}; it has {', '.join(there) or 'none'}. "
        "Push one for that platform, or set importPolicy.importMode: PreserveOriginal to keep the whole index"
    )
