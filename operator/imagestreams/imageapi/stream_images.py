"""The handlers of imagestreamimages and imagestreams/layers: one stream, and the Images that it names.

An edge; what is shown is imageapi.image_view's. Found by imageapi.server.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.asking import Answer
from imagestreams.imageapi.image_view import (
    history_images,
    split_stream_image,
    view_layers,
    view_stream_image,
    wanted_images,
)
from imagestreams.kube.resources import IMAGES, IMAGESTREAMS
from imagestreams.model import border
from imagestreams.model.image import image_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagestreams.imageapi.asking import Ask
    from imagestreams.kube.upstream import Upstream

    Stored = dict[str, Any]

_AT_ONCE = 16


class StoredImages:
    """Reads streams, and the Images of digests."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def stream(self, namespace: str, name: str) -> Stored:
        """Read a stream. Raises StatusError."""
        return await self._upstream.request("GET", IMAGESTREAMS.path(namespace, name))

    async def images(self, digests: Iterable[str]) -> dict[str, Stored | None]:
        """Read Images, a few at once; None for one that is not stored. Raises StatusError."""
        found: dict[str, Stored | None] = {}
        wanted = list(digests)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            found |= zip(some, await asyncio.gather(*map(self._image, some)), strict=True)
        return found

    async def _image(self, digest: str) -> Stored | None:
        try:
            return await self._upstream.request("GET", IMAGES.path(name=image_name(digest)))
        except StatusError as error:
            if error.code != 404:
                raise
            return None


class StreamImages:
    """Answers for imagestreamimages."""

    def __init__(self, stored: StoredImages) -> None:
        self._stored = stored

    async def answer(self, ask: Ask) -> Answer:
        """Show one image of a stream. Raises StatusError."""
        name, _ = split_stream_image(ask.name)
        stream = await self._stored.stream(ask.namespace, name)
        known: dict[str, Stored | None] = {}
        while missing := wanted_images(stream, ask.name, known):
            known |= await self._stored.images(missing)
        return Answer(view_stream_image(stream, ask.name, known.get))


class StreamLayers:
    """Answers for imagestreams/layers."""

    def __init__(self, stored: StoredImages) -> None:
        self._stored = stored

    async def answer(self, ask: Ask) -> Answer:
        """Show what a registry may serve of a stream. Raises StatusError."""
        if not ask.name:
            raise answers.not_found_path()
        stream = await self._stored.stream(ask.namespace, ask.name)
        known = await self._stored.images(history_images(stream))
        children = {
            border.text(border.mapping(child).get("digest"))
            for image in known.values()
            for child in border.items(border.mapping(image).get("dockerImageManifests"))
        }
        return Answer(view_layers(stream, known | await self._stored.images(children - known.keys())))
