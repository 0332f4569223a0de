"""The registry client: one question in, one verified digest out.

HEAD decides; a manifest is fetched only under a digest not seen before, verified, and then remembered
by that digest for good. Called by importing.asking in a worker thread; above it nobody speaks HTTP.
Sources: OCI distribution specification 1.1 (pulling manifests), the original's importer (Legacy takes
a child of an index, PreserveOriginal the index itself).
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from typing import TYPE_CHECKING

from imagestreams.errors import (
    BasicRefusedError,
    DeniedError,
    HiddenError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    UnauthorizedError,
    UnreachableError,
    UnwellError,
)
from imagestreams.model.reference import is_digest
from imagestreams.registry.challenge import parse_challenges
from imagestreams.registry.description import config_of, describe_image, describe_index
from imagestreams.registry.entity_tags import HashedBefore, strong_entity_tag
from imagestreams.registry.exchange import Exchange, Visitor
from imagestreams.registry.explain import FOR_REPOSITORY, explaining
from imagestreams.registry.listing import FIRST_PAGE, PAGE_LIMIT, Pages, TagList, next_page, parse_page
from imagestreams.registry.manifests import Manifest, choose_child, parse_manifest
from imagestreams.registry.memory import Memory
from imagestreams.registry.question import Question, Resolution

if TYPE_CHECKING:
    from imagestreams.model.image import Image
    from imagestreams.registry.names import Place
    from imagestreams.registry.transport import Answer, Transport

# A child weighs one, a manifest itself five; about 200 bytes each.
_REMEMBERED = 150_000
_MANIFEST_WEIGHT = 5
_BODIES = 8 * 1024 * 1024
_OVERHEAD = 500
_LARGE = 256 * 1024
_DIAGNOSIS_LIMIT = 1024 * 1024
_LISTS_NOTHING = frozenset({400, 405, 501})
_HEAD_IS_NOT_FOR_THEM = frozenset({200, 400, 405, 501})


class RegistryClient:
    """Resolves questions. Thread-safe; remembers verified manifests, which never change, by digest."""

    def __init__(self, transport: Transport) -> None:
        self._exchange = Exchange(transport)
        self._limits = transport.limits
        self._manifests: Memory[tuple[Place, str], Manifest] = Memory(_REMEMBERED, _weigh)
        # What was just fetched to be resolved is read again to be described.
        self._bodies: Memory[tuple[Place, str], bytes] = Memory(_BODIES, _weigh_body)
        self._parsing_large = threading.Lock()
        self._hashed = HashedBefore()

    def resolve(self, question: Question) -> Resolution:
        """Resolve a reference to the digest of an image, within `Limits.question` in all.

        It is asked once, with the one credential. Raises a RegistryError whose message names the registry,
        the repository, the tag, the credential it was asked with, and what to do.
        """
        visitor, asked = self._visitor(question), time.monotonic()
        with explaining(question.reference, visitor):
            found = self._resolve(visitor, question)
            return Resolution(found.digest, found.index, asked)

    def describe(self, question: Question) -> Image:
        """Say what is in the image, or index, that a reference names by its digest.

        Costs the config's GET, and the manifest's where it was not fetched lately. Raises as `resolve` does.
        """
        visitor = self._visitor(question)
        with explaining(question.reference, visitor):
            return self._describe(visitor, question.reference.version)

    def content(self, question: Question) -> tuple[bytes, bytes]:
        """Give the manifest of a digest and its config, b"" where it names none. Else as `describe`."""
        visitor = self._visitor(question)
        with explaining(question.reference, visitor):
            manifest, body = self._manifest_body(visitor, question.reference.version)
            return body, b"" if manifest.is_index else self._config(visitor, body)

    def _describe(self, visitor: Visitor, digest: str) -> Image:
        manifest, body = self._manifest_body(visitor, digest)
        if manifest.is_index:
            return describe_index(body, digest=digest, media_type=manifest.media_type)
        config = self._config(visitor, body)
        return describe_image(body, digest=digest, media_type=manifest.media_type, config=config)

    def _manifest_body(self, visitor: Visitor, digest: str) -> tuple[Manifest, bytes]:
        body = self._bodies.get((visitor.place, digest))
        manifest = self._manifests.get((visitor.place, digest))
        if body is None or manifest is None:
            manifest = self._fetch(visitor, digest)
            body = self._bodies.get((visitor.place, digest)) or b""
        return manifest, body

    def _config(self, visitor: Visitor, manifest: bytes) -> bytes:
        named = config_of(manifest)
        if named is None:
            return b""
        answer = self._exchange.ask(visitor, "GET", f"blobs/{named.digest}")
        if answer.status == 404:
            raise NotFoundError(f"there is no config {named.digest}, which the manifest names")
        if answer.status != 200:
            raise self._refusal(answer, visitor, named.digest)
        if f"sha256:{hashlib.sha256(answer.body).hexdigest()}" != named.digest:
            raise ProtocolError(f"it serves another config than {named.digest}")
        return answer.body

    def tags(self, question: Question) -> TagList:
        """List the tags of a reference's repository, page by page, within `Limits.question` in all.

        Raises a RegistryError as `resolve` does, which says how to mend spec.dockerImageRepository.
        """
        visitor = self._visitor(question)
        with explaining(question.reference, visitor, FOR_REPOSITORY):
            return self._tags(visitor)

    def _tags(self, visitor: Visitor) -> TagList:
        pages = Pages()
        asked: set[str] = set()
        page: str | None = FIRST_PAGE
        # A list that leads back to a page of its own has ended there.
        while page is not None and page not in asked:
            if pages.full:
                return pages.together(ended=False)
            asked.add(page)
            answer = self._exchange.ask(visitor, "GET", page, limit=PAGE_LIMIT)
            if answer.status != 200:
                raise self._no_list(answer, visitor)
            pages.add(parse_page(answer.body))
            page = next_page(answer.headers)
        return pages.together(ended=True)

    def _no_list(self, answer: Answer, visitor: Visitor) -> RegistryError:
        if answer.status == 404:
            return (HiddenError if answer.authorized else NotFoundError)("there is no such repository")
        if answer.status in _LISTS_NOTHING:
            return ProtocolError(f"it does not list tags (it answered {answer.status})")
        return self._refusal(answer, visitor, "")

    def _visitor(self, question: Question) -> Visitor:
        return Visitor(
            question.place,
            question.credential,
            question.insecure,
            question.authorities,
            time.monotonic() + self._limits.question,
        )

    def _resolve(self, visitor: Visitor, question: Question) -> Resolution:
        version, known = question.reference.version, question.known
        # A digest is asked for too: what is remembered of it does not show that this visitor may see it.
        digest = self._digest_of(visitor, version)
        if is_digest(version) and digest != version:
            raise ProtocolError(f"it has {digest} under {version}")
        if known is not None and digest == (known.index or known.digest):
            # A manifest that is fetched to see what it is counts as a pull, after each restart.
            return known
        manifest = self._manifest(visitor, digest)
        if not manifest.is_index or question.platform is None:
            return Resolution(digest)
        child = self._manifest(visitor, choose_child(manifest, question.platform).digest)
        if child.is_index:
            raise ProtocolError(f"{child.digest} is an index inside an index, which no node can run")
        return Resolution(child.digest, index=digest)

    def _digest_of(self, visitor: Visitor, version: str) -> str:
        answer = self._exchange.ask(visitor, "HEAD", f"manifests/{version}")
        digest = answer.headers.get("Docker-Content-Digest", "")
        if answer.status == 200 and is_digest(digest):
            return digest
        if answer.status not in _HEAD_IS_NOT_FOR_THEM:
            raise self._refusal(answer, visitor, version)
        hashed = self._hashed.get(visitor, version)
        if (
            answer.status == 200
            and hashed.entity_tag
            and strong_entity_tag(answer.headers) == hashed.entity_tag
        ):
            return hashed.digest
        # Without the header, or without HEAD, the manifest itself must be hashed.
        answer = self._exchange.ask(visitor, "GET", f"manifests/{version}", unless=hashed.entity_tag)
        if answer.status == 304 and hashed.entity_tag:
            return hashed.digest
        digest = self._read(answer, visitor, version).digest
        self._hashed.put(visitor, version, digest, answer.headers)
        return digest

    def _manifest(self, visitor: Visitor, digest: str) -> Manifest:
        return self._manifests.get((visitor.place, digest)) or self._fetch(visitor, digest)

    def _fetch(self, visitor: Visitor, version: str) -> Manifest:
        return self._read(self._exchange.ask(visitor, "GET", f"manifests/{version}"), visitor, version)

    def _read(self, answer: Answer, visitor: Visitor, version: str) -> Manifest:
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
        self._bodies.put((visitor.place, digest), answer.body)
        return manifest

    def _refusal(self, answer: Answer, visitor: Visitor, version: str) -> RegistryError:
        status = answer.status
        if status == 404:
            return self._not_found(answer, visitor, version)
        if status == 401:
            return _unauthorized(answer, visitor)
        if status == 403:
            return DeniedError("it does not allow the pull (403)")
        if status == 407:
            return UnreachableError("the proxy in between wants another login (407)")
        if status >= 500:
            return UnwellError(f"it is unwell (it answered {status})")
        return ProtocolError(f"it answered {status}, which is no answer to a pull")

    def _not_found(self, answer: Answer, visitor: Visitor, version: str) -> NotFoundError:
        # A 404 to HEAD has no body that tells whether the repository or the tag is missing.
        try:
            listing = self._exchange.ask(visitor, "GET", "tags/list?n=1", limit=_DIAGNOSIS_LIMIT)
        except RegistryError:
            listing = None
        # Who may list it may see it; and one who was not asked for a credential is not told less without it.
        seen = listing is not None and listing.status == 200
        kind = NotFoundError if seen or not answer.authorized else HiddenError
        if listing is not None and listing.status == 404:
            return kind("there is no such repository")
        return kind(f'there is no {"image" if is_digest(version) else "tag"} "{version}"')


def _unauthorized(answer: Answer, visitor: Visitor) -> UnauthorizedError:
    challenges = parse_challenges(answer.headers.get("WWW-Authenticate", ""))
    # A token that is refused may lack a right; Basic is the password itself, or nothing.
    basic = {challenge.scheme for challenge in challenges} == {"basic"}
    kind = BasicRefusedError if basic and visitor.credential is not None else UnauthorizedError
    return kind("it answered 401")


def _weigh_body(_key: tuple[Place, str], body: bytes) -> int:
    return _OVERHEAD + len(body)


def _weigh(_key: tuple[Place, str], manifest: Manifest) -> int:
    return _MANIFEST_WEIGHT + len(manifest.children)
