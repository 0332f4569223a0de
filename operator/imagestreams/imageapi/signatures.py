"""The handler of imagesignatures: each request is one of its Image, read and written.

An edge; what is written is imageapi.signature_edits'. Tried again where somebody wrote in between.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers, bodies
from imagestreams.imageapi.asking import Answer
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.imageapi.signature_edits import (
    KIND,
    RESOURCE,
    read_signature,
    signed_image,
    with_signature,
    without_signature,
)
from imagestreams.imageapi.stream_store import StreamStore
from imagestreams.imageapi.trying import TRIES, pause_before

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagestreams.imageapi.asking import Ask
    from imagestreams.imageapi.stream_store import Server


class Signatures:
    """Answers for imagesignatures."""

    def __init__(self, server: Server, *, timestamp: Callable[[], str]) -> None:
        """`timestamp` tells the wall clock's time, as RFC 3339 in UTC."""
        self._server, self._timestamp = server, timestamp

    async def answer(self, ask: Ask) -> Answer:
        """Add a signature to its image, or take it away. Raises StatusError."""
        if ask.verb == "create":
            return await self._create(ask)
        return await self._delete(ask)

    async def _create(self, ask: Ask) -> Answer:
        signature = read_signature(bodies.read_object(ask.body, KIND), now=self._timestamp())
        image = signed_image(signature["metadata"]["name"])
        await self._edit(
            StreamStore(self._server, ask), image, lambda found: with_signature(found, signature)
        )
        return Answer({"kind": KIND, "apiVersion": API_VERSION, **signature}, 201)

    async def _delete(self, ask: Ask) -> Answer:
        options = bodies.read_delete_options(ask.body)
        if options.get("dryRun"):
            ask = dataclasses.replace(ask, query={**ask.query, "dryRun": "All"})
        store = StreamStore(self._server, ask)
        image = signed_image(ask.name)
        await self._edit(store, image, lambda found: without_signature(found, ask.name, options))
        return Answer(answers.success())

    async def _edit(
        self, store: StreamStore, digest: str, edit: Callable[[Mapping[str, Any]], list[Any]]
    ) -> None:
        for attempt in range(TRIES):
            await pause_before(attempt)
            image = await store.image(digest)
            if image is None:
                raise answers.not_found("images", digest)
            wanted = edit(image)
            try:
                await store.patch_image(image, {"signatures": wanted})
            except StatusError as error:
                if error.code != 409 or error.reason != "Conflict":
                    raise
            else:
                return
        raise answers.server_timeout(RESOURCE, "update", 2)
