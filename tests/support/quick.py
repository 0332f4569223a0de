"""A registry for counting and for load: every repository and tag exists, nothing is stored, and it is quick.

A real registry would have to be filled with fifty thousand tags first, and counts nothing. This one makes
the manifest of a tag from its name and version, in every repository the same; `move` makes the next
version of one. It runs in a process of its own (`quick_registry`) and is told what to do over HTTP, below
/_/. It can limit and hang, as `behave` says.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import hashlib
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_TLS = b"\x16\x03"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@functools.lru_cache(200_000)
def manifest_of(tag: str, version: int = 0) -> tuple[str, bytes, bytes]:
    """Make the image of a tag at a version: its digest, its manifest, its config."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"name": tag, "version": str(version)}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    ).encode()
    named = {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)}
    body = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": named, "layers": []}).encode()
    return _digest(body), body, config


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class QuickRegistry:
    """One that runs, as its client sees it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._session = requests.Session()
        self._session.trust_env = False

    def move(self, *names: str) -> None:
        """Give tags, each "repository:tag", their next version."""
        self._tell("move", *names)

    def behave(self, how: str) -> None:
        """Be "well", "hang", or "limit SECONDS": answer 429 with that Retry-After."""
        self._tell("behave", how)

    def counts(self) -> dict[str, int]:
        """Count the requests since the start or the last `reset`: HEAD, GET (of manifests), blob and ping."""
        return {name: count for name, count in self._ask("counts").items() if isinstance(count, int)}

    def limited_at(self) -> list[float]:
        """Tell when requests came while it limits, of time.monotonic."""
        found: list[float] = self._ask("counts")["limited_at"]
        return found

    def reset(self) -> None:
        """Count from 0."""
        self._tell("reset")

    def _tell(self, *words: str) -> None:
        self._ask("/".join(quote(word, safe="") for word in words))

    def _ask(self, path: str) -> dict[str, Any]:
        answer = self._session.get(f"http://{self.host}/_/{path}", timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@contextlib.contextmanager
def quick_registry(port: int = 0) -> Iterator[QuickRegistry]:
    """Run one in a process of its own until the block ends, at a free port unless one is given."""
    with subprocess.Popen(
        [sys.executable, "-m", "support.quick", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield QuickRegistry(process.stdout.readline().strip())
        finally:
            process.terminate()


class _Server:
    """What is served: versions, counts, and how it behaves."""

    def __init__(self) -> None:
        self.versions: collections.Counter[str] = collections.Counter()
        self.configs: dict[str, bytes] = {}
        self.bodies: dict[str, tuple[str, bytes, bytes]] = {}
        self.counts: collections.Counter[str] = collections.Counter()
        self.limited_at: list[float] = []
        self.behaviour = ["well"]

    def answer(self, method: str, path: str) -> bytes | None:
        """Give the whole answer to a request; None: none comes."""
        if path.startswith("/_/"):
            return self._obey(*map(unquote, path[3:].split("/")))
        how = self.behaviour[0]
        if how == "hang":
            self.counts["hung"] += 1
            return None
        if how == "limit":
            self.limited_at.append(time.monotonic())
            return _response("429 Too Many Requests", b"{}", f"Retry-After: {self.behaviour[1]}\r\n")
        if path == "/v2/":
            # Clients that ask whether it is a registry, as crane does, go no further without.
            self.counts["ping"] += 1
            return _response("200 OK", b"{}")
        repository, _, rest = path.removeprefix("/v2/").partition("/manifests/")
        if rest:
            return self._manifest(method, repository, rest)
        _, _, digest = path.partition("/blobs/")
        self.counts["blob"] += 1
        config = self.configs.get(digest)
        return _response("200 OK", config) if config else _response("404 Not Found", b"{}")

    def _manifest(self, method: str, repository: str, version: str) -> bytes:
        self.counts[method] += 1
        found = self.bodies.get(version)
        if found is None:
            found = manifest_of(version, self.versions[f"{repository}:{version}"])
        digest, body, config = found
        if method == "GET":
            # Who fetches a manifest will ask for what it names.
            self.configs[json.loads(body)["config"]["digest"]] = config
            self.bodies[digest] = found
        elif version not in self.bodies:
            self.bodies[digest] = found
        head = f"Content-Type: {_MANIFEST}\r\nDocker-Content-Digest: {digest}\r\n"
        return _response("200 OK", body, head, send=method == "GET")

    def _obey(self, what: str, *words: str) -> bytes:
        match what:
            case "move":
                self.versions.update(words)
            case "behave":
                self.behaviour = words[0].split()
            case "reset":
                self.counts.clear()
                self.limited_at.clear()
        return _response("200 OK", json.dumps({**self.counts, "limited_at": self.limited_at}).encode())


def _response(status: str, body: bytes, head: str = "", *, send: bool = True) -> bytes:
    start = f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    return start.encode() + (body if send else b"")


class _Connection(asyncio.Protocol):
    """One client; requests have no bodies."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(_TLS) and self._transport is not None:
            # As a real one does that is spoken to in TLS.
            self._transport.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            self._transport.close()
            return
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            method, path, _ = self._buffer[: self._buffer.index(b"\r\n")].decode().split(" ", 2)
            self._buffer = self._buffer[end + 4 :]
            answer = self._server.answer(method, path)
            if answer is not None and self._transport is not None:
                self._transport.write(answer)


async def _serve(port: int) -> None:
    server = _Server()
    listening = await asyncio.get_running_loop().create_server(lambda: _Connection(server), "127.0.0.1", port)
    host, port = listening.sockets[0].getsockname()
    print(f"{host}:{port}", flush=True)
    # When who started it is gone, however it ended, so is this.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
