"""The streams and images that are stored in the CRDs, as the handlers of tags read and write them.

An edge: every method is one request to the API server, at the version that stays with the CRD. Who writes is
told as the caller's field manager. Raises StatusError with the API server's own Status.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.resources import STORED_VERSION
from imagestreams.imageapi.trying import TRIES, pause_before
from imagestreams.imageapi.validation import by_tag_names
from imagestreams.kube.api import JSON, MERGE_PATCH
from imagestreams.model import border
from imagestreams.model.annotation_keys import UNREFERENCED_SINCE
from imagestreams.model.image import image_name
from imagestreams.model.reference import is_digest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from imagestreams.imageapi.asking import Ask
    from imagestreams.kube.list_reading import Piece

_ROOT = f"/apis/{STORED_VERSION}"


class Server(Protocol):
    """What is needed of kube.upstream.Upstream."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        user_agent: str = "",
    ) -> dict[str, Any]:
        """Make one request. Raises StatusError with the API server's own Status."""

    def pieces(self, path: str, query: Mapping[str, str], *, user_agent: str = "") -> AsyncGenerator[Piece]:
        """List as it comes in. Raises StatusError as `request` does."""


class StreamStore:
    """The stored streams of one namespace, for one request."""

    def __init__(self, server: Server, ask: Ask) -> None:
        self._server, self._agent = server, ask.user_agent
        self._path = f"{_ROOT}/namespaces/{ask.namespace}/imagestreams" if ask.namespace else ""
        self._options = {
            **({"fieldManager": ask.field_manager} if ask.field_manager else {}),
            **({"dryRun": "All"} if ask.dry_run else {}),
        }

    async def read(self, name: str) -> dict[str, Any]:
        """Read a stream."""
        return await self._request("GET", self._at(name))

    async def find(self, name: str) -> dict[str, Any] | None:
        """Read a stream; None where there is none."""
        return await self._or_none(self._at(name))

    def page(self, query: Mapping[str, str]) -> AsyncGenerator[Piece]:
        """List streams as they come in: of the namespace, or of all where none was asked for."""
        path = self._path or f"{_ROOT}/imagestreams"
        return self._server.pieces(path, query, user_agent=self._agent)

    async def image(self, digest: str) -> dict[str, Any] | None:
        """Read an Image by its digest; None where none is stored (yet)."""
        return await self._or_none(f"{_ROOT}/images/{image_name(digest)}") if is_digest(digest) else None

    async def create(self, stream: Mapping[str, Any]) -> dict[str, Any]:
        """Create a stream."""
        return await self._write("POST", self._path, stream)

    async def write(self, stream: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Write a stream's spec, if it is still as it was read; or only ask whether that could be."""
        name = stream["metadata"]["name"]
        body = {field: value for field, value in stream.items() if field != "status"}
        return await self._write("PUT", f"{self._path}/{name}", body, dry_run=dry_run)

    async def write_status(self, stream: Mapping[str, Any]) -> dict[str, Any]:
        """Write a stream's status, if it is still as it was read."""
        return await self._write("PUT", f"{self._path}/{stream['metadata']['name']}/status", stream)

    async def keep_image(self, image: Mapping[str, Any]) -> None:
        """Store an Image; one that is there stays as it is, and is not about to be removed."""
        for attempt in range(TRIES):
            await pause_before(attempt)
            try:
                await self._request("POST", f"{_ROOT}/images", query=self._options, body=image)
            except StatusError as error:
                if error.code != 409:
                    raise
            else:
                return
            found = await self._or_none(f"{_ROOT}/images/{image['metadata']['name']}")
            if found is None:
                continue
            if UNREFERENCED_SINCE not in border.mapping(found["metadata"].get("annotations")):
                return
            with contextlib.suppress(StatusError):
                # Whatever it is that changed or removed it: the next try finds out.
                await self.patch_image(found, {"metadata": {"annotations": {UNREFERENCED_SINCE: None}}})
                return
        raise answers.server_timeout("images", "create", 2)

    async def patch_image(self, image: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
        """Change an Image by a merge patch, if it is still as it was read."""
        guard = {field: image["metadata"][field] for field in ("uid", "resourceVersion")}
        body = {**patch, "metadata": {**border.mapping(patch.get("metadata")), **guard}}
        path = f"{_ROOT}/images/{image['metadata']['name']}"
        await self._request("PATCH", path, query=self._options, body=body, content_type=MERGE_PATCH)

    def _at(self, name: str) -> str:
        """Say where a stream is: a name is one part of a path, and leads nowhere else."""
        if "/" in name or "%" in name or name in (".", ".."):
            raise answers.not_found("imagestreams", name)
        return f"{self._path}/{name}"

    async def _write(
        self, method: str, path: str, body: Mapping[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        options = {**self._options, "dryRun": "All"} if dry_run else self._options
        try:
            return await self._request(method, path, query=options, body=body)
        except StatusError as error:
            raise by_tag_names(error, body) from None

    async def _or_none(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._request("GET", path)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> dict[str, Any]:
        return await self._server.request(
            method, path, query=query, body=body, content_type=content_type, user_agent=self._agent
        )
