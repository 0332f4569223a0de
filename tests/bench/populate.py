"""Thousands of streams on a real API server, quickly: over kept connections, from a few threads.

A stream gets the status that the operator itself would have given it, so that an operator that starts finds
nothing to write. Used by the benchmarks that measure size.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import yaml

from imagestreams.importing.record import Imported, record
from imagestreams.model.permission import Permission
from imagestreams.model.reference import parse_reference
from imagestreams.model.stream import Stream, intent_of
from support.quick import manifest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from support.manifests import Manifest

_THREADS = 4
_GROUP = "/apis/image.openshift.io/v1alpha1"


class Admin:
    """The API server as the administrator of a kubeconfig, a kept connection a thread. Thread-safe."""

    def __init__(self, kubeconfig: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self.server: str = cluster["server"]
        self._folder = tempfile.TemporaryDirectory()
        self._authority = self._file(cluster, "certificate-authority")
        self._certificate = (self._file(user, "client-certificate"), self._file(user, "client-key"))
        self._local = threading.local()

    def _file(self, part: dict[str, str], name: str) -> str:
        if name in part:
            return part[name]
        path = Path(self._folder.name) / name
        path.write_bytes(base64.b64decode(part[f"{name}-data"]))
        return str(path)

    def close(self) -> None:
        """Remove its files."""
        self._folder.cleanup()

    def session(self) -> requests.Session:
        """Give this thread's session."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.verify, session.cert = self._authority, self._certificate
            self._local.session = session
        return session

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Make a request; raises RuntimeError for what is not 2xx."""
        answer = self.session().request(method, self.server + path, json=body, timeout=30)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Population:
    """So many streams in so many namespaces, named prefix-0, prefix-1 and so on."""

    streams: int
    namespaces: int
    prefix: str

    def names(self) -> Iterator[tuple[str, str]]:
        """Name each stream: its namespace and name, the namespaces by turns."""
        for number in range(self.streams):
            yield f"{self.prefix}-{number % self.namespaces}", f"{self.prefix}-{number}"

    def spaces(self) -> list[str]:
        """Name the namespaces."""
        return [f"{self.prefix}-{number}" for number in range(self.namespaces)]


def create(
    admin: Admin,
    named: Iterable[tuple[str, Manifest]],
    *,
    moves: int = 0,
    say: Callable[[int], None] = lambda _: None,
) -> None:
    """Create streams, each in its namespace; with `moves` each tag has so many items of history.

    `say` is told now and then how many there are.
    """
    done = itertools.count(1)

    def one(item: tuple[str, Manifest]) -> None:
        namespace, manifest = item
        path = f"{_GROUP}/namespaces/{namespace}/imagestreams"
        body = {**manifest, "apiVersion": "image.openshift.io/v1alpha1"}
        made = admin.request("POST", path, body)
        if moves:
            made["status"] = settled(Stream.parse(made), moves)
            admin.request("PUT", f"{path}/{manifest['metadata']['name']}/status", made)
        if (count := next(done)) % 1000 == 0:
            say(count)

    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(one, named):
            pass


def settled(stream: Stream, moves: int) -> dict[str, Any]:
    """Give the status of a stream whose tags have all moved so often, to what a quick registry serves now.

    They moved once a day, at a time of day that is the stream's own.
    """
    moved = time.strftime("%H:%M:%SZ", time.gmtime(zlib.crc32(stream.uid.encode()) % 86_400))
    for version in range(1 - moves, 1):
        outcomes = {
            tag.name: Imported(intent_of(stream, tag), reference.at(digest), digest)
            for tag in stream.tags
            if tag.source is not None
            and (reference := parse_reference(tag.source.name))
            and (digest := manifest_of(reference.version, version)[0])
        }
        status = record(
            stream,
            outcomes,
            now=f"2026-01-{version + moves:02}T{moved}",
            lookup=lambda _: None,
            permitted=lambda _: Permission(granted=True),
        )
        stream = dataclasses.replace(stream, status=status)
    return stream.status.to_json()
