"""Compares what is stored in the cluster with what is known here, and takes in the difference.

It lists metadata only, reads what is newer than what is known, and makes sure of what seems gone.
Used by watching.sweep now and then, and by watching.kinds before each watch.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from imagestreams.errors import GoneError
from imagestreams.kube.api import METADATA_LIST
from imagestreams.model import border
from imagestreams.model.versions import is_older

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api, Resource

_log = logging.getLogger(__name__)
_AT_ONCE = 8
"""How many objects are asked for at once: writes wait for the same threads."""

Names = tuple[str, str]
"""Namespace and name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """What is stored, by name, as of a resourceVersion."""

    names: frozenset[Names]
    version: str


class Comparer:
    """Asks the API server, in threads of its own; in one event loop."""

    def __init__(self, api: Api, threads: Executor) -> None:
        self._api = api
        self._threads = threads

    async def compare(
        self,
        resource: Resource,
        known: Mapping[Names, tuple[str, str]],
        *,
        seen: Callable[[Any], None],
        gone: Callable[[Names], None],
        only_annotated: str = "",
        queries: Sequence[Mapping[str, str]] = ({},),
    ) -> Listed:
        """List a kind; what is `known` of it is uid and resourceVersion by name. Raises ClusterError."""
        listed: set[Names] = set()
        version = ""
        for query in queries:
            async for page in self.lists(resource.path(), accept=METADATA_LIST, query=query):
                version = border.text(border.mapping(page.get("metadata")).get("resourceVersion"))
                news: list[Names] = []
                for body in page.get("items") or ():
                    meta = border.mapping(body.get("metadata"))
                    if only_annotated and only_annotated not in border.mapping(meta.get("annotations")):
                        continue
                    names = border.text(meta.get("namespace")), border.text(meta.get("name"))
                    listed.add(names)
                    uid, newest = known.get(names, ("", ""))
                    if uid != meta.get("uid") or is_older(newest, border.text(meta.get("resourceVersion"))):
                        news.append(names)
                await self._read_all(resource, news, seen, gone)
        await self._read_all(resource, list(known.keys() - listed), seen, gone)
        return Listed(frozenset(listed), version)

    async def lists(self, path: str, **options: Any) -> AsyncIterator[dict[str, Any]]:
        """Give the pages of a list, with their metadata. Raises ClusterError."""
        loop = asyncio.get_running_loop()
        pages = self._api.lists(path, **options)
        coming = loop.run_in_executor(self._threads, next, pages, None)
        try:
            while (page := await coming) is not None:
                # The API server makes the next page meanwhile.
                coming = loop.run_in_executor(self._threads, next, pages, None)
                yield page
        finally:
            coming.cancel()

    async def _read_all(
        self,
        resource: Resource,
        names: Sequence[Names],
        seen: Callable[[Any], None],
        gone: Callable[[Names], None],
    ) -> None:
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            await asyncio.gather(*(self._read(resource, one, seen, gone) for one in some))

    async def _read(
        self, resource: Resource, names: Names, seen: Callable[[Any], None], gone: Callable[[Names], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        path = resource.path(*names)
        try:
            body = await loop.run_in_executor(self._threads, self._api.request, "GET", path)
        except GoneError:
            gone(names)
        else:
            safely(seen, body)


def safely(seen: Callable[[Any], None], body: Any) -> None:
    """Take in one object; if it trips over a bug of ours, that must not end the operator."""
    try:
        seen(body)
    except Exception:  # noqa: BLE001
        _log.exception(
            "%s could not be taken in", border.mapping(border.mapping(body).get("metadata")).get("name")
        )
