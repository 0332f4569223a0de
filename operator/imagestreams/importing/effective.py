"""What a stream asks for in effect: with the operator's defaults, and with its repository's tags. Pure.

Nobody writes spec: the tags of spec.dockerImageRepository become tags here, each time a stream is looked at.
What the repository has comes from its last list (importing.repository) or, before this process listed it,
from what the status says of it; so a restart changes nothing.
Applied by importing.work, before plan and record.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.model.history import KEEP_ITEMS
from imagestreams.model.stream import DOCKER_IMAGE, IMPORT_MODE_LEGACY, Source, TagSpec

if TYPE_CHECKING:
    from imagestreams.importing.repository import Known
    from imagestreams.model.stream import Stream

MAX_TAGS = 50
"""How many tags of a repository are followed unless somebody says otherwise; the original's number."""


@dataclasses.dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a stream does not say: settings of the whole operator."""

    import_mode: str = IMPORT_MODE_LEGACY
    keep: int = KEEP_ITEMS
    max_tags: int = MAX_TAGS


def effective(stream: Stream, known: Known, defaults: Defaults) -> Stream:
    """Give a stream with an import mode for every tag to import, and the repository's tags among its own.

    A tag of spec wins over one of the repository of the same name. Once more changes nothing.
    """
    mode = defaults.import_mode
    if not stream.repository and mode == IMPORT_MODE_LEGACY:
        # So it is for most streams: Legacy is what no mode means anyway.
        return stream
    own = [tag for tag in stream.tags if not tag.listed]
    names = {tag.name for tag in own}
    tags = [
        dataclasses.replace(tag, import_mode=mode) if tag.importable and not tag.import_mode else tag
        for tag in own
    ]
    tags += [
        TagSpec(
            name,
            Source(DOCKER_IMAGE, pull_spec(stream, name)),
            insecure=stream.insecure,
            scheduled=True,
            import_mode=mode,
            listed=True,
        )
        for name in _repository_tags(stream, known)
        if name not in names
    ]
    return dataclasses.replace(stream, tags=tuple(tags))


def pull_spec(stream: Stream, tag: str) -> str:
    """Spell a tag of the stream's repository."""
    return f"{stream.repository}:{tag}"


def _repository_tags(stream: Stream, known: Known) -> tuple[str, ...]:
    if not stream.repository:
        return ()
    if known.listing is not None and known.listing.wanted.repository == stream.repository:
        return known.listing.followed
    return tuple(
        tag.tag
        for tag in stream.status.tags
        if tag.intent is not None and tag.intent.listed and tag.intent.name == pull_spec(stream, tag.tag)
    )
