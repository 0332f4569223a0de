"""The Images of an import: those that are stored, and those that a registry describes, stored then too.

An edge, used by imageapi.imports. What cannot be described in time is left to the operator, which keeps an
Image for each tag (importing.images).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from imagestreams.errors import ClusterError, InvalidError, RegistryError, StatusError
from imagestreams.importing.plan import Priority
from imagestreams.importing.sharing import Matter
from imagestreams.model.reference import parse_reference
from imagestreams.registry.names import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imagestreams.imageapi.stream_store import StreamStore
    from imagestreams.importing.asking import Asker
    from imagestreams.importing.record import Imported
    from imagestreams.importing.tools import Images
    from imagestreams.model.image import Image
    from imagestreams.registry.access import Access
    from imagestreams.registry.question import Question

_Answer = TypeVar("_Answer")
Blobs = dict[str, tuple[bytes, bytes]]
"""Manifests and configs, by the digests of their images."""


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """For whom registries are asked, with what, and until when (in seconds of the event loop's clock)."""

    namespace: str
    access: Access
    ends: float
    store: StreamStore
    token: str
    """Of the request: nobody else waits for what it asks, who would be given up with it."""


class ImportImages:
    """Finds Images."""

    def __init__(
        self,
        asker: Asker,
        images: Images,
        *,
        describe: Callable[[Question], Image],
        content: Callable[[Question], tuple[bytes, bytes]],
    ) -> None:
        """`describe` and `content` are the registry client's; what is described is stored by `images`."""
        self._asker = asker
        self._images = images
        self._describe = describe
        self._content = content

    async def find(
        self, scope: Scope, imported: Iterable[Imported], *, stores: bool
    ) -> dict[str, dict[str, Any]]:
        """Find Images by digest, as they are stored or would be; `stores` those that are not yet."""
        wanted = {each.image: each for each in imported}
        found = await asyncio.gather(*(self._find(scope, each, stores=stores) for each in wanted.values()))
        return {digest: image for digest, image in zip(wanted, found, strict=True) if image is not None}

    async def blobs(self, scope: Scope, imported: Iterable[Imported]) -> Blobs:
        """Fetch manifests and configs."""
        wanted = {each.image: each for each in imported}
        found = await asyncio.gather(*(self._put(scope, each, self._content) for each in wanted.values()))
        return {digest: blobs for digest, blobs in zip(wanted, found, strict=True) if blobs is not None}

    async def _find(self, scope: Scope, imported: Imported, *, stores: bool) -> dict[str, Any] | None:
        stored = await self._stored(scope, imported)
        if stored is not None:
            return stored
        image = await self._put(scope, imported, self._describe)
        if image is None:
            return None
        if stores:
            with contextlib.suppress(ClusterError):
                await self._images.create(image, imported.pull_spec)
                stored = await self._stored(scope, imported)
        return stored or image.to_json(imported.pull_spec)

    async def _stored(self, scope: Scope, imported: Imported) -> dict[str, Any] | None:
        # Registries were asked: what they said is not lost because an Image cannot be read.
        with contextlib.suppress(StatusError):
            return await scope.store.image(imported.image)
        return None

    async def _put(
        self, scope: Scope, imported: Imported, do: Callable[[Question], _Answer]
    ) -> _Answer | None:
        try:
            reference = parse_reference(imported.pull_spec)
            insecure = imported.intent.insecure
            home = place_of(reference)
            matter = Matter(reference, home, insecure=insecure, token=scope.token, priority=Priority.EDIT)
            async with asyncio.timeout_at(scope.ends):
                answer = await self._asker.put(scope.namespace, matter, scope.access, do)
        except (TimeoutError, InvalidError):
            return None
        return None if isinstance(answer, RegistryError) else answer
