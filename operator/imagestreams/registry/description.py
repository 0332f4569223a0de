"""What a manifest and a config say of an image, read from what a registry serves. Pure.

The words are the original's (its DockerImage 1.0, with capitalised keys); the shapes are those of the OCI
image specification 1.1 (config.md) and of Docker's schema 2. Whatever has another shape than it should
reads as absent, and what is huge is left out: the object has to be stored. Used by registry.client.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from imagestreams.model import border
from imagestreams.model.image import Image, ImageManifest, Layer
from imagestreams.model.reference import is_digest

_TEXTS = ("Hostname", "Domainname", "User", "Cpuset", "Image", "VolumesFrom", "WorkingDir")
_NUMBERS = ("Memory", "MemorySwap", "CpuShares")
_SWITCHES = (
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "NetworkDisabled",
)
_LISTS = ("PortSpecs", "Env", "Cmd", "Dns", "Entrypoint", "SecurityOpts", "OnBuild")
_SETS = ("ExposedPorts", "Volumes")
_ENTRIES = 1_000
_SIZE_MOST = 2**63 - 1
_TEXT = 32 * 1024
_CONFIG = 256 * 1024
"""How many bytes of JSON are kept of a config, at the most; a stored object may have 1.5 MiB."""


@dataclasses.dataclass(frozen=True, slots=True)
class Descriptor:
    """Points at content by its digest (OCI image specification, descriptor.md)."""

    digest: str
    size: int
    media_type: str


def config_of(manifest: bytes) -> Descriptor | None:
    """Say where the config of an image is; None where its manifest names none."""
    descriptor = _descriptor(border.mapping(_load(manifest)).get("config"))
    return descriptor if is_digest(descriptor.digest) else None


def describe_image(manifest: bytes, *, digest: str, media_type: str, config: bytes) -> Image:
    """Describe a single image. `config` is its config blob."""
    raw = border.items(border.mapping(_load(manifest)).get("layers"))[:_ENTRIES]
    layers = tuple(
        Layer(layer.digest, layer.size, layer.media_type) for layer in map(_descriptor, raw) if layer.digest
    )
    body = border.mapping(_load(config))
    distinct = {layer.name: layer.size for layer in layers}
    identity = config_of(manifest)
    metadata = {
        "kind": "DockerImage",
        "apiVersion": "image.openshift.io/1.0",
        "Id": identity.digest if identity else "",
        "Created": _text(body.get("created")) or None,
        "ContainerConfig": {},
        **border.without_empty(
            Comment=_text(body.get("comment")),
            DockerVersion=_text(body.get("docker_version")),
            Author=_text(body.get("author")),
            Config=_fitting(_config(border.mapping(body.get("config")))),
            Architecture=_text(body.get("architecture")),
            Size=min(len(config) + sum(distinct.values()), _SIZE_MOST),
        ),
    }
    return Image(digest, media_type, metadata, layers)


def describe_index(index: bytes, *, digest: str, media_type: str) -> Image:
    """Describe an index: which image it has for which platform."""
    entries = border.items(border.mapping(_load(index)).get("manifests"))[:_ENTRIES]
    manifests = tuple(_manifest(entry) for entry in map(border.mapping, entries))
    metadata: dict[str, Any] = {
        "kind": "DockerImage",
        "apiVersion": "image.openshift.io/1.0",
        "Id": digest,
        "Created": None,
        "ContainerConfig": {},
    }
    return Image(digest, media_type, metadata, manifests=manifests)


def _manifest(entry: dict[str, Any]) -> ImageManifest:
    descriptor, platform = _descriptor(entry), border.mapping(entry.get("platform"))
    system, architecture, variant = (
        _text(platform.get(field))[:64] for field in ("os", "architecture", "variant")
    )
    return ImageManifest(
        descriptor.digest, descriptor.media_type, descriptor.size, architecture, system, variant
    )


def _config(body: dict[str, Any]) -> dict[str, Any]:
    """Read the part of a config that says how the image is run."""
    return {
        **{name: _text(body.get(name)) for name in _TEXTS},
        **{name: max(border.integer(body.get(name)), 0) for name in _NUMBERS},
        **{name: body.get(name) is True for name in _SWITCHES},
        **{name: _words(body.get(name)) for name in _LISTS},
        **{name: {key: {} for key in _keys(body.get(name))} for name in _SETS},
        "Labels": _labels(body.get("Labels")),
    }


def _fitting(config: dict[str, Any]) -> dict[str, Any]:
    # The largest go first; a truncated Cmd would be a lie, a missing one is only a gap.
    kept = border.without_empty(**config)
    sizes = {name: len(json.dumps(value)) for name, value in kept.items()}
    while sum(sizes.values()) > _CONFIG:
        largest = max(sizes, key=lambda name: sizes[name])
        del kept[largest], sizes[largest]
    return kept


def _words(value: Any) -> list[str]:
    found = border.items(value)
    if len(found) > _ENTRIES:
        return []
    return [_text(item) for item in found if isinstance(item, str)]


def _keys(value: Any) -> list[str]:
    return [key for key in list(border.mapping(value))[:_ENTRIES] if _text(key) == key]


def _labels(value: Any) -> dict[str, str]:
    found = border.mapping(value)
    return {key: _text(found[key]) for key in _keys(value) if isinstance(found[key], str)}


def _descriptor(value: Any) -> Descriptor:
    body = border.mapping(value)
    digest = border.text(body.get("digest"))
    size = border.integer(body.get("size"))
    return Descriptor(
        digest if is_digest(digest) and len(digest) <= 256 else "",
        size if 0 <= size <= _SIZE_MOST else 0,
        _text(body.get("mediaType"))[:256],
    )


def _text(value: Any) -> str:
    text = border.text(value)
    # Half of a surrogate pair, which JSON can spell, no API server takes.
    return text.encode(errors="replace").decode() if len(text) <= _TEXT else ""


def _load(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
