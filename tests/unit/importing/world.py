"""A small world for the importer, in virtual time: a cluster that keeps streams, and registries that answer.

`Cluster` keeps bodies as JSON, as an API server does, guards writes by uid and resourceVersion, and can be
slow, down, or in somebody's way. `Registries` answers after a while; its waiting is virtual, in the event
loop, so that an hour of polling takes a moment. `World` puts an importer between the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import datetime as dt
import functools
import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

from imagestreams.errors import ClusterError, ConflictError, GoneError, NotFoundError
from imagestreams.importing.collecting import KeptImage
from imagestreams.importing.effective import Defaults
from imagestreams.importing.gate import Gate
from imagestreams.importing.permitting import Permissions
from imagestreams.importing.tools import Tools
from imagestreams.importing.work import Importer
from imagestreams.metrics import Metrics
from imagestreams.model.image import Image
from imagestreams.model.permission import Permission
from imagestreams.model.stream import Stream, StreamKey
from imagestreams.registry.listing import TagList
from imagestreams.registry.manifests import OCI_MANIFEST, Platform
from imagestreams.registry.question import Resolution
from imagestreams.watching.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from imagestreams.importing.news import News
    from imagestreams.model.status import StreamStatus, TagStatus
    from imagestreams.registry.question import Question

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")

KEY = StreamKey("shop", "app")
DAWN = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)


def now() -> float:
    """Tell the virtual time, in seconds since the test began."""
    return asyncio.get_running_loop().time()


async def until(time: float) -> None:
    """Let virtual time pass, up to a time."""
    await asyncio.sleep(time - now())


def timestamp() -> str:
    """Tell the virtual time as a wall clock would."""
    return (DAWN + dt.timedelta(seconds=now())).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """One write that the cluster took."""

    time: float
    key: StreamKey
    status: StreamStatus


class Cluster:
    """Keeps streams as JSON (a StatusWriter)."""

    def __init__(self) -> None:
        self.bodies: dict[StreamKey, dict[str, Any]] = {}
        self.writes: list[Write] = []
        self.attempts = 0
        self.latency = 0.0
        self.down_until = 0.0
        self.errors: list[Exception] = []
        self.before_write: Callable[[], None] = lambda: None
        self._version = 0

    def apply(self, body: dict[str, Any]) -> Stream:
        """Store a stream as a user applies it: status stays, metadata.generation grows with spec."""
        key = StreamKey(body["metadata"]["namespace"], body["metadata"]["name"])
        stored = copy.deepcopy(body)
        old = self.bodies.get(key)
        if old is not None and old["metadata"]["uid"] == stored["metadata"]["uid"]:
            stored["status"] = old["status"]
            grown = old["spec"] != stored["spec"]
            stored["metadata"]["generation"] = old["metadata"]["generation"] + grown
        return self._store(key, stored)

    def stream(self, key: StreamKey = KEY) -> Stream:
        """Read a stream as it is stored."""
        return Stream.parse(self.bodies[key])

    async def write(self, stream: Stream, status: StreamStatus) -> Stream:
        """Write a status as the API server does."""
        self.attempts += 1
        await self._answer()
        self.before_write()
        if self.errors:
            raise self.errors.pop(0)
        body = self._find(stream.key)
        found = body["metadata"]
        if (found["uid"], found["resourceVersion"]) != (stream.uid, stream.resource_version):
            raise ConflictError("the object has been modified", status=409)
        body["status"] = json.loads(json.dumps(status.to_json()))
        self.writes.append(Write(now(), stream.key, status))
        return self._store(stream.key, body)

    async def read(self, key: StreamKey) -> Stream:
        """Read a stream as the API server does."""
        await self._answer()
        return Stream.parse(self._find(key))

    async def _answer(self) -> None:
        await asyncio.sleep(self.latency)
        if now() < self.down_until:
            raise ClusterError("the API server did not answer")

    def _find(self, key: StreamKey) -> dict[str, Any]:
        if key not in self.bodies:
            raise GoneError(f"{key} not found", status=404)
        return self.bodies[key]

    def _store(self, key: StreamKey, body: dict[str, Any]) -> Stream:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self.bodies[key] = body
        return self.stream(key)


class Registries:
    """All registries, and the threads that wait for them; an answer is what is true when it is asked for."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.errors: dict[str, Exception] = {}
        self.delays: dict[str, float] = {}
        self.asked: list[tuple[float, str]] = []
        self.questions: list[Question] = []
        self.described: list[tuple[float, str]] = []
        self.undescribable: Exception | None = None
        self.lists: dict[str, list[str]] = {}
        self.tell_digests = False
        self.told_digests: dict[str, str] = {}

    def times(self, reference: str) -> list[float]:
        """Tell when a reference was asked for."""
        return [time for time, asked in self.asked if asked == reference]

    def resolve(self, question: Question) -> Resolution:
        """Answer a question."""
        name = str(question.reference)
        if name in self.errors:
            raise self.errors[name]
        if name not in self.digests:
            raise NotFoundError(f"{name}: there is no such tag")
        return Resolution(self.digests[name], asked=now())

    def describe(self, question: Question) -> Image:
        """Say what is in an image."""
        self.described.append((now(), str(question.reference)))
        if self.undescribable:
            raise self.undescribable
        return Image(question.reference.version, OCI_MANIFEST)

    def tags(self, question: Question) -> TagList:
        """Answer the list of a repository."""
        name = str(question.reference)
        if name in self.errors:
            raise self.errors[name]
        if name not in self.lists:
            raise NotFoundError(f"{name}: there is no such repository")
        tags = tuple(self.lists[name])
        if not self.tell_digests:
            return TagList(tags)
        digests = {tag: self.digests[f"{name}:{tag}"] for tag in tags}
        return TagList(tags, digests=digests | self.told_digests)

    def run(self, do: Callable[[_Asked], _Answer], asked: _Asked) -> asyncio.Future[_Answer]:
        """Answer after the delay of the question's reference (importing.tools.Threads)."""
        question = cast("Question", asked)
        name = str(question.reference)
        if do in {self.resolve, self.tags}:
            self.asked.append((now(), name))
            self.questions.append(question)
        future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        deliver: Callable[[], None]
        try:
            deliver = functools.partial(future.set_result, do(asked))
        except Exception as error:  # noqa: BLE001
            # As a thread does: what went wrong is the future's exception.
            deliver = functools.partial(future.set_exception, error)
        asyncio.get_running_loop().call_later(
            self.delays.get(name, 0.0), lambda: None if future.done() else deliver()
        )
        return future


