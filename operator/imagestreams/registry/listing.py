"""Reading the list of a repository's tags: one page, and where the next one is. Pure.

Called by registry.client, which fetches the pages. Source: OCI distribution specification 1.1, "Listing
tags": a page may be short and not the last; there is another while a Link of rel="next" says so.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imagestreams.errors import ProtocolError
from imagestreams.model.reference import is_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def parse_page(body: bytes) -> list[str]:
    """Read the tags of a page; null is an empty list, and what is no tag is passed over.

    Raises ProtocolError for what is no such page.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("tags"), list | None):
        raise ProtocolError("what it answered is no list of tags")
    return [tag for tag in content.get("tags") or [] if isinstance(tag, str) and is_tag(tag)]


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
