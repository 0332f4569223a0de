"""What a registry serves under a tag: an image's manifest, or an index of several. Pure.

Media types of the OCI image specification 1.1 and of Docker's schema 2. Only what a choice needs is kept of
an index, for thousands are remembered. Used by registry.client.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import sys
from typing import Any

from imagestreams.errors import NoImageError, PlatformError, ProtocolError
from imagestreams.model import border
from imagestreams.model.reference import is_digest
from imagestreams.registry.wording import shown

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPT = f"{OCI_INDEX}, {DOCKER_LIST}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"
_INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
_IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
_IMAGE_CONFIGS = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        # Written by old builders and registries, as is none at all.
        "application/octet-stream",
        "",
    }
)
_TYPES = {type_: type_ for type_ in (*_INDEXES, *_IMAGES)}
_ENTRIES = 1_000
_PLATFORM_WORD = 32
_LISTED = 10

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
    """The first child of each platform, in order; no other is ever chosen."""

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

    Raises NoImageError for schema 1 and for an artifact (a chart, a signature) in the shape of an image;
    ProtocolError for what is no JSON object, of an unknown type, or an index of more than a thousand entries.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ProtocolError(
            f"the answer is no manifest but {shown(media_type) or 'untyped'} content that is not JSON"
        )
    if content.get("schemaVersion") == 1:
        raise NoImageError("the manifest is of Docker schema 1, which is no longer supported")
    media_type = border.text(content.get("mediaType")) or media_type
    known = _TYPES.get(media_type)
    if known is None:
        raise ProtocolError(
            f'the answer is of media type "{shown(media_type)}", which is no image and no index'
        )
    if known in _INDEXES:
        return Manifest(digest, known, _children(content, digest))
    config = border.text(border.mapping(content.get("config")).get("mediaType"))
    if config not in _IMAGE_CONFIGS:
        kind = shown(border.text(content.get("artifactType")) or config)
        raise NoImageError(f'the answer is an artifact of type "{kind}", which is no image that can run')
    return Manifest(digest, known)


def _children(index: dict[str, Any], digest: str) -> tuple[Child, ...]:
    entries = border.items(index.get("manifests"))
    if len(entries) > _ENTRIES:
        raise ProtocolError(
            f"the index {digest} has {len(entries)} entries; more than {_ENTRIES} are not read"
        )
    first: dict[Platform, Child] = {}
    for entry in entries:
        body = border.mapping(entry)
        child = border.text(body.get("digest"))
        if is_digest(child):
            where = border.mapping(body.get("platform"))
            runs_on = Platform(_word(where.get("os")), _word(where.get("architecture")))
            first.setdefault(runs_on, Child(child, runs_on))
    return tuple(first.values())


def _word(value: Any) -> str:
    # Thousands of indexes share a few words, and keep each once.
    return sys.intern(shown(border.text(value), _PLATFORM_WORD))


def choose_child(index: Manifest, wanted: Platform) -> Child:
    """Choose the child of an index for a platform, the first that matches.

    Raises PlatformError, which lists the platforms there are, ten at most. (The original takes any entry
    instead, and so runs images that cannot start.)
    """
    for child in index.children:
        if child.platform == wanted:
            return child
    there = sorted(
        str(child.platform) for child in index.children if child.platform.os not in {"", "unknown"}
    )
    more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
    raise PlatformError(
        f"the index {index.digest} has no image for {wanted}; "
        f"it has {', '.join(there[:_LISTED]) or 'none'}{more}. "
        "Push one for that platform, or set importPolicy.importMode: PreserveOriginal to keep the whole index"
    )
