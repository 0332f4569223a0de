"""One Secret of our own namespace, that several processes share: read, and written guarded.

Made by server-side apply, so that the right to this one name is enough, under a field manager of each
process, so that of two that make it at once one meets a conflict. Called by serving.sharing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError, ConflictError, GoneError
from imagestreams.kube.api import JSON, MERGE_PATCH
from imagestreams.kube.resources import PART_OF_LABEL, SECRETS
from imagestreams.kube.streams import outcome_of
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.metrics import Metrics

_APPLY = "application/apply-patch+yaml"


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What was stored when it was read."""

    version: str
    data: Mapping[str, bytes] = dataclasses.field(repr=False)


class OwnSecret:
    """Reads and writes it, in threads."""

    def __init__(
        self, api: Api, threads: Executor, metrics: Metrics, *, namespace: str, name: str, manager: str
    ) -> None:
        """`manager` is the field manager of this process, and of no other."""
        self._api = api
        self._threads = threads
        self._metrics = metrics
        self._namespace = namespace
        self._name = name
        self._manager = manager

    async def read(self) -> Found | None:
        """Read it; None where there is none. Raises RefusedError without the right, else ClusterError."""
        try:
            return _found(await self._run("GET"))
        except GoneError:
            return None

    async def write(self, data: Mapping[str, bytes | None], found: Found | None) -> Found:
        """Write these keys, None to remove one, if it is as it was found; other keys stay.

        Raises ConflictError when somebody wrote it since, GoneError when there is no such namespace,
        RefusedError without the right, ClusterError for all else.
        """
        encoded = {
            key: None if value is None else base64.b64encode(value).decode() for key, value in data.items()
        }
        outcome = "ok"
        try:
            return _found(await (self._create(encoded) if found is None else self._change(encoded, found)))
        except ClusterError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._metrics.writes.labels("secret", outcome).inc()

    async def _create(self, data: Mapping[str, str | None]) -> Any:
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "labels": dict([PART_OF_LABEL]),
            },
            "data": {key: value for key, value in data.items() if value is not None},
        }
        return await self._run("PATCH", body, _APPLY, {"fieldManager": self._manager})

    async def _change(self, data: Mapping[str, str | None], found: Found) -> Any:
        body = {"metadata": {"resourceVersion": found.version}, "data": dict(data)}
        try:
            return await self._run("PATCH", body, MERGE_PATCH)
        except GoneError as error:
            raise ConflictError("the Secret was deleted since it was read", status=409) from error

    async def _run(
        self, method: str, body: Any = None, content_type: str = JSON, query: dict[str, str] | None = None
    ) -> Any:
        path = SECRETS.path(self._namespace, self._name)
        return await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: self._api.request(method, path, body=body, content_type=content_type, query=query),
        )


def _found(body: Any) -> Found:
    secret = border.mapping(body)
    version = border.text(border.mapping(secret.get("metadata")).get("resourceVersion"))
    data = {key: _decoded(value) for key, value in border.mapping(secret.get("data")).items()}
    return Found(version, data)


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(border.text(value))
    except binascii.Error:
        return b""
