"""A small API server over real HTTP: it keeps objects by path, guards writes, and fails as it is told.

It does what the tests here need and no more: GET, LIST with pages, watches that tell what they are given, PUT
of a status guarded by resourceVersion, JSON patches, POST. What a real API server makes of our requests is
proved on a real cluster.
"""

from __future__ import annotations

import dataclasses
import http.server
import json
import queue
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

import jsonpatch
from kubernetes.config import kube_config

from imagestreams.kube.api import Api

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import pytest


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class ApiServer:
    """Objects by path, such as /api/v1/namespaces/shop/secrets/pull; `canned` answers go before them."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.canned: list[tuple[int, bytes]] = []
        self.served = {"configmaps", "secrets", "serviceaccounts", "imagestreams", "deployments"}
        self.watches: queue.Queue[tuple[int, list[Any]]] = queue.Queue()
        """What the next watches answer, each a status and its events; one that finds none waits for it."""
        self.requests: list[Asked] = []
        self._version = 100
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One packet an answer: in two, each would wait for the first one's acknowledgement.
            wbufsize = 65_536

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                raw = self.rfile.read(length)
                parts = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query)),
                    {name.lower(): value for name, value in self.headers.items()},
                    json.loads(raw) if raw else None,
                )
                outer.requests.append(asked)
                status, content = outer.canned.pop(0) if outer.canned else outer.respond(asked)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.02))

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def put(self, path: str, **body: Any) -> None:
        """Keep an object; its names come from the path."""
        *_, namespace, _, name = path.split("/")
        self._version += 1
        meta = {
            "namespace": namespace,
            "name": name,
            "uid": f"u-{name}",
            "resourceVersion": str(self._version),
        }
        self.objects[path] = body | {"metadata": meta | body.get("metadata", {})}

    def respond(self, asked: Asked) -> tuple[int, bytes]:
        """Answer a request from the objects there are."""
        if asked.query.get("watch"):
            try:
                status, events = self.watches.get(timeout=5)
            except queue.Empty:
                return 200, b""
            return status, b"".join(json.dumps(event).encode() + b"\n" for event in events)
        status, content = getattr(self, f"_{asked.method.lower()}")(asked)
        return status, json.dumps(content).encode()

    def _get(self, asked: Asked) -> tuple[int, Any]:
        if asked.path in self.objects:
            return 200, self.objects[asked.path]
        root, _, plural = asked.path.rpartition("/")
        if plural not in self.served:
            return _failure(404, "not found")
        wanted = asked.query.get("fieldSelector", "").removeprefix("type=")
        found = [
            body
            for path, body in sorted(self.objects.items())
            if path.startswith(f"{root}/namespaces/")
            and path.split("/")[-2] == plural
            and (not wanted or body.get("type") == wanted)
        ]
        if "PartialObjectMetadataList" in asked.headers["accept"]:
            found = [{"metadata": body["metadata"]} for body in found]
        start, limit = int(asked.query.get("continue") or 0), int(asked.query.get("limit", 500))
        more = {"continue": str(start + limit)} if start + limit < len(found) else {}
        more["resourceVersion"] = str(self._version)
        return 200, {"metadata": more, "items": found[start : start + limit]}

    def _put(self, asked: Asked) -> tuple[int, Any]:
        path = asked.path.removesuffix("/status")
        if path not in self.objects:
            return _failure(404, "not found")
        if asked.body["metadata"]["resourceVersion"] != self.objects[path]["metadata"]["resourceVersion"]:
            return _failure(409, "the object has been modified")
        return 200, self._renew(path, self.objects[path] | {"status": asked.body["status"]})

    def _patch(self, asked: Asked) -> tuple[int, Any]:
        if asked.path not in self.objects:
            return _failure(404, "not found")
        try:
            body = jsonpatch.apply_patch(self.objects[asked.path], asked.body)
        except jsonpatch.JsonPatchException as error:
            return _failure(422, str(error))
        return 200, self._renew(asked.path, body)

    def _renew(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        self.objects[path] = body | {"metadata": body["metadata"] | {"resourceVersion": str(self._version)}}
        return self.objects[path]

    def _post(self, asked: Asked) -> tuple[int, Any]:
        path = f"{asked.path}/{asked.body['metadata']['name']}"
        if path in self.objects:
            return _failure(409, "already exists")
        self.put(path, **asked.body)
        return 201, self.objects[path]


def _failure(status: int, message: str) -> tuple[int, Any]:
    return status, {"kind": "Status", "message": message}


def connect(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Make an Api of ours that finds this API server by a kubeconfig, as users have it."""
    config = {
        "clusters": [{"name": "x", "cluster": {"server": url}}],
        "users": [{"name": "x", "user": {"token": "token-xyz"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return Api(threads=2, user_agent="imagestreams/test")
