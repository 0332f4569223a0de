"""What the importer works with: the protocols of its collaborators, and all of them together.

importing.work uses them, app gives them; kube and watching.store fulfil them without being named here.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from imagestreams.importing.collecting import KeptImage
    from imagestreams.importing.gate import Gate
    from imagestreams.importing.hosts import Trouble
    from imagestreams.importing.news import News
    from imagestreams.importing.permitting import Permissions
    from imagestreams.metrics import Metrics
    from imagestreams.model.image import Image
    from imagestreams.model.status import StreamStatus
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.registry.access import Access
    from imagestreams.registry.listing import TagList
    from imagestreams.registry.manifests import Platform
    from imagestreams.registry.question import Question, Resolution


_log = logging.getLogger(__name__)
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


class Threads(Protocol):
    """Where registries are waited for (importing.threads)."""

    def run(self, do: Callable[[_Asked], _Answer], asked: _Asked) -> asyncio.Future[_Answer]:
        """Have `do` called beside the event loop; the future has what it returns or raises."""


class StatusWriter(Protocol):
    """Writes statuses and reads streams. Every call may raise a ClusterError."""

    async def write(self, stream: Stream, status: StreamStatus) -> Stream:
        """Write a status, guarded by the stream's resourceVersion; ConflictError when it changed."""

    async def read(self, key: StreamKey) -> Stream:
        """Read a stream afresh; GoneError when it is not there."""


class Streams(Protocol):
    """What is known of the cluster (watching.store)."""

    def stream(self, key: StreamKey) -> Stream | None:
        """Look up a stream."""

    def streams(self) -> Sequence[Stream]:
        """List all streams."""

    def put(self, stream: Stream) -> bool:
        """Keep a stream unless a newer one is known; tell whether it was kept."""

    def drop(self, key: StreamKey, uid: str = "") -> bool:
        """Forget a stream, with a uid only that one; tell whether it was known."""

    def access(self, namespace: str) -> Access:
        """Tell what the streams of a namespace have to ask registries with."""


class Images(Protocol):
    """Images as they are stored (kube.images). Every call may raise a ClusterError."""

    async def listed(self) -> list[KeptImage]:
        """List those that are ours."""

    async def found(self, digest: str) -> KeptImage | None:
        """Look whether one is there."""

    async def create(self, image: Image, pull_spec: str) -> None:
        """Store one; when it is there already, see to it that it stays."""

    async def mark(self, image: KeptImage, since: float) -> KeptImage:
        """Mark one as named by nobody since a Unix time, unless it changed; give it as it is now."""

    async def unmark(self, image: KeptImage) -> KeptImage:
        """Take the mark away, unless it changed; give it as it is now."""

    async def delete(self, image: KeptImage) -> None:
        """Delete one as it was listed, unless it changed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """What the importer works with, given by app."""

    streams: Streams
    writer: StatusWriter
    permissions: Permissions
    resolve: Callable[[Question], Resolution]
    describe: Callable[[Question], Image]
    """Says what is in an image, as `resolve` says which it is."""
    images: Images
    image_grace: float
    """For how many seconds an Image that no history names is kept."""
    tags: Callable[[Question], TagList]
    threads: Threads
    gate: Gate
    writes_per_second: float
    """How many statuses are written a second, at the most."""
    platform: Platform
    metrics: Metrics
    tell: Callable[[Stream, News], None]
    moved: Callable[[StreamKey], None]
    timestamp: Callable[[], str]
    """The wall clock, as RFC 3339 in UTC."""
    wall_clock: Callable[[], float]
    """The same, as Unix time."""

    def tell_of_host(self, key: StreamKey, trouble: Trouble) -> None:
        """Tell of a host's trouble on the stream that ran into it, if its namespace is to be told."""
        stream = self.streams.stream(key)
        if trouble.news is not None and stream is not None:
            self.tell_all(stream, [trouble.news])

    def tell_all(self, stream: Stream, items: Iterable[News]) -> None:
        """Tell the log, the metrics and the people of a stream what is new."""
        for item in items:
            _log.info("%s: %s %s", stream.key, item.reason, item.message)
            self.tell(stream, item)
            if item.reason == "TagMoved":
                self.metrics.moves.inc()
