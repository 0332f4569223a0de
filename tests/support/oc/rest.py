"""Requests to an API server as its clients make them, with whatever it answers: no error is raised."""

from __future__ import annotations

import base64
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT = (5, 120)
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the code, the body (None where it is no JSON) and the headers."""

    code: int
    body: Any
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.code < 400

    @property
    def reason(self) -> str:
        """The reason of the Status, where it is one."""
        return self.body.get("reason", "") if isinstance(self.body, dict) else ""

    @property
    def message(self) -> str:
        """The message of the Status, where it is one."""
        return self.body.get("message", "") if isinstance(self.body, dict) else ""


class Rest:
    """One user's connection, made from a kubeconfig with a client certificate or a token."""

    def __init__(self, kubeconfig: Path, *, user: str = "", group: str = "") -> None:
        """Connect as the kubeconfig says; with `user` the API server is asked to take us for that one."""
        content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        server, identity = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self.base = server["server"]
        self._folder = tempfile.TemporaryDirectory(prefix="imagestreams-rest-")
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = self._file(server, "certificate-authority")
        if "token" in identity:
            self.session.headers["Authorization"] = f"Bearer {identity['token']}"
        else:
            self.session.cert = (
                self._file(identity, "client-certificate"),
                self._file(identity, "client-key"),
            )
        self.session.headers["User-Agent"] = "oc/4.20.0 (linux/amd64) kubernetes/6b8e30c"
        if user:
            self.session.headers["Impersonate-User"] = user
        if group:
            self.session.headers["Impersonate-Group"] = group

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
        self._folder.cleanup()

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: str = "application/json, */*",
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; a body that is neither text nor bytes is sent as JSON."""
        data = body if isinstance(body, str | bytes | None) else json.dumps(body)
        headers = {"Accept": accept, **({"Content-Type": content_type} if body is not None else {})}
        answer = self.session.request(
            method, self.base + path, data=data, params=query, headers=headers, timeout=_TIMEOUT
        )
        return Answer(answer.status_code, _decoded(answer), answer.headers)

    def lines(self, path: str, *, query: Mapping[str, str], timeout: float = 30) -> Iterator[dict[str, Any]]:
        """Watch: its events, until the server ends it or nothing came for `timeout` seconds."""
        with self.session.get(
            self.base + path, params={**query, "watch": "1"}, stream=True, timeout=(5, timeout)
        ) as answer:
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)

    def _file(self, of: Mapping[str, str], name: str) -> str:
        if name in of:
            return of[name]
        path = f"{self._folder.name}/{name}"
        Path(path).write_bytes(base64.b64decode(of[f"{name}-data"]))
        return path


def _decoded(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
