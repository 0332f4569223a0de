"""Lists of tags that are made from lists of streams: field selectors, and where a page goes on. Pure.

Streams are listed in pages, and a page of tags may end within a page of streams. So what a client sends back
to go on says in which page of streams, and how many of its tags it has had. Labels are those of the stream:
the API server selects them. Used by imageapi.stream_tags.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.errors import StatusError

STREAMS_A_PAGE = 500
_STREAMS_FOR_LIMIT = 5
"""A stream has some tags; a page of streams that is read for too few of them is read again for the next."""
_FIELDS = ("metadata.name", "metadata.namespace")
_PLAIN = re.compile(r"[A-Za-z0-9.-]+")

Terms = list[tuple[str, str, bool]]
"""Of a field selector: field, value, and whether it is to have it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Position:
    """Where a list goes on."""

    streams: str = ""
    """The API server's own word for the page of streams; "" for the first."""
    version: str = ""
    """Of the list, by which its first page is read again as it was."""
    skipped: int = 0
    """How many tags of that page the client has had."""
    size: int = STREAMS_A_PAGE
    """How many streams that page has, 0 for all: read again with fewer, its tags would be others."""

    @classmethod
    def first(cls, limit: int) -> Position:
        """Begin a list of so many tags a page; 0 for all at once."""
        return cls(size=min(STREAMS_A_PAGE, max(1, limit // _STREAMS_FOR_LIMIT)) if limit else 0)

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read what a client sends back. Raises StatusError (400) for what we never gave."""
        try:
            raw = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
            streams, version, skipped, size = raw
        except (ValueError, TypeError, RecursionError):
            raise _foreign() from None
        if not (isinstance(streams, str) and isinstance(version, str) and type(skipped) is type(size) is int):
            raise _foreign()
        if not (skipped >= 0 and 0 <= size <= STREAMS_A_PAGE):
            raise _foreign()
        return cls(streams, version, skipped, size)

    def __str__(self) -> str:
        raw = json.dumps([self.streams, self.version, self.skipped, self.size]).encode()
        return base64.urlsafe_b64encode(raw).decode()

    def query(self, asked: Mapping[str, str], terms: Terms) -> dict[str, str]:
        """Say how to list the page of streams, for a client that asked so for tags."""
        query = {"limit": str(self.size)} if self.size else {}
        if asked.get("labelSelector"):
            query["labelSelector"] = asked["labelSelector"]
        if narrowed := _of_streams(terms):
            query["fieldSelector"] = narrowed
        if self.streams:
            return {**query, "continue": self.streams}
        if self.version:
            return {**query, "resourceVersion": self.version, "resourceVersionMatch": "Exact"}
        for field in ("resourceVersion", "resourceVersionMatch"):
            if asked.get(field):
                query[field] = asked[field]
        return query

    def after(self, page: Page, metadata: Mapping[str, Any]) -> Position | None:
        """Say where it goes on after a page of streams, whose list had this metadata; None at the end."""
        here = dataclasses.replace(self, version=self.version or border.text(metadata.get("resourceVersion")))
        if page.cut:
            return dataclasses.replace(here, skipped=self.skipped + page.given)
        streams = border.text(metadata.get("continue"))
        return dataclasses.replace(here, streams=streams, skipped=0) if streams else None


class Page:
    """Which tags of a page of streams a client is given: those it has not had, as many as it wants."""

    def __init__(self, terms: Terms, *, skipped: int, room: int) -> None:
        self._terms, self._to_skip, self._room = terms, skipped, room
        self.given = 0
        self.cut = False
        """Whether it has more of them than there is room for."""

    def choose(self, namespace: str, stream: str, tags: list[str]) -> list[str]:
        """Choose among the tags of the next stream."""
        found = [tag for tag in tags if selects(self._terms, namespace, f"{stream}:{tag}")]
        late = found[self._to_skip :]
        self._to_skip = max(0, self._to_skip - len(found))
        chosen = late[: self._room - self.given]
        self.given += len(chosen)
        self.cut = self.cut or len(chosen) < len(late)
        return chosen


def read_limit(text: str) -> int:
    """Read how many are asked for at most; 0 for all. Raises StatusError (400)."""
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise answers.bad_request(f"limit: {text[:40]} is not a number of objects")
    return int(text)


def read_selector(text: str) -> Terms:
    """Read a field selector. Raises StatusError (400)."""
    terms: Terms = []
    for term in filter(None, text.split(",")):
        field, sign, value = term.partition("!=") if "!=" in term else term.partition("=")
        value = value.removeprefix("=") if sign == "=" else value
        if not sign:
            raise answers.bad_request(f"invalid selector: '{text[:200]}'; can't understand '{term[:200]}'")
        if field not in _FIELDS:
            raise answers.bad_request(
                f'"{field[:100]}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            )
        terms.append((field.removeprefix("metadata."), value, sign == "="))
    return terms


def selects(terms: Terms, namespace: str, name: str) -> bool:
    """Tell whether a selector takes an object."""
    given = {"name": name, "namespace": namespace}
    return all((given[field] == value) is wanted for field, value, wanted in terms)


def _of_streams(terms: Terms) -> str:
    """Ask for the streams alone whose tags can be meant, where that can be said."""
    found = []
    for field, value, wanted in terms:
        of_stream = value.partition(":")[0] if field == "name" else value
        if wanted and _PLAIN.fullmatch(of_stream):
            found.append(f"metadata.{field}={of_stream}")
    return ",".join(found)


def _foreign() -> StatusError:
    return answers.bad_request("continue key is not valid: list again from the beginning")
