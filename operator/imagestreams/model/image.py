"""An Image as a value: what is in one image, kept once a digest for the whole cluster.

Made by registry.description from what a registry serves, written by kube.images. The fields are the
original's (image.openshift.io/v1); an object's name is sha256-<hex>, as the name of a custom resource has
no ":".
"""

from __future__ import annotations

import dataclasses
from typing import Any

from imagestreams.model import border

MANAGED_LABEL = ("app.kubernetes.io/managed-by", "imagestreams")
"""On the Images that the operator made: no other is ever marked or deleted."""
LAYERS_ORDER = ("image.openshift.io/dockerLayersOrder", "ascending")
METADATA_VERSION = "1.0"


def image_name(digest: str) -> str:
    """Name the object of a digest."""
    return digest.replace(":", "-", 1)


def image_digest(name: str) -> str:
    """Say which digest an object's name stands for."""
    return name.replace("-", ":", 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One layer; the base comes first."""

    name: str
    """Its digest."""
    size: int
    """In bytes, as it is transferred."""
    media_type: str

    def to_json(self) -> dict[str, Any]:
        """Spell it as the original does."""
        return {"name": self.name, "size": self.size, "mediaType": self.media_type}


@dataclasses.dataclass(frozen=True, slots=True)
class ImageManifest:
    """The image of one platform, in an index."""

    digest: str
    media_type: str
    size: int
    """The manifest's, in bytes."""
    architecture: str
    os: str
    variant: str = ""

    def to_json(self) -> dict[str, Any]:
        """Spell it as the original does: no variant where there is none."""
        return {
            "digest": self.digest,
            "mediaType": self.media_type,
            "manifestSize": self.size,
            "architecture": self.architecture,
            "os": self.os,
            **border.without_empty(variant=self.variant),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """What a manifest and its config say of an image, or an index of the images in it."""

    digest: str
    media_type: str
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    """dockerImageMetadata, as JSON."""
    layers: tuple[Layer, ...] = ()
    manifests: tuple[ImageManifest, ...] = ()

    @property
    def name(self) -> str:
        """The object's name."""
        return image_name(self.digest)

    def to_json(self, pull_spec: str) -> dict[str, Any]:
        """Spell the object without apiVersion; `pull_spec` is from where it is first imported."""
        return {
            "kind": "Image",
            "metadata": {
                "name": self.name,
                "labels": dict([MANAGED_LABEL]),
                "annotations": {} if self.manifests else dict([LAYERS_ORDER]),
            },
            "dockerImageReference": pull_spec,
            "dockerImageMetadata": self.metadata,
            "dockerImageMetadataVersion": METADATA_VERSION,
            "dockerImageManifestMediaType": self.media_type,
            **border.without_empty(
                dockerImageLayers=[layer.to_json() for layer in self.layers],
                dockerImageManifests=[manifest.to_json() for manifest in self.manifests],
            ),
        }
