"""The handlers of imagestreamimages and imagestreams/layers: one stream, and the Images that it names.

An edge; what is shown is imageapi.image_view's. Found by imageapi.server.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi.asking import Answer
from imagestreams.imageapi.image_view import (
    history_images,
    split_stream_image,
    view_layers,
    view_stream_image,
    wanted_images,
)
from imagestreams.imageapi.stream_store import StreamStore
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagestreams.imageapi.asking import Ask
    from imagestreams.imageapi.stream_store import Server

    Stored = dict[str, Any]

_AT_ONCE = 16


async def _images(store: StreamStore, digests: Iterable[str]) -> dict[str, Stored | None]:
    """Read Images, a few at once; None for one that is not stored. Raises StatusError."""
    found: dict[str, Stored | None] = {}
    wanted = list(digests)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        found |= zip(some, await asyncio.gather(*map(store.image, some)), strict=True)
    return found


class StreamImages:
    """Answers for imagestreamimages."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def answer(self, ask: Ask) -> Answer:
        """Show one image of a stream. Raises StatusError."""
        name, _ = split_stream_image(ask.name)
        store = StreamStore(self._server, ask)
        stream = await store.read(name)
        known: dict[str, Stored | None] = {}
        while missing := wanted_images(stream, ask.name, known):
            known |= await _images(store, missing)
        return Answer(view_stream_image(stream, ask.name, known.get))


class StreamLayers:
    """Answers for imagestreams/layers."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def answer(self, ask: Ask) -> Answer:
        """Show what a registry may serve of a stream. Raises StatusError."""
        store = StreamStore(self._server, ask)
        stream = await store.read(ask.name)
        known = await _images(store, history_images(stream))
        children = {
            border.text(border.mapping(child).get("digest"))
            for image in known.values()
            for child in border.items(border.mapping(image).get("dockerImageManifests"))
        }
        return Answer(view_layers(stream, known | await _images(store, children - known.keys())))
