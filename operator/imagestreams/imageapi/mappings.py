"""The handler of imagestreammappings: what a registry tells of a push, stored as an Image and a tag's event.

An edge; what is written is imageapi.mapping_edits', the status by kube.streams. Tried again where somebody
wrote the stream in between, unless the tag itself moved: then the caller has to say again what it wants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError, ConflictError, StatusError
from imagestreams.imageapi import answers, bodies
from imagestreams.imageapi.asking import Answer
from imagestreams.imageapi.mapping_edits import KIND, RESOURCE, read_mapping, same_place, with_push
from imagestreams.imageapi.stream_store import StreamStore
from imagestreams.imageapi.trying import TRIES, pause_before
from imagestreams.model.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.imageapi.asking import Ask
    from imagestreams.imageapi.mapping_edits import ImageMapping
    from imagestreams.imageapi.stream_store import Server
    from imagestreams.importing.effective import Defaults
    from imagestreams.importing.tools import StatusWriter


class Mappings:
    """Answers for imagestreammappings."""

    def __init__(
        self, server: Server, writer: StatusWriter, *, defaults: Defaults, timestamp: Callable[[], str]
    ) -> None:
        """`timestamp` tells the wall clock's time, as RFC 3339 in UTC."""
        self._server, self._writer = server, writer
        self._defaults, self._timestamp = defaults, timestamp

    async def answer(self, ask: Ask) -> Answer:
        """Map an image to a tag. Raises StatusError."""
        mapping = read_mapping(bodies.read_object(ask.body, KIND), ask.namespace)
        store = StreamStore(self._server, ask)
        stream = await self._stream(store, mapping)
        await store.keep_image(mapping.image)
        if not ask.dry_run:
            await self._write(store, mapping, stream)
        return Answer({**answers.success(), "code": 201}, 201)

    async def _write(self, store: StreamStore, mapping: ImageMapping, stream: Stream) -> None:
        for attempt in range(TRIES):
            await pause_before(attempt)
            status = with_push(stream, mapping, now=self._timestamp(), defaults=self._defaults)
            if status == stream.status:
                return
            try:
                await self._writer.write(stream, status)
            except ConflictError:
                latest = await self._stream(store, mapping)
                if not same_place(mapping.tag, stream, latest):
                    why = f'tag "{mapping.tag}" of it was moved by another; look at it and push again'
                    raise answers.conflict(RESOURCE, mapping.stream, why) from None
                stream = latest
            except ClusterError as error:
                if error.status == 404:
                    raise answers.not_found(RESOURCE, mapping.stream) from None
                raise answers.of_cluster(error) from None
            else:
                return
        raise answers.server_timeout(RESOURCE, "create", 2)

    async def _stream(self, store: StreamStore, mapping: ImageMapping) -> Stream:
        try:
            return Stream.parse(await store.read(mapping.stream))
        except StatusError as error:
            # Upon a 404 of this kind the original's registry makes the stream, and sends the mapping again.
            if error.code == 404:
                raise answers.not_found(RESOURCE, mapping.stream) from None
            raise
