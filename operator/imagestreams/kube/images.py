"""Writing Images, and listing those that are ours.

Called by importing.images and imageapi.import_images, which decide. Every change of one that is there is
guarded by what was seen of it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError, ConflictError, GoneError
from imagestreams.importing.collecting import KeptImage
from imagestreams.kube.api import MERGE_PATCH, METADATA_LIST
from imagestreams.kube.resources import GROUP, IMAGES, OWN_VERSION
from imagestreams.kube.streams import outcome_of
from imagestreams.model import annotation_keys, border
from imagestreams.model.image import MANAGED_LABEL, image_digest, image_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.metrics import Metrics
    from imagestreams.model.image import Image

_OURS = {"labelSelector": "=".join(MANAGED_LABEL)}
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class ImageWriter:
    """Writes and lists Images, in threads of its own."""

    def __init__(self, api: Api, threads: Executor, metrics: Metrics) -> None:
        self._api = api
        self._threads = threads
        self._metrics = metrics

    async def listed(self) -> list[KeptImage]:
        """List the Images that are ours, by their metadata alone. Raises ClusterError."""
        pages = self._api.pages(IMAGES.path(), accept=METADATA_LIST, query=_OURS)
        # A page at a time: the metadata of fifty thousand were 140 MiB as dicts.
        found: list[KeptImage] = await self._run(lambda: [_kept(item) for page in pages for item in page])
        return found

    async def found(self, digest: str) -> KeptImage | None:
        """Look whether an Image is there; None where it is not. Raises ClusterError."""
        try:
            return _kept(
                await self._run(lambda: self._api.request("GET", IMAGES.path(name=image_name(digest))))
            )
        except GoneError:
            return None

    async def create(self, image: Image, pull_spec: str) -> None:
        """Store an Image; when it is there already, see to it that it stays. Raises ClusterError."""
        body = {"apiVersion": f"{GROUP}/{OWN_VERSION}", **image.to_json(pull_spec)}
        try:
            await self._write("POST", IMAGES.path(), body)
        except ConflictError:
            kept = await self.found(image.digest)
            if kept is not None and kept.unnamed_since is not None:
                await self.unmark(kept)

    async def mark(self, image: KeptImage, since: float) -> KeptImage:
        """Mark an Image as named by nobody since a Unix time; give it as it is now.

        Raises ConflictError when it changed, GoneError when it is deleted.
        """
        return await self._annotate(image, dt.datetime.fromtimestamp(since, dt.UTC).strftime(_FORMAT))

    async def unmark(self, image: KeptImage) -> KeptImage:
        """Take the mark away; give it as it is now. Raises as `mark` does."""
        return await self._annotate(image, None)

    async def delete(self, image: KeptImage) -> None:
        """Delete an Image as it was listed. Raises ConflictError when it changed since then."""
        guard = {"uid": image.uid, "resourceVersion": image.resource_version}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": guard}
        await self._write("DELETE", IMAGES.path(name=image_name(image.digest)), body)

    async def _annotate(self, image: KeptImage, value: str | None) -> KeptImage:
        body = {
            "metadata": {
                "uid": image.uid,
                "resourceVersion": image.resource_version,
                "annotations": {annotation_keys.UNREFERENCED_SINCE: value},
            }
        }
        path = IMAGES.path(name=image_name(image.digest))
        return _kept(await self._write("PATCH", path, body, content_type=MERGE_PATCH))

    async def _write(self, method: str, path: str, body: Mapping[str, Any], **options: Any) -> Any:
        outcome = "ok"
        try:
            return await self._run(lambda: self._api.request(method, path, body=body, **options))
        except ClusterError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._metrics.writes.labels("image", outcome).inc()

    async def _run(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _kept(body: Any) -> KeptImage:
    meta = border.mapping(border.mapping(body).get("metadata"))
    name, uid, version = (border.text(meta.get(field)) for field in ("name", "uid", "resourceVersion"))
    since = border.text(border.mapping(meta.get("annotations")).get(annotation_keys.UNREFERENCED_SINCE))
    return KeptImage(image_digest(name), uid, version, _time(since))


def _time(text: str) -> float | None:
    try:
        return dt.datetime.strptime(text, _FORMAT).replace(tzinfo=dt.UTC).timestamp()
    except ValueError:
        return None
