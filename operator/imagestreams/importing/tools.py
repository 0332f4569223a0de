"""What the importer works with: the protocols of its collaborators, and all of them together.

importing.work uses them, app gives them; kube and watching.store fulfil them without being named here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Executor

    from imagestreams.importing.derive import Permission
    from imagestreams.importing.gate import Gate
    from imagestreams.importing.news import News
    from imagestreams.metrics import Metrics
    from imagestreams.model.status import StreamStatus
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.registry.access import Access
    from imagestreams.registry.client import Question, Resolution
    from imagestreams.registry.manifests import Platform


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

    def put(self, stream: Stream) -> bool:
        """Keep a stream unless a newer one is known; tell whether it was kept."""

    def drop(self, key: StreamKey, uid: str = "") -> bool:
        """Forget a stream, with a uid only that one; tell whether it was known."""

    def access(self, namespace: str) -> Access:
        """Tell what the streams of a namespace have to ask registries with."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """What the importer works with, given by app."""

    streams: Streams
    writer: StatusWriter
    permission: Callable[[str, StreamKey], Awaitable[Permission]]
    """Asks whether a namespace may take images of a stream of another; may raise a ClusterError."""
    resolve: Callable[[Question], Resolution]
    threads: Executor
    gate: Gate
    platform: Platform
    metrics: Metrics
    tell: Callable[[Stream, News], None]
    moved: Callable[[StreamKey], None]
    timestamp: Callable[[], str]
    """The wall clock, as RFC 3339 in UTC."""
