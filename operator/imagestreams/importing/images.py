"""The keeper of Images: the image of every imported tag has its object, and no other stays.

Works behind the imports, which never wait for it: what is missing is described and stored a few at a time,
and tried again later when that fails. Told by importing.work which streams there are; asks by
importing.asking, writes by kube.images; after a sweep it removes what importing.collecting finds to be
needed no more.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError, ConflictError, GoneError, InvalidError, RegistryError, Retry
from imagestreams.importing.background import Background, woken
from imagestreams.importing.collecting import Action, collect
from imagestreams.importing.plan import Priority, retry_delay
from imagestreams.importing.schedule import Schedule
from imagestreams.importing.sharing import Matter
from imagestreams.model.reference import parse_reference
from imagestreams.registry.names import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagestreams.importing.asking import Asker
    from imagestreams.importing.collecting import KeptImage
    from imagestreams.importing.tools import Tools
    from imagestreams.model.status import TagEvent, TagStatus
    from imagestreams.model.stream import Stream, StreamKey

_log = logging.getLogger(__name__)
_AT_ONCE = 4
"""How many are described and stored at once: imports go before."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Missing:
    """An Image that is wanted: for which tag of which stream it is described."""

    key: StreamKey
    tag: str
    pull_spec: str
    insecure: bool
    failures: int = 0


