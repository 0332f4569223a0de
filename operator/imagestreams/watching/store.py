"""What is known of the cluster: streams as values, and what namespaces have to ask with. No bodies are kept.

Filled by watching.intake; read by importing.work and triggering.follow. Used in one event loop only.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Generic, TypeVar

from imagestreams.model.versions import is_older
from imagestreams.watching.access_reading import assemble

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.registry.access import Access
    from imagestreams.watching.access_reading import PullSecret, RegistriesConfig

_Content = TypeVar("_Content")


_Names = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Seen(Generic[_Content]):
    """What an object said, and which object at which version said it."""

    content: _Content
    uid: str = ""
    version: str = ""


class Shelf(Generic[_Content]):
    """Objects of one kind, by namespace and name."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Seen[_Content]]] = {}
        self.changes = 0
        """How often what is known became another."""

    def put(self, names: _Names, seen: Seen[_Content]) -> bool:
        """Keep what an object says, unless a newer version of it is known; tell whether that is news."""
        namespace, name = names
        known = self._kept.setdefault(namespace, {}).get(name)
        if known is not None and is_older(seen.version, known.version):
            return False
        self._kept[namespace][name] = seen
        changed = known is None or known.content != seen.content
        self.changes += changed
        return changed

    def drop(self, names: _Names) -> bool:
        """Forget an object; tell whether it was known."""
        namespace, name = names
        kept = self._kept.get(namespace, {})
        known = kept.pop(name, None) is not None
        self.changes += known
        if not kept:
            self._kept.pop(namespace, None)
        return known

    def of(self, namespace: str) -> dict[str, _Content]:
        """Give what the objects of a namespace say, by name and in the order of names."""
        kept = self._kept.get(namespace, {})
        return {name: kept[name].content for name in sorted(kept)}

    def known(self) -> dict[_Names, _Names]:
        """List what is known, with uid and resourceVersion, for the sweep."""
        return {
            (namespace, name): (seen.uid, seen.version)
            for namespace, kept in self._kept.items()
            for name, seen in kept.items()
        }


class Store:
    """Streams by key, and by namespace what registries are asked with."""

    def __init__(self, *, own_namespace: str = "") -> None:
        """`own_namespace` is the operator's: its ConfigMap counts for all."""
        self.own_namespace = own_namespace
        self._streams: dict[StreamKey, Stream] = {}
        self.secrets: Shelf[PullSecret] = Shelf()
        self.linked: Shelf[tuple[str, ...]] = Shelf()
        """Names of pull secrets, by the service account that they are linked to."""
        self.configs: Shelf[RegistriesConfig] = Shelf()
        self._accesses: dict[str, Access] = {}
        self._accesses_of = 0

    def __len__(self) -> int:
        return len(self._streams)

    def stream(self, key: StreamKey) -> Stream | None:
        """Look up a stream."""
        return self._streams.get(key)

    def streams(self) -> list[Stream]:
        """List all streams."""
        return list(self._streams.values())

    def put(self, stream: Stream) -> bool:
        """Keep a stream; False, and nothing happens, if this version or a newer one is known."""
        known = self._streams.get(stream.key)
        if known is not None:
            if (known.uid, known.resource_version) == (stream.uid, stream.resource_version):
                return False
            # Whatever the uid: what is told late of a stream that was deleted is older than its successor.
            if is_older(stream.resource_version, known.resource_version):
                return False
        self._streams[stream.key] = stream
        return True

    def drop(self, key: StreamKey, uid: str = "") -> bool:
        """Forget a stream, with a uid only that one and not its successor; tell whether it was known."""
        known = self._streams.get(key)
        if known is None or (uid and known.uid != uid):
            return False
        del self._streams[key]
        return True

    def known(self) -> dict[StreamKey, tuple[str, str]]:
        """List what is known, with uid and resourceVersion, for the sweep."""
        return {key: (item.uid, item.resource_version) for key, item in self._streams.items()}

    def access(self, namespace: str) -> Access:
        """Tell what the streams of a namespace have to ask registries with."""
        changes = self.secrets.changes + self.linked.changes + self.configs.changes
        if changes != self._accesses_of:
            self._accesses.clear()
            self._accesses_of = changes
        # Each check wants it, and it changes seldom.
        if (known := self._accesses.get(namespace)) is None:
            known = self._accesses[namespace] = self._access(namespace)
        return known

    def _access(self, namespace: str) -> Access:
        spaces = dict.fromkeys((self.own_namespace, namespace))
        return assemble(
            self.secrets.of(namespace),
            {name for names in self.linked.of(namespace).values() for name in names},
            {space: config for space in spaces for config in self.configs.of(space).values()},
            own_namespace=self.own_namespace,
        )
