"""Tens of thousands of objects in a cluster within seconds: one by the API server, others like it into etcd.

The API server takes some tens of writes a second where the machine is busy; a benchmark of size would wait
for it alone. It makes one object of each kind, as it makes any; what it stored is the pattern for the others
(managedFields and all), and it serves them as it serves every object: from etcd, and by its watch.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_THREADS = 4
_Item = TypeVar("_Item")


class Etcd:
    """The etcd of a local cluster, by its JSON gateway."""

    def __init__(self, url: str) -> None:
        self._server = f"{url}/v3/kv"
        self._local = threading.local()

    def stored(self, key: str) -> dict[str, Any]:
        """Read an object as the API server stored it; raises LookupError when there is none."""
        answer = self._ask("range", {"key": _encode(key.encode())})
        if not answer.get("kvs"):
            raise LookupError(key)
        found: dict[str, Any] = json.loads(base64.b64decode(answer["kvs"][0]["value"]))
        return found

    def plant(self, objects: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Store objects by their keys, each at a revision of its own: the API server counts on that."""
        self._each(self._put, objects)

    def uproot(self, prefix: str) -> None:
        """Delete all objects whose keys begin so."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        query = {"key": _encode(prefix.encode()), "range_end": _encode(end.encode()), "keys_only": True}
        found = self._ask("range", query).get("kvs", [])
        self._each(lambda item: self._ask("deleterange", {"key": item["key"]}), found)

    def _put(self, item: tuple[str, dict[str, Any]]) -> None:
        key, body = item
        value = json.dumps(body, separators=(",", ":")).encode() + b"\n"
        self._ask("put", {"key": _encode(key.encode()), "value": _encode(value)})

    def _each(self, do: Callable[[_Item], object], items: Iterable[_Item]) -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(do, items):
                pass

    def _ask(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
        answer = session.post(f"{self._server}/{what}", json=body, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def key_of(plural: str, *names: str) -> str:
    """Name the place of an object of ours: its namespace, if it has one, and its name."""
    return "/".join(("/registry/image.openshift.io", plural, *names))


def like(pattern: dict[str, Any], **metadata: str) -> dict[str, Any]:
    """Make another object of what is stored: with a uid of its own and other metadata."""
    return {**pattern, "metadata": {**pattern["metadata"], "uid": str(uuid.uuid4()), **metadata}}


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
