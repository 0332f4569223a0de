"""Whether a manifest is still the one that was hashed: told by its entity tag, where its digest is not told.

A registry that answers HEAD without a digest, or no HEAD at all, would have the manifest fetched at each
check, and may count that as a pull. A strong entity tag differs where a byte differs (RFC 9110, 8.8.1);
length and date do not, and weak tags need not. Used by registry.client.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.registry.exchange import Visitor
    from imagestreams.registry.names import Place

_REMEMBERED = 20_000
_STRONG = re.compile(r'"[!#-~]{1,200}"')
_Key = tuple["Place", str, str, bool, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Hashed:
    """A manifest's digest, as it was hashed, and the entity tag that came with it; "" where nothing was."""

    digest: str = ""
    entity_tag: str = ""


_NOTHING = Hashed()


class HashedBefore:
    """What was hashed for whom. Thread-safe, and bounded.

    What was hashed without verifying the host is believed of those alone who ask without, and likewise for
    CAs: who can answer in a host's place can also say its entity tags.
    """

    def __init__(self) -> None:
        self._kept: Memory[_Key, Hashed] = Memory(_REMEMBERED)

    def get(self, visitor: Visitor, version: str) -> Hashed:
        """Give what was last hashed for a visitor under a version, as far as its entity tag can tell it."""
        return self._kept.get(_key(visitor, version)) or _NOTHING

    def put(self, visitor: Visitor, version: str, digest: str, headers: Mapping[str, str]) -> None:
        """Keep the digest of a body that came with these headers, if they hold a strong entity tag."""
        if tag := strong_entity_tag(headers):
            self._kept.put(_key(visitor, version), Hashed(digest, tag))


def strong_entity_tag(headers: Mapping[str, str]) -> str:
    """Read the ETag of an answer, "" for none, a weak one, and what is none."""
    text = headers.get("ETag", "").strip()
    return text if _STRONG.fullmatch(text) else ""


def _key(visitor: Visitor, version: str) -> _Key:
    credential = visitor.credential.key if visitor.credential else ""
    return visitor.place, version, credential, visitor.insecure, visitor.authorities
