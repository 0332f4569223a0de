"""The OpenAPI documents as they are served: made by imageapi.openapi of what the API server publishes now.

Kept for a while, for the API server asks every minute and clients ask with each command. Made beside the
requests, never within one: while it takes ours the API server holds back all that it publishes, what ours is
made of among it, and both would wait for each other (seen: for a minute, and `kubectl explain` with them).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers, openapi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from imagestreams.imageapi.openapi_paths import Served

_log = logging.getLogger(__name__)

_KEPT = 60.0


class Documents:
    """Gives the document of a path. Used from one event loop."""

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[dict[str, Any]]],
        resources: Iterable[Served],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` gets a path from the API server, and raises StatusError."""
        self._fetch = fetch
        self._resources = tuple(resources)
        self._clock = clock
        self._served: dict[str, dict[str, Any]] = {}
        self._made = 0.0
        self._making: asyncio.Task[None] | None = None
        self._reason = "they were not read yet"

    def __call__(self, path: str) -> dict[str, Any] | None:
        """Give the document of a path below /openapi, None where there is none.

        What was made before is given as long as the API server cannot be asked. Raises StatusError (503)
        where nothing was.
        """
        if not self._served or self._clock() - self._made > _KEPT:
            self.renew()
        if not self._served:
            raise answers.unavailable(f"the schemas of the CRDs are not there: {self._reason}")
        return self._served.get(path)

    def renew(self) -> asyncio.Task[None]:
        """Make them anew, unless that is being done; the task ends when it is done, be it in vain."""
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make())
        return self._making

    async def _make(self) -> None:
        try:
            self._served = openapi.served(await self._fetch(openapi.SOURCE), self._resources)
        except Exception as error:  # noqa: BLE001
            # Whatever the API server sent, what was made before goes on being served.
            self._reason = str(error)
            _log.warning("the OpenAPI documents were not made anew: %s", error)
        self._made = self._clock()
