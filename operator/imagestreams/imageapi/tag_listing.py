"""Lists of imagestreamtags and imagetags: read from lists of streams while those come in.

An edge. Which of the tags are meant, and where a page goes on, is imageapi.tag_lists'; what is shown of each
is imageapi.tag_view's. Used by imageapi.stream_tags.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import tag_lists
from imagestreams.imageapi.asking import Listing
from imagestreams.kube.list_reading import Piece
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from imagestreams.imageapi.asking import Ask
    from imagestreams.imageapi.stream_store import StreamStore
    from imagestreams.imageapi.tag_kinds import TagKind


def list_tags(ask: Ask, store: StreamStore, kind: TagKind, mode: str) -> Listing:
    """Begin a list of tags, or go on with one. Raises StatusError (400) for what it cannot be."""
    limit = tag_lists.read_limit(ask.query.get("limit", ""))
    terms = tag_lists.read_selector(ask.query.get("fieldSelector", ""))
    given = ask.query.get("continue", "")
    begin = tag_lists.Position.parse(given) if given else tag_lists.Position.first(limit)
    lister = _Lister(ask, store, kind, mode, terms)
    return Listing(f"{kind.kind}List", lister.pieces(begin, limit or sys.maxsize))


@dataclasses.dataclass(frozen=True, slots=True)
class _Lister:
    ask: Ask
    store: StreamStore
    kind: TagKind
    mode: str
    terms: tag_lists.Terms

    async def pieces(self, begin: tag_lists.Position, room: int) -> AsyncGenerator[Piece]:
        version = begin.version
        going_on: tag_lists.Position | None = begin
        while going_on is not None and room > 0:
            at = going_on
            page = tag_lists.Page(self.terms, skipped=at.skipped, room=room)
            metadata: dict[str, Any] = {}
            async with contextlib.aclosing(self.store.page(at.query(self.ask.query, self.terms))) as pieces:
                async for piece in pieces:
                    yield Piece(self._tags_of(piece.items, page))
                    metadata = piece.metadata or metadata
            version = version or border.text(metadata.get("resourceVersion"))
            going_on = at.after(page, metadata)
            room -= page.given
        more = str(going_on) if going_on is not None else ""
        yield Piece(iter(()), {"resourceVersion": version, **border.without_empty(**{"continue": more})})

    def _tags_of(self, streams: Iterator[dict[str, Any]], page: tag_lists.Page) -> Iterator[dict[str, Any]]:
        for stream in streams:
            # The rest is read for what is told of the list at its end.
            if not page.cut:
                metadata = border.mapping(stream.get("metadata"))
                namespace, name = (border.text(metadata.get(field)) for field in ("namespace", "name"))
                chosen = page.choose(namespace, name, self.kind.names(stream))
                yield from self.kind.views(stream, chosen, mode=self.mode)
