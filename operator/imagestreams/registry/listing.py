"""Reading the list of a repository's tags: one page, and where the next one is. Pure.

Called by registry.client, which fetches the pages. Source: OCI distribution specification 1.1, "Listing
tags": a page may be short and not the last; there is another while a Link of rel="next" says so. Google's
registries add a map of the manifests, which tells the digest of each tag.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imagestreams.errors import ProtocolError
from imagestreams.model.reference import is_digest, is_tag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FIRST_PAGE = "tags/list?n=1000"
PAGE_LIMIT = 3 * 1024 * 1024
"""Bytes of one page: some registries answer all of a repository's tags at once."""
PAGES_MOST = 250
TAGS_MOST = 20_000

_LINK = re.compile(r'<([^<>]{1,4096})>((?:\s*;\s*[\w*]{1,20}\s*=\s*(?:"[^"]{0,200}"|[^\s",;]{1,200}))*)')
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=\s|;|$))', re.IGNORECASE)
_QUERY = re.compile(r"[!-~]+", re.ASCII)
_HEADER_MOST = 16_384


@dataclasses.dataclass(frozen=True, slots=True)
class TagList:
    """The tags of a repository, in the order they were listed, each once."""

    tags: tuple[str, ...]
    complete: bool = True
    """Whether the list was read to its end; False beyond 20,000 tags or 250 pages."""
    digests: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The digest of each tag, where the list tells those of all without contradiction; else empty."""


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its tags, and what it tells of the digests of tags, contradictions included."""

    tags: tuple[str, ...]
    digests: tuple[tuple[str, str], ...] = ()


class Pages:
    """The pages of a list, put together."""

    def __init__(self) -> None:
        self._tags: dict[str, None] = {}
        self._digests: set[tuple[str, str]] = set()
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether no more is read, wherever the list ends."""
        return self._count >= PAGES_MOST or len(self._tags) > TAGS_MOST

    def add(self, page: Page) -> None:
        """Add the next page."""
        self._count += 1
        self._tags.update(dict.fromkeys(page.tags))
        self._digests.update(page.digests)

    def together(self, *, ended: bool) -> TagList:
        """Give the list; `ended` tells whether there was no page after the last."""
        complete = ended and len(self._tags) <= TAGS_MOST
        digests = dict(self._digests)
        # A tag that moves meanwhile may have two, one that is pushed none: then nothing is relied on.
        consistent = len(digests) == len(self._digests) and digests.keys() == self._tags.keys()
        return TagList(tuple(self._tags)[:TAGS_MOST], complete, digests if complete and consistent else {})


def parse_page(body: bytes) -> Page:
    """Read a page; null is an empty list, and what is no tag is passed over.

    Raises ProtocolError for what is no such page.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("tags"), list | None):
        raise ProtocolError("what it answered is no list of tags")
    tags = tuple(tag for tag in content.get("tags") or [] if isinstance(tag, str) and is_tag(tag))
    return Page(tags, _digests(content.get("manifest")))


def _digests(manifests: Any) -> tuple[tuple[str, str], ...]:
    """Read Google's map of digests to what is known of each, such as {"tag": ["v1"], "mediaType": ...}."""
    if not isinstance(manifests, dict):
        return ()
    return tuple(
        (tag, digest)
        for digest, described in manifests.items()
        if is_digest(digest) and isinstance(described, dict) and isinstance(described.get("tag"), list)
        for tag in described["tag"]
        if isinstance(tag, str) and is_tag(tag)
    )


def next_page(headers: Mapping[str, str]) -> str | None:
    """Say which path below the repository has the next page, None at the end.

    Of the link only its query is taken: the next page is asked of the host, by the scheme and for the
    repository that the first one came from, wherever a link points. Registries behind proxies often name
    themselves wrong. Raises ProtocolError for a link that is no page of tags.
    """
    for target, parameters in _LINK.findall(headers.get("Link", "")[:_HEADER_MOST]):
        if _NEXT.search(parameters):
            try:
                parts = urlsplit(target)
            except ValueError:
                parts = urlsplit("")
            if not parts.path.endswith("/tags/list") or not _QUERY.fullmatch(parts.query):
                raise ProtocolError("its list of tags goes on at no page of tags")
            return f"tags/list?{parts.query}"
    return None
