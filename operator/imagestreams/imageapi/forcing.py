"""Tags that are to be imported anew: their status forgets what they were imported for, and the operator asks.

An edge; which tags are meant, and what a status is without it, is imageapi.stream_edits'. Called after a
write of a stream (imageapi.stored) or of a tag (imageapi.stream_tags) that had the generation 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.stream_edits import without_intents
from imagestreams.imageapi.trying import TRIES, pause_before

if TYPE_CHECKING:
    from collections.abc import Collection

    from imagestreams.imageapi.stream_store import StreamStore


async def import_anew(
    store: StreamStore, stored: dict[str, Any], names: Collection[str], *, resource: str
) -> dict[str, Any]:
    """Have some tags of a stream imported anew, whoever writes it meanwhile; give the stream as it is then.

    `resource` is what is told to whoever has to try again. Raises StatusError.
    """
    for attempt in range(TRIES):
        if attempt:
            await pause_before(attempt)
            stored = await store.read(stored["metadata"]["name"])
        forgotten = without_intents(stored, names)
        if forgotten is None:
            return stored
        try:
            return await store.write_status(forgotten)
        except StatusError as error:
            if error.code != 409:
                raise
    raise answers.server_timeout(resource, "update", 2)
