"""What the image API serves: the one table of its resources, which routing, discovery and OpenAPI read. Pure.

Names, verbs, short names, categories and scopes are the original's (image.openshift.io/v1).
"""

from __future__ import annotations

import dataclasses

GROUP = "image.openshift.io"
VERSION = "v1"
API_VERSION = f"{GROUP}/{VERSION}"
ROOT = f"/apis/{API_VERSION}"
"""The path of the group's version."""
STORED_VERSION = f"{GROUP}/v1alpha1"
"""At which the CRDs stay reachable. kube.resources has both names, too: what is pure may not know it."""

_ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_TAGS = ("create", "delete", "get", "list", "patch", "update")


@dataclasses.dataclass(frozen=True, slots=True)
class Resource:
    """A resource, or a subresource of one."""

    path: str
    """Its plural, and its subresource behind a slash."""
    kind: str
    """The kind of what is sent and got."""
    verbs: tuple[str, ...]
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def plural(self) -> str:
        """The resource, without its subresource."""
        return self.path.partition("/")[0]

    @property
    def subresource(self) -> str:
        """What is behind the slash, "" for none."""
        return self.path.partition("/")[2]

    @property
    def singular(self) -> str:
        """The singular, "" for a subresource."""
        return "" if self.subresource else self.kind.lower()


RESOURCES = (
    Resource("images", "Image", _ALL, namespaced=False),
    Resource("imagesignatures", "ImageSignature", ("create", "delete"), namespaced=False),
    Resource("imagestreamimages", "ImageStreamImage", ("get",), short_names=("isimage",)),
    Resource("imagestreamimports", "ImageStreamImport", ("create",)),
    Resource("imagestreammappings", "ImageStreamMapping", ("create",)),
    Resource("imagestreams", "ImageStream", _ALL, short_names=("is",), categories=("all",)),
    Resource("imagestreams/layers", "ImageStreamLayers", ("get",)),
    Resource("imagestreams/secrets", "SecretList", ("get",)),
    Resource("imagestreams/status", "ImageStream", ("get", "patch", "update")),
    Resource("imagestreamtags", "ImageStreamTag", _TAGS, short_names=("istag",)),
    Resource("imagetags", "ImageTag", _TAGS, short_names=("itag",)),
)
"""In the order of their names."""


def find(plural: str, subresource: str = "") -> Resource | None:
    """Find a resource or subresource."""
    path = f"{plural}/{subresource}" if subresource else plural
    return next((resource for resource in RESOURCES if resource.path == path), None)
