"""What is known of the cluster: streams as values, and what pull secrets hold. No bodies are kept.

Filled by watching.intake; read by importing.work and triggering.follow. Used in one event loop only.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.model.versions import is_older

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.registry.credentials import Login


@dataclasses.dataclass(frozen=True, slots=True)
class _PullSecret:
    logins: tuple[Login, ...]
    uid: str
    version: str


class Store:
    """Streams by key and logins by namespace."""

    def __init__(self) -> None:
        self._streams: dict[StreamKey, Stream] = {}
        self._secrets: dict[str, dict[str, _PullSecret]] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def stream(self, key: StreamKey) -> Stream | None:
        """Look up a stream."""
        return self._streams.get(key)

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

    def logins(self, namespace: str) -> Sequence[Login]:
        """List what the pull secrets of a namespace hold, secrets by name."""
        secrets = self._secrets.get(namespace, {})
        return [login for name in sorted(secrets) for login in secrets[name].logins]

    def put_secret(
        self, namespace: str, name: str, logins: tuple[Login, ...], *, uid: str = "", version: str = ""
    ) -> bool:
        """Keep what a pull secret holds, unless it is older than what is known; tell whether that is new."""
        secrets = self._secrets.setdefault(namespace, {})
        known = secrets.get(name)
        if known is not None and is_older(version, known.version):
            return False
        secrets[name] = _PullSecret(logins, uid, version)
        return known is None or known.logins != logins

    def drop_secret(self, namespace: str, name: str) -> bool:
        """Forget a pull secret; tell whether it was known."""
        secrets = self._secrets.get(namespace, {})
        known = secrets.pop(name, None) is not None
        if not secrets:
            self._secrets.pop(namespace, None)
        return known

    def known_secrets(self) -> dict[tuple[str, str], tuple[str, str]]:
        """List the pull secrets that are known, with uid and resourceVersion, for the sweep."""
        return {
            (namespace, name): (secret.uid, secret.version)
            for namespace, secrets in self._secrets.items()
            for name, secret in secrets.items()
        }
