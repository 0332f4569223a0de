"""spec.tags[].generation as readers of the original expect it: computed, for it is never stored. Pure.

There, a tag whose generation is newer than what its status shows is still to be imported. Here the status
remembers for each tag what was asked for (its intent), and since which generation of the stream. Used by
imageapi.stream_view.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.model import border
from imagestreams.model.status import Intent
from imagestreams.model.stream import IMPORT_MODE_LEGACY, Stream, intent_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.model.stream import TagSpec


def tag_generations(
    stored: Mapping[str, Any], histories: Mapping[str, Mapping[str, Any]], mode: str
) -> dict[str, int]:
    """Number the tags of spec, by name.

    `histories` are status.tags by name, `mode` is the import mode of tags that name none.

    A tag that is imported as it asks has the generation since which it asks for that; one that is still to
    be imported, that of the stream.
    """
    # All but the status is read: the histories may be long, and no intent needs them.
    stream = Stream.parse({"metadata": stored.get("metadata"), "spec": stored.get("spec")})
    # No mode means Legacy to an intent anyway.
    default = mode if mode != IMPORT_MODE_LEGACY else ""
    return {tag.name: _generation(stream, tag, histories.get(tag.name), default) for tag in stream.tags}


def _generation(stream: Stream, tag: TagSpec, history: Mapping[str, Any] | None, mode: str) -> int:
    done = Intent.parse(history.get("intent")) if history is not None else None
    if tag.source is None:
        # Nothing is asked for, or what the stream's repository has: neither is ever pending.
        return _observed(history, done) or stream.generation
    if done is None or done.generation == 0:
        return stream.generation
    if mode and tag.importable and not tag.import_mode:
        tag = dataclasses.replace(tag, import_mode=mode)
    return done.generation if intent_of(stream, tag) == done else stream.generation


def _observed(history: Mapping[str, Any] | None, done: Intent | None) -> int:
    if history is None:
        return 0
    if done is not None:
        return done.generation
    items = border.items(history.get("items"))
    return border.integer(border.mapping(items[0]).get("generation")) if items else 0
