"""Writing what an import found: the status with what it is for first, then the spec that asks for it.

So the operator finds nothing to do. An edge; the new status is importing.record's, as everywhere, and written
by kube.streams. Tried again where somebody wrote in between, made of what is there then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError, ConflictError, GoneError, StatusError
from imagestreams.imageapi import answers, import_specs
from imagestreams.imageapi.trying import TRIES, pause_before
from imagestreams.imageapi.validation import validate_stream
from imagestreams.importing.confirming import moved_elsewhere
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.record import record
from imagestreams.model.permission import own_alone
from imagestreams.model.stream import Stream, intent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from imagestreams.imageapi.import_specs import Wanted
    from imagestreams.imageapi.stream_store import StreamStore
    from imagestreams.importing.record import Outcome
    from imagestreams.importing.repository import Known
    from imagestreams.importing.tools import StatusWriter
    from imagestreams.model.status import StreamStatus

    Stored = dict[str, Any]
    Found = Sequence[tuple[Wanted, Outcome | None]]
    """What is wanted, and what came of it: None where nothing is known in time."""


class ImportWriter:
    """Writes the streams of imports."""

    def __init__(self, writer: StatusWriter, *, defaults: Defaults, timestamp: Callable[[], str]) -> None:
        """`timestamp` tells the wall clock's time, as RFC 3339 in UTC."""
        self._writer = writer
        self._defaults = defaults
        self._timestamp = timestamp

    def check(self, base: Mapping[str, Any], stored: Stored | None, wanted: Iterable[Wanted]) -> None:
        """Refuse an import that asks for a stream that cannot be. Raises StatusError (422)."""
        edited = import_specs.with_tags(base, wanted, mode=self._defaults.import_mode)
        causes = validate_stream(edited, stored)
        if causes:
            raise answers.invalid("ImageStream", edited["metadata"]["name"], causes)

    async def write(
        self,
        store: StreamStore,
        stored: Stored | None,
        base: Stored,
        found: Found,
        known: Known,
    ) -> Stored:
        """Write what was found for a stream; `base` is it, or the one to make; give it as it is then.

        A tag that somebody else edited or moved meanwhile is left as it is: theirs is the newer.

        Raises StatusError.
        """
        name = base["metadata"]["name"]
        for attempt in range(TRIES):
            if attempt:
                await pause_before(attempt)
                stored = await store.find(name)
            try:
                if stored is None and base["metadata"].get("uid"):
                    # Deleted meanwhile: who did that does not want it back.
                    raise answers.not_found("imagestreams", name)
                if stored is None:
                    stored = await store.create(base)
                others = changed_tags(base, stored)
                done = [pair for pair in found if pair[0].tag not in others]
                return await self._written(store, stored, done, known)
            except StatusError as error:
                if error.code != 409:
                    raise
            except (ConflictError, GoneError):
                continue
            except ClusterError as error:
                raise answers.of_cluster(error) from None
        raise answers.server_timeout("imagestreamimports", "create", 2)

    async def _written(self, store: StreamStore, stored: Stored, done: Found, known: Known) -> Stored:
        edited = import_specs.with_tags(stored, (each for each, _ in done), mode=self._defaults.import_mode)
        before = Stream.parse(stored)
        status = self._status(import_specs.stream_to_be(stored, edited), done, known)
        version = stored["metadata"]["resourceVersion"]
        if edited != stored:
            # What is refused of spec must not be in status already.
            await store.write(edited, dry_run=True)
        if status != before.status:
            version = (await self._writer.write(before, status)).resource_version
        if edited == stored:
            return stored if status == before.status else await store.read(before.key.name)
        return await store.write({**edited, "metadata": {**edited["metadata"], "resourceVersion": version}})

    def _status(self, stream: Stream, done: Found, known: Known) -> StreamStatus:
        stream = effective(stream, known, self._defaults)
        tags = {tag.name: tag for tag in stream.tags}
        outcomes = {
            each.tag: outcome
            for each, outcome in done
            if outcome is not None
            and each.tag in tags
            and outcome.intent == intent_of(stream, tags[each.tag])
        }
        return record(
            stream,
            outcomes,
            now=self._timestamp(),
            lookup=lambda _: None,
            permitted=own_alone(stream.key),
            known=known,
            defaults=self._defaults,
        )


def changed_tags(one: Stored, other: Stored) -> frozenset[str]:
    """Name the tags that ask for something else, or stand for another image, in two versions of a stream."""
    if one is other:
        return frozenset()
    before, now = Stream.parse(one), Stream.parse(other)
    then, specs = ({tag.name: tag for tag in each.tags} for each in (before, now))
    edited = {name for name in then.keys() | specs.keys() if then.get(name) != specs.get(name)}
    return moved_elsewhere(now.status, before.status) | edited
