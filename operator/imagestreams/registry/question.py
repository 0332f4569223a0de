"""What is asked of a registry, and what comes of it: values, by which answers are shared and kept. Pure.

Made by importing.asking, answered by registry.client.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagestreams.model.reference import Reference
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.manifests import Platform
    from imagestreams.registry.names import Place


@dataclasses.dataclass(frozen=True, slots=True)
class Resolution:
    """The answer: the digest of the image."""

    digest: str
    index: str = ""
    """The digest of the index that the image was chosen from, "" if it was not."""
    asked: float = dataclasses.field(default=0.0, compare=False, repr=False)
    """When it was asked for, of time.monotonic, which is the event loop's clock too."""


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a registry, and how. Equal questions have equal answers."""

    reference: Reference
    place: Place
    """Where it is asked for: where the reference says, or at a mirror."""
    platform: Platform | None = None
    """Which child of an index to take; None keeps the index (importMode PreserveOriginal)."""
    insecure: bool = False
    credential: Credential | None = None
    authorities: str = ""
    """CAs to trust besides the operator's own, as PEM."""
    known: Resolution | None = None
    """What it was answered when it last was asked; while the tag has that digest, nothing is fetched.

    It comes from who asks, who may write it himself: an answer is shared with those alone who know the same.
    """

    @property
    def fingerprint(self) -> bytes:
        """What to keep an answer by: small, equal for equal questions, and without a secret."""
        known = self.known
        parts = (
            str(self.place),
            self.place.contact,
            self.reference.version,
            str(self.platform) if self.platform else "",
            "insecure" if self.insecure else "",
            self.credential.key if self.credential else "",
            f"{known.digest} {known.index}" if known else "",
            self.authorities,
        )
        # By their repr no two lists of texts are the same, whatever a tenant writes into one of them.
        return hashlib.sha256(repr(parts).encode()).digest()
