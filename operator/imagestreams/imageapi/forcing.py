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
    from collections.abc import Collection, Sequence

    from imagestreams.imageapi.stream_store import StreamStore

    Stored = dict[str, Any]

_NAMED = 5
_GONE = 404


async def import_anew(
    store: StreamStore, stored: Stored, names: Collection[str], *, resource: str, changed: bool
) -> tuple[Stored, tuple[str, ...]]:
    """Have some tags of a stream imported anew, whoever writes it meanwhile; give the stream as it is then.

    `resource` is what is told to whoever has to try again, `changed` whether something is stored already of
    what was asked for: then that is the answer, with a warning of what could not be done. Raises StatusError.
    """
    try:
        return await _forgotten(store, stored, names, resource), ()
    except StatusError as error:
        if not changed or error.code == _GONE:
            raise
        return stored, (_warning(stored["metadata"]["name"], sorted(names), error),)


async def _forgotten(store: StreamStore, stored: Stored, names: Collection[str], resource: str) -> Stored:
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


def _warning(stream: str, names: Sequence[str], error: StatusError) -> str:
    why = "others write its status all the time" if error.reason == "ServerTimeout" else str(error)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    tags = ", ".join(f"{stream}:{name}" for name in names[:_NAMED]) + more
    return (
        "what was sent is stored, and the operator imports what that changes; that it has to import "
        f"{tags} anew could not be noted ({why}): ask for it with oc import-image"
    )