class StoredImages:
    """Keeps Images, as the API server does (importing.images.Images), and tells every write."""

    def __init__(self) -> None:
        self.stored: dict[str, KeptImage] = {}
        self.pull_specs: dict[str, str] = {}
        self.writes: list[tuple[float, str, str]] = []
        self.down = False
        self._version = 0

    async def listed(self) -> list[KeptImage]:
        """List them."""
        self._answer()
        return list(self.stored.values())

    async def found(self, digest: str) -> KeptImage | None:
        """Look whether one is there."""
        self._answer()
        return self.stored.get(digest)

    async def create(self, image: Image, pull_spec: str) -> None:
        """Store one unless it is there."""
        self._answer()
        if image.digest in self.stored:
            if self.stored[image.digest].unnamed_since is not None:
                await self.unmark(self.stored[image.digest])
            return
        self.pull_specs[image.digest] = pull_spec
        self._write("create", KeptImage(image.digest, f"i-{self._version}", ""))

    async def mark(self, image: KeptImage, since: float) -> KeptImage:
        """Mark one that did not change."""
        self._guard(image)
        return self._write("mark", dataclasses.replace(image, unnamed_since=since))

    async def unmark(self, image: KeptImage) -> KeptImage:
        """Unmark one that did not change."""
        self._guard(image)
        return self._write("unmark", dataclasses.replace(image, unnamed_since=None))

    async def delete(self, image: KeptImage) -> None:
        """Delete one that did not change."""
        self._guard(image)
        self._write("delete", image)
        del self.stored[image.digest]

    def _answer(self) -> None:
        if self.down:
            raise ClusterError("the API server did not answer")

    def _guard(self, image: KeptImage) -> None:
        self._answer()
        if image.digest not in self.stored:
            raise GoneError("not found", status=404)
        if self.stored[image.digest] != image:
            raise ConflictError("the object has been modified", status=409)

    def _write(self, what: str, image: KeptImage) -> KeptImage:
        self._version += 1
        self.writes.append((now(), what, image.digest))
        stored = self.stored[image.digest] = dataclasses.replace(image, resource_version=str(self._version))
        return stored


