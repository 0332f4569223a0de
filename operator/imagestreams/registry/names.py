"""Where a reference is asked for: the host that is contacted and the path there.

A reference keeps what was typed (model.reference); Docker Hub's defaults are filled in here, only to
contact it. Used by registry.client and registry.credentials.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagestreams.model.reference import Reference

HUB = "docker.io"
_HUB_SPELLINGS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_CONTACT = "registry-1.docker.io"
_HUB_NAMESPACE = "library"


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A repository on a host."""

    host: str
    """The registry as people name it, with its port."""
    contact: str
    """The host that is contacted for it."""
    repository: str

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"


def canonical_host(host: str) -> str:
    """Name a registry one way: Docker Hub's many spellings become docker.io, letters lower case."""
    lowered = host.lower()
    return HUB if lowered in _HUB_SPELLINGS else lowered


def place_of(reference: Reference) -> Place:
    """Say where a reference is asked for. No registry means Docker Hub, where a bare name is library/name."""
    return place_at(reference.registry or HUB, reference.repository)


def place_at(host: str, repository: str) -> Place:
    """Say where a repository of a host is asked for."""
    host = canonical_host(host)
    if host != HUB:
        return Place(host, host, repository)
    if "/" not in repository:
        repository = f"{_HUB_NAMESPACE}/{repository}"
    return Place(HUB, _HUB_CONTACT, repository)
