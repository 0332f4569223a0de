"""The registry client: one question in, one verified digest out.

HEAD decides; a manifest is fetched only under a digest not seen before, verified, and then remembered
by that digest for good. Called by importing.work in a worker thread; above it nobody speaks HTTP.
Sources: OCI distribution specification 1.1 (pulling manifests), the original's importer (Legacy takes
a child of an index, PreserveOriginal the index itself).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import threading
import time
from typing import TYPE_CHECKING

from imagestreams.errors import (
    DeniedError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    Retry,
    UnauthorizedError,
    UnwellError,
)
from imagestreams.model.reference import is_digest
from imagestreams.registry.exchange import Exchange, ForeignChallengeError, Visitor
from imagestreams.registry.explain import explain
from imagestreams.registry.manifests import Manifest, choose_child, parse_manifest
from imagestreams.registry.memory import Memory
from imagestreams.registry.names import Place, place_of

if TYPE_CHECKING:
    from imagestreams.model.reference import Reference
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.manifests import Platform
    from imagestreams.registry.transport import Answer, Transport

# A child weighs one, a manifest itself five; about 200 bytes each.
_REMEMBERED = 150_000
_MANIFEST_WEIGHT = 5
_TRIED = 5
_LARGE = 256 * 1024
_DIAGNOSIS_LIMIT = 1024 * 1024
_HEAD_IS_NOT_FOR_THEM = frozenset({200, 400, 405, 501})


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a registry, and how. Equal questions have equal answers."""

    reference: Reference
    platform: Platform | None
    """Which child of an index to take; None keeps the index (importMode PreserveOriginal)."""
    insecure: bool = False
    credentials: tuple[Credential, ...] = ()
    """The first five are tried in this order; with none, or all refused, it is asked anonymously."""


@dataclasses.dataclass(frozen=True, slots=True)
class Resolution:
    """The answer: the digest of the image, and the secret by whose credential it was given ("": none)."""

    digest: str
    secret: str = ""


class RegistryClient:
    """Resolves questions. Thread-safe; remembers verified manifests, which never change, by digest."""

    def __init__(self, transport: Transport) -> None:
        self._exchange = Exchange(transport)
        self._limits = transport.limits
        self._manifests: Memory[tuple[Place, str], Manifest] = Memory(_REMEMBERED, _weigh)
        self._parsing_large = threading.Lock()

    def resolve(self, question: Question) -> Resolution:
        """Resolve a reference to the digest of an image, within `Limits.question` in all.

        Raises a RegistryError whose message names the registry, the repository, the tag, the
        credential it was asked with, and what to do.
        """
        place = place_of(question.reference)
        deadline = time.monotonic() + self._limits.question
        refused: RegistryError | None = None
        for credential in (*question.credentials[:_TRIED], None):
            visitor = Visitor(place, credential, question.insecure, deadline)
            try:
                manifest = self._resolve(visitor, question)
            except RegistryError as error:
                told = type(error)(explain(error, question.reference, visitor))
                if isinstance(error, UnauthorizedError | DeniedError) and not isinstance(
                    error, ForeignChallengeError
                ):
                    refused = refused or told
                    continue
                if refused is not None and credential is None and error.retry is Retry.PERMANENT:
                    # What nobody may see is hidden from nobody in particular: the refusal is the news.
                    raise refused from error
                raise told from error
            return Resolution(manifest.digest, credential.secret if credential else "")
        raise refused or AssertionError("unreachable: the last credential is always None")

    def _resolve(self, visitor: Visitor, question: Question) -> Manifest:
        version = question.reference.version
        # A digest is asked for too: what is remembered of it does not show that this visitor may see it.
        digest = self._digest_of(visitor, version)
        if is_digest(version) and digest != version:
            raise ProtocolError(f"it has {digest} under {version}")
        manifest = self._manifest(visitor, digest)
        if not manifest.is_index or question.platform is None:
            return manifest
        child = self._manifest(visitor, choose_child(manifest, question.platform).digest)
        if child.is_index:
            raise ProtocolError(f"{child.digest} is an index inside an index, which no node can run")
        return child

    def _digest_of(self, visitor: Visitor, version: str) -> str:
        answer = self._exchange.ask(visitor, "HEAD", f"manifests/{version}")
        digest = answer.headers.get("Docker-Content-Digest", "")
        if answer.status == 200 and is_digest(digest):
            return digest
        if answer.status not in _HEAD_IS_NOT_FOR_THEM:
            raise self._refusal(answer, visitor, version)
        # Without the header, or without HEAD, the manifest itself must be hashed.
        return self._fetch(visitor, version).digest

    def _manifest(self, visitor: Visitor, digest: str) -> Manifest:
        return self._manifests.get((visitor.place, digest)) or self._fetch(visitor, digest)

    def _fetch(self, visitor: Visitor, version: str) -> Manifest:
        answer = self._exchange.ask(visitor, "GET", f"manifests/{version}")
        if answer.status != 200:
            raise self._refusal(answer, visitor, version)
        digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if is_digest(version) and digest != version:
            raise ProtocolError(
                f"it serves under {version} a body whose digest is {digest}: "
                "altered on the way, or in the registry"
            )
        content_type = answer.headers.get("Content-Type", "")
        # 4 MB of JSON may become 100 MB of objects: one thread at a time.
        with self._parsing_large if len(answer.body) > _LARGE else contextlib.nullcontext():
            manifest = parse_manifest(answer.body, digest=digest, content_type=content_type)
        self._manifests.put((visitor.place, digest), manifest)
        return manifest

    def _refusal(self, answer: Answer, visitor: Visitor, version: str) -> RegistryError:
        status = answer.status
        if status == 404:
            return self._not_found(visitor, version)
        if status == 401:
            return UnauthorizedError("it answered 401")
        if status == 403:
            return DeniedError("it does not allow the pull (403)")
        if status == 429:
            return UnwellError("it wants to be asked less often (429)")
        if status >= 500:
            return UnwellError(f"it is unwell (it answered {status})")
        return ProtocolError(f"it answered {status}, which is no answer to a pull")

    def _not_found(self, visitor: Visitor, version: str) -> NotFoundError:
        # A 404 to HEAD has no body that tells whether the repository or the tag is missing.
        try:
            listing = self._exchange.ask(visitor, "GET", "tags/list?n=1", limit=_DIAGNOSIS_LIMIT)
        except RegistryError:
            listing = None
        if listing is not None and listing.status == 404:
            return NotFoundError("there is no such repository")
        return NotFoundError(f'there is no {"image" if is_digest(version) else "tag"} "{version}"')


def _weigh(_key: tuple[Place, str], manifest: Manifest) -> int:
    return _MANIFEST_WEIGHT + len(manifest.children)