class World:
    """An importer with a cluster, registries, and people who are told things."""

    def __init__(
        self,
        store: Store | None = None,
        cluster: Cluster | None = None,
        defaults: Defaults | None = None,
        writes_per_second: float = 5000,
        gate: Gate | None = None,
    ) -> None:
        self.cluster = Cluster() if cluster is None else cluster
        self.registries = Registries()
        self.store = Store() if store is None else store
        self.images_stored = StoredImages()
        self.metrics = Metrics()
        self.granted: set[tuple[str, StreamKey]] = set()
        self.reviews: list[tuple[float, str, StreamKey]] = []
        self.review_takes = 0.0
        self.told: list[tuple[float, News]] = []
        self.moved: list[tuple[float, StreamKey]] = []
        self.importer = Importer(
            Tools(
                streams=self.store,
                writer=self.cluster,
                permissions=Permissions(self.permission),
                resolve=self.registries.resolve,
                describe=self.registries.describe,
                images=self.images_stored,
                image_grace=3600.0,
                tags=self.registries.tags,
                threads=self.registries,
                gate=gate or Gate(total=5000, share=5000),
                writes_per_second=writes_per_second,
                platform=Platform("linux", "amd64"),
                metrics=self.metrics,
                tell=lambda _, item: self.told.append((now(), item)),
                moved=lambda key: self.moved.append((now(), key)),
                timestamp=timestamp,
                wall_clock=lambda: DAWN.timestamp() + now(),
            ),
            default_interval=900.0,
            defaults=defaults or Defaults(),
        )

    async def permission(self, namespace: str, stream: StreamKey) -> Permission:
        """Answer as the API server does whether a namespace may take images of a stream."""
        self.reviews.append((now(), namespace, stream))
        if self.review_takes:
            await asyncio.sleep(self.review_takes)
        return Permission(granted=(namespace, stream) in self.granted, how="kubectl create rolebinding")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """Run the importer meanwhile; it must not end by itself."""
        works = [asyncio.create_task(run) for run in (self.importer.run(), self.importer.images.run())]
        try:
            yield self
            assert [False, False] == [work.done() for work in works]
        finally:
            for work in works:
                work.cancel()
            await self.importer.close(within=0.0)

    def apply(self, body: dict[str, Any]) -> None:
        """Let a user apply a stream, and the watch tell of it."""
        self.seen(self.cluster.apply(body))

    def seen(self, stream: Stream) -> None:
        """Let the watch tell of a stream."""
        if self.store.put(stream):
            self.importer.changed(stream.key)

    def tag(self, name: str = "v1", key: StreamKey = KEY) -> TagStatus:
        """Read a tag's status as it is stored."""
        found = self.cluster.stream(key).status.tag(name)
        assert found is not None
        return found

    def images(self, key: StreamKey = KEY) -> dict[str, str]:
        """Read which image each tag stands for, as it is stored."""
        tags = self.cluster.stream(key).status.tags
        return {tag.tag: tag.current.image for tag in tags if tag.current}

    @property
    def reasons(self) -> list[str]:
        """Tell what people were told, in order."""
        return [item.reason for _, item in self.told]
