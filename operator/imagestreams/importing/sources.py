"""Where the tags of one stream can take images from: other tags, and histories. Pure.

Made anew by importing.record for each status, and read by importing.derive tag by tag. A stream may have
thousands of tags that follow each other: what is looked up here is found once for all of them, since one
stream that is slow to decide holds up every other.
"""

from __future__ import annotations

import bisect
import dataclasses
from typing import TYPE_CHECKING

from imagestreams.model.stream import StreamKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from imagestreams.model.status import TagEvent, TagStatus
    from imagestreams.model.stream import Source, Stream, TagSpec

IMAGE_STREAM_TAG = "ImageStreamTag"
IMAGE_STREAM_IMAGE = "ImageStreamImage"
_ALGORITHM = "sha256:"
_LAST = "\U0010ffff"


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class TagKey:
    """A tag of a stream."""

    stream: StreamKey
    tag: str

    def __str__(self) -> str:
        return f"{self.stream}:{self.tag}"


def source_stream(stream: StreamKey, source: Source) -> StreamKey:
    """Say which stream a source is in: `tag` and bare digests mean the stream's own name."""
    separator = ":" if source.kind == IMAGE_STREAM_TAG else "@"
    name, found, _ = source.name.partition(separator)
    bare = not found or (source.kind == IMAGE_STREAM_IMAGE and name == "sha256")
    return StreamKey(source.namespace or stream.namespace, stream.name if bare else name)


def source_tag(stream: StreamKey, source: Source) -> TagKey:
    """Say which tag an ImageStreamTag means."""
    return TagKey(source_stream(stream, source), source.name.partition(":")[2] or source.name)


class _Histories:
    """The images of a stream's histories, and what is available, to be found by how their digests begin."""

    def __init__(self, tags: Iterable[TagStatus]) -> None:
        self._items = {
            item.image.removeprefix(_ALGORITHM): item
            for tag in tags
            for item in (*((tag.available,) if tag.available else ()), *tag.items)
        }
        self._items.pop("", None)
        self._ordered = sorted(self._items)

    def add(self, item: TagEvent) -> None:
        name = item.image.removeprefix(_ALGORITHM)
        if name and name not in self._items:
            bisect.insort(self._ordered, name)
            self._items[name] = item

    def beginning(self, prefix: str) -> list[TagEvent]:
        start = bisect.bisect_left(self._ordered, prefix)
        end = bisect.bisect_left(self._ordered, f"{prefix}{_LAST}", start)
        return [self._items[name] for name in self._ordered[start:end]]


class Sources:
    """The tags of a stream itself, as far as they are decided, and those of others."""

    def __init__(
        self, stream: Stream, tags: Mapping[str, TagStatus], lookup: Callable[[StreamKey], Stream | None]
    ) -> None:
        """`tags` is the status of the stream's own; `lookup` finds other streams."""
        self._own = stream.key
        self._lookup = lookup
        self._specs: dict[StreamKey, Mapping[str, TagSpec]] = {
            stream.key: {spec.name: spec for spec in stream.tags}
        }
        self._statuses: dict[StreamKey, dict[str, TagStatus]] = {stream.key: dict(tags)}
        self._histories: dict[StreamKey, _Histories] = {}
        self._circles: dict[TagKey, tuple[tuple[TagKey, ...], int]] = {}

    def decided(self, status: TagStatus) -> None:
        """Note the new status of a tag of the stream itself."""
        self._statuses[self._own][status.tag] = status
        if (histories := self._histories.get(self._own)) is not None and status.current is not None:
            histories.add(status.current)

    def there(self, stream: StreamKey) -> bool:
        """Tell whether there is such a stream."""
        if stream not in self._specs and (found := self._lookup(stream)) is not None:
            self._specs[stream] = {spec.name: spec for spec in found.tags}
            self._statuses[stream] = {status.tag: status for status in found.status.tags}
        return stream in self._specs

    def spec(self, tag: TagKey) -> TagSpec | None:
        """Find what a tag asks for."""
        return self._specs[tag.stream].get(tag.tag) if self.there(tag.stream) else None

    def status(self, tag: TagKey) -> TagStatus | None:
        """Find what a tag has."""
        return self._statuses[tag.stream].get(tag.tag) if self.there(tag.stream) else None

    def tags(self, stream: StreamKey) -> list[str]:
        """Name the tags of a stream, in spec or with a history."""
        return sorted(self._specs[stream].keys() | self._statuses[stream]) if self.there(stream) else []

    def images(self, stream: StreamKey, prefix: str) -> list[TagEvent]:
        """Find the images in a stream's histories whose digests begin so, each once, in order."""
        if not self.there(stream):
            return []
        if stream not in self._histories:
            self._histories[stream] = _Histories(self._statuses[stream].values())
        return self._histories[stream].beginning(prefix.removeprefix(_ALGORITHM))

    def circle(self, start: TagKey) -> tuple[TagKey, ...]:
        """Give the tags that follow each other in a circle, if following a tag leads into one; else none.

        A tag of the circle is named first itself.
        """
        path: dict[TagKey, int] = {}
        at: TagKey | None = start
        while at is not None and at not in path and at not in self._circles:
            path[at] = len(path)
            at = self._followed(at)
        circle: tuple[TagKey, ...] = ()
        if at is not None and at in path:
            circle = tuple(path)[path[at] :]
        elif at is not None:
            circle = self._circles[at][0]
        places = {tag: place for place, tag in enumerate(circle)} if at in path else {}
        for tag in path:
            self._circles[tag] = circle, places.get(tag, 0)
        circle, place = self._circles[start]
        return circle[place:] + circle[:place]

    def _followed(self, tag: TagKey) -> TagKey | None:
        spec = self.spec(tag)
        if spec is None or spec.source is None or spec.source.kind != IMAGE_STREAM_TAG:
            return None
        return source_tag(tag.stream, spec.source)
