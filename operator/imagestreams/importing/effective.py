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

    A tag of spec wins over one of the repository of the same name; one without a source is that of the
    repository, with the annotations of spec: so a hold needs no source. Once more changes nothing.
    """
    mode = defaults.import_mode
    if not stream.repository and mode == IMPORT_MODE_LEGACY:
        # So it is for most streams: Legacy is what no mode means anyway.
        return stream
    there = _repository_tags(stream, known)
    lacking = {tag.name for tag in stream.tags if tag.source is None}.intersection(there)
    notes = {tag.name: tag for tag in stream.tags if tag.listed or tag.name in lacking}
    own = [tag for tag in stream.tags if tag.name not in notes]
    names = {tag.name for tag in own}
    tags = [
        dataclasses.replace(tag, import_mode=mode) if tag.importable and not tag.import_mode else tag
        for tag in own
    ]
    tags += [_listed(stream, notes.get(name) or TagSpec(name), mode) for name in there if name not in names]
    return dataclasses.replace(stream, tags=tuple(tags))


def _listed(stream: Stream, tag: TagSpec, mode: str) -> TagSpec:
    return dataclasses.replace(
        tag,
        source=Source(DOCKER_IMAGE, pull_spec(stream, tag.name)),
        reference=False,
        insecure=stream.insecure,
        scheduled=True,
        import_mode=tag.import_mode or mode,
        listed=True,
    )


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