class ImageKeeper:
    """Keeps Images. `run` does the work; `look_at` only notes and returns."""

    def __init__(self, asker: Asker, tools: Tools) -> None:
        self._asker = asker
        self._tools = tools
        self._images = tools.images
        self._streams = tools.streams
        self._loaded = False
        self._known: dict[str, KeptImage | None] = {}
        """Those there are; what is stored of one only where it is marked, or was."""
        self._missing: dict[str, _Missing] = {}
        self._schedule: Schedule[str] = Schedule()
        self._woken = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._background = Background()

    def look_at(self, stream: Stream) -> None:
        """Note which Images a stream wants that are not there, or that are to be deleted soon."""
        if not self._loaded:
            return
        statuses = {status.tag: status for status in stream.status.tags}
        for tag in stream.tags:
            status = statuses.get(tag.name) if tag.importable else None
            for event in _wanted(status) if status is not None else ():
                if self._lacks(event.image):
                    self._missing[event.image] = _Missing(stream.key, tag.name, event.reference, tag.insecure)
                    self._set(event.image, 0.0)

    def _lacks(self, digest: str) -> bool:
        if not digest or digest in self._missing:
            return False
        kept = self._known.get(digest)
        return digest not in self._known or (kept is not None and kept.unnamed_since is not None)

    async def run(self) -> None:
        """Store what is missing, for ever."""
        loop = asyncio.get_running_loop()
        await self._load()
        try:
            while True:
                self._woken.clear()
                for digest in self._schedule.take_due(loop.time()):
                    await self._turns.acquire()
                    task = self._background.spawn(self._keep(digest))
                    task.add_done_callback(lambda _: self._turns.release())
                await woken(self._woken, self._schedule.next_due())
        finally:
            await self._background.close()

    async def _load(self) -> None:
        """Learn which Images there are. The start waits for nothing of this: there may be many."""
        failures = 0
        while not self._loaded:
            try:
                await self._relist()
            except ClusterError as error:
                failures += 1
                delay = retry_delay(failures, Retry.TRANSIENT)
                _log.warning("Images cannot be listed: %s; tried again in %.0f s", error, delay)
                await asyncio.sleep(delay)
        for stream in self._streams.streams():
            self.look_at(stream)

    async def _relist(self) -> list[KeptImage]:
        listed = await self._images.listed()
        self._known = {image.digest: None if image.unnamed_since is None else image for image in listed}
        self._loaded = True
        self._tools.metrics.images.set(len(listed))
        return listed

    async def collect(self, streams: Iterable[Stream]) -> None:
        """Look at all streams anew, and remove the Images that none of them names. Raises ClusterError.

        The streams must be all there are: what they do not name is marked, and deleted after the grace time.
        """
        listed = await self._relist()
        everything = list(streams)
        named = {
            item.image
            for each in everything
            for tag in each.status.tags
            for item in (*tag.items, *_wanted(tag))
        }
        now = self._tools.wall_clock()
        for action, image in list(
            collect(listed, named | set(self._missing), now=now, grace=self._tools.image_grace)
        ):
            try:
                await self._act(action, image, now)
            except (ConflictError, GoneError):
                # Somebody changed it since it was listed; the next sweep sees how it is then.
                _log.debug("image %s changed meanwhile", image.digest)
        for stream in everything:
            self.look_at(stream)

    async def _act(self, action: Action, image: KeptImage, now: float) -> None:
        match action:
            case Action.MARK:
                # An import that comes meanwhile must see it as marked, and will see that it changed.
                self._known[image.digest] = dataclasses.replace(image, unnamed_since=now)
                self._known[image.digest] = await self._images.mark(image, now)
            case Action.UNMARK:
                self._known[image.digest] = await self._images.unmark(image)
            case Action.DELETE:
                self._known.pop(image.digest, None)
                await self._images.delete(image)
                _log.info("image %s is removed: no stream names it", image.digest)

    def _set(self, digest: str, delay: float) -> None:
        self._schedule.set(digest, asyncio.get_running_loop().time() + delay)
        self._woken.set()

    async def _keep(self, digest: str) -> None:
        missing = self._missing[digest]
        if not self._is_current(missing, digest):
            del self._missing[digest]
            return
        retry: Retry | None = Retry.TRANSIENT
        try:
            retry = await self._store(missing, digest)
        except ClusterError as error:
            _log.warning("the Image of %s could not be stored: %s", missing.pull_spec, error)
        finally:
            if retry is None:
                del self._missing[digest]
            else:
                failures = missing.failures + 1
                self._missing[digest] = dataclasses.replace(missing, failures=failures)
                self._set(digest, retry_delay(failures, retry))

    async def _store(self, missing: _Missing, digest: str) -> Retry | None:
        """Have an Image stored, unmarked; tell how soon to try again where that is needed."""
        kept = self._known.get(digest)
        if digest not in self._known:
            # Who imports through the image API has stored it already; a registry is asked last.
            kept = await self._images.found(digest)
            if kept is not None and kept.unnamed_since is None:
                self._known[digest] = None
                return None
        if kept is not None and kept.unnamed_since is not None:
            try:
                self._known[digest] = await self._images.unmark(kept)
            except (ConflictError, GoneError):
                # Another marked it anew, or has deleted it: it is stored as one that nobody knows.
                self._known.pop(digest, None)
            else:
                return None
        namespace = missing.key.namespace
        try:
            reference = parse_reference(missing.pull_spec)
        except InvalidError:
            return None
        home = place_of(reference)
        matter = Matter(reference, home, insecure=missing.insecure, priority=Priority.BACKLOG)
        access = self._streams.access(namespace)
        answer = await self._asker.put(namespace, matter, access, self._tools.describe)
        if isinstance(answer, RegistryError):
            _log.info("the Image of %s is put off: %s", missing.pull_spec, answer)
            return answer.retry
        await self._images.create(answer, missing.pull_spec)
        self._known[digest] = None
        return None

    def _is_current(self, missing: _Missing, digest: str) -> bool:
        stream = self._streams.stream(missing.key)
        status = stream.status.tag(missing.tag) if stream is not None else None
        return status is not None and digest in {event.image for event in _wanted(status)}


def _wanted(status: TagStatus) -> tuple[TagEvent, ...]:
    # What is available while a tag is held is described when it is first seen, as if the tag had moved to it:
    # later its manifest would have to be fetched once more.
    return tuple(event for event in (status.current, status.available) if event is not None)
