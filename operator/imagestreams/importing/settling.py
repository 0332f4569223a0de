"""Brings stored statuses to what is known: the latest, never the same twice, so many a second.

The edge between importing.record, which decides a status, and the StatusWriter that writes it. Called by
importing.work after a look; of one stream there is one write at a time, and what is known when its turn comes
is what is written.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from typing import TYPE_CHECKING

from imagestreams.errors import ConflictError, GoneError, ImageStreamsError
from imagestreams.importing.background import Background
from imagestreams.importing.effective import effective
from imagestreams.importing.news import news
from imagestreams.importing.record import record
from imagestreams.importing.repository import NOTHING_KNOWN
from imagestreams.importing.schedule import Pace, jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagestreams.importing.effective import Defaults
    from imagestreams.importing.memory import Memory
    from imagestreams.importing.tools import Tools
    from imagestreams.model.permission import Permission
    from imagestreams.model.status import StreamStatus
    from imagestreams.model.stream import Stream, StreamKey

_log = logging.getLogger(__name__)

HOLD = 1.0
"""How long the answers of a stream's tags are collected into one write, in seconds."""
BUG_RETRY = 60.0
"""After how many seconds a stream is looked at again that tripped over a bug of ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Owner:
    """Who has statuses settled, and is told what comes of it."""

    memories: Mapping[StreamKey, Memory]
    permitted: Callable[[str, StreamKey], Permission]
    """Whether a namespace may take images of a stream."""
    look_at: Callable[[StreamKey, float], None]
    """The stream must be looked at again, at a time of the event loop's clock."""
    gone: Callable[[StreamKey], None]
    written: Callable[[Stream], None]


class Settler:
    """Decides and writes statuses, in tasks of its own."""

    def __init__(self, tools: Tools, owner: Owner, defaults: Defaults) -> None:
        self._tools = tools
        self._owner = owner
        self._defaults = defaults
        self._pace = Pace(tools.writes_per_second)
        self._background = Background()

    def soon(self, key: StreamKey, memory: Memory) -> None:
        """Note that the status of a stream may have to be another."""
        memory.unsettled = True
        if not memory.settling:
            memory.settling = True
            self._background.spawn(self._settle(key, memory))

    def effective(self, key: StreamKey) -> Stream | None:
        """Look up a stream as it is in effect, with its repository's tags."""
        stream, memory = self._tools.streams.stream(key), self._owner.memories.get(key)
        if stream is None or not stream.repository:
            return stream
        return effective(stream, memory.repository if memory else NOTHING_KNOWN, self._defaults)

    async def close(self, *, within: float) -> None:
        """Let writes under way finish, for so many seconds at most, and give up the rest."""
        await self._background.close(within=within)

    async def _settle(self, key: StreamKey, memory: Memory) -> None:
        """Bring the stored status to what is known, until nothing is new."""
        try:
            while memory.unsettled:
                memory.unsettled = False
                if self._owner.memories.get(key) is memory:
                    await self._write(key, memory)
        except ImageStreamsError as error:
            delay = memory.write_failed(error)
            delay += jitter(str(key), delay / 4)
            memory.hold_until = _now() + delay
            _log.warning("%s: the status could not be written (%s); tried again in %.0f s", key, error, delay)
            self._owner.look_at(key, memory.hold_until)
        except Exception:  # noqa: BLE001
            # As in looking: what was answered is kept, and written when the bug is over or the process is.
            _log.exception("%s: deciding the status failed; tried again in a minute", key)
            self._owner.look_at(key, _now() + BUG_RETRY)
        finally:
            memory.settling = False

    async def _write(self, key: StreamKey, memory: Memory, *, in_turn: bool = False) -> None:
        stream = self._tools.streams.stream(key)
        if stream is None or stream.uid != memory.uid:
            return
        if (memory.waiting or memory.write_failures) and _now() < memory.hold_until:
            self._owner.look_at(key, memory.hold_until)
            return
        outcomes = dict(memory.outcomes)
        status = self._decide(stream, memory)
        if status == stream.status:
            memory.settled = stream
        elif not in_turn and (wait := self._pace.take(_now())):
            await asyncio.sleep(wait)
            # What is known by then is what is written.
            await self._write(key, memory, in_turn=True)
            return
        else:
            memory.hold_until = _now() + HOLD
            if not await self._put(stream, status, memory):
                return
        for tag, outcome in outcomes.items():
            if memory.outcomes.get(tag) is outcome:
                del memory.outcomes[tag]

    def _decide(self, stream: Stream, memory: Memory) -> StreamStatus:
        return record(
            effective(stream, memory.repository, self._defaults),
            memory.outcomes,
            now=self._tools.timestamp(),
            lookup=functools.cache(self.effective),
            permitted=functools.partial(self._owner.permitted, stream.key.namespace),
            known=memory.repository,
            defaults=self._defaults,
            budget=memory.budget,
        )

    async def _put(self, stream: Stream, status: StreamStatus, memory: Memory) -> bool:
        key, streams = stream.key, self._tools.streams
        try:
            written = await self._tools.writer.write(stream, status)
        except ConflictError:
            # A look tells first which of the answers others have overtaken.
            streams.put(await self._tools.writer.read(key))
            self._owner.look_at(key, _now())
            return False
        except GoneError:
            # Unless it was made anew meanwhile: that one is another stream.
            if streams.drop(key, memory.uid):
                self._owner.gone(key)
            return False
        memory.write_failures = 0
        streams.put(written)
        self._tools.tell_all(written, news(stream.status, written.status, quiet=memory.troubled))
        memory.troubled &= {tag.tag for tag in written.status.tags if tag.failure}
        self._owner.written(written)
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()
