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
from imagestreams.model.stream import IMPORT_MODE_LEGACY, Stream, TagSpec, intent_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def tag_generations(
    stored: Mapping[str, Any], histories: Mapping[str, Mapping[str, Any]], mode: str
) -> dict[str, int]:
    """Number the tags of spec, by name.

    `histories` are status.tags by name, `mode` is the import mode of tags that name none.

    A tag that is imported as it asks has the generation since which it asks for that; one that is still to
    be imported, that of the stream.
    """
    raw = border.mapping(stored.get("metadata"))
    generation = border.integer(raw.get("generation"))
    tags = border.items(border.mapping(stored.get("spec")).get("tags"))
    # Of two tags of one name the last counts.
    named = {border.text(tag.get("name")): tag for tag in map(border.mapping, tags)}
    # What was asked for at the stream's present generation, or never, has that one whatever its intent is:
    # most tags of most streams, and no intent has to be made up for them.
    found = {name: generation for name, tag in named.items() if _present(histories.get(name), generation)}
    if len(found) == len(named):
        return found
    stream = Stream.parse({"metadata": raw})
    # No mode means Legacy to an intent anyway.
    default = mode if mode != IMPORT_MODE_LEGACY else ""
    return {
        name: found[name]
        if name in found
        else _generation(stream, TagSpec.parse(tag), histories.get(name), default)
        for name, tag in named.items()
    }


def _present(history: Mapping[str, Any] | None, generation: int) -> bool:
    if history is None:
        return True
    intent = border.mapping(history.get("intent"))
    return border.integer(intent.get("generation")) == generation and bool(border.text(intent.get("kind")))


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
