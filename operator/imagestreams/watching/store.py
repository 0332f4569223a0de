"""What is known of the cluster: streams as values, and what pull secrets hold. No bodies are kept.

Filled by watching.intake; read by importing.work and triggering.follow. Used in one event loop only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.model.versions import is_older

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.registry.credentials import Login


class Store:
    """Streams by key and logins by namespace."""

    def __init__(self) -> None:
        self._streams: dict[StreamKey, Stream] = {}
        self._secrets: dict[str, dict[str, tuple[Login, ...]]] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def stream(self, key: StreamKey) -> Stream | None:
        """Look up a stream."""
        return self._streams.get(key)

    def put(self, stream: Stream) -> bool:
        """Keep a stream; False, and nothing happens, if this version or a newer one is known."""
        known = self._streams.get(stream.key)
        if known is not None and known.uid == stream.uid:
            if known.resource_version == stream.resource_version:
                return False
            if is_older(stream.resource_version, known.resource_version):
                return False
        self._streams[stream.key] = stream
        return True

    def drop(self, key: StreamKey) -> None:
        """Forget a stream; an unknown one is no error."""
        self._streams.pop(key, None)

    def known(self) -> dict[StreamKey, tuple[str, str]]:
        """List what is known, with uid and resourceVersion, for the sweep."""
        return {key: (item.uid, item.resource_version) for key, item in self._streams.items()}

    def logins(self, namespace: str) -> Sequence[Login]:
        """List what the pull secrets of a namespace hold, secrets by name."""
        secrets = self._secrets.get(namespace, {})
        return [login for name in sorted(secrets) for login in secrets[name]]

    def put_secret(self, namespace: str, name: str, logins: tuple[Login, ...]) -> bool:
        """Keep what a pull secret holds; tell whether that is new."""
        secrets = self._secrets.setdefault(namespace, {})
        changed = secrets.get(name) != logins
        secrets[name] = logins
        return changed

    def drop_secret(self, namespace: str, name: str) -> bool:
        """Forget a pull secret; tell whether it was known."""
        secrets = self._secrets.get(namespace, {})
        known = secrets.pop(name, None) is not None
        if not secrets:
            self._secrets.pop(namespace, None)
        return known
