"""Sends a list while it is written. An edge, used by imageapi.server; the writing is imageapi.listing's.

Once a part of it has been sent nothing else can be told: what goes wrong then ends the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from imagestreams.imageapi import answers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_log = logging.getLogger(__name__)
_HELD_BACK = 256 * 1024
"""So much of a list is kept before any of it is sent."""
_LIST_WITHIN = 60.0
"""As long as the API server lets a request take that is no watch."""


async def send(
    request: web.Request, parts: AsyncGenerator[bytes], *, within: float = _LIST_WITHIN
) -> web.StreamResponse:
    """Send a list as it is written, within so many seconds.

    Raises what the writing raises, and StatusError (503) for the time, where nothing of it has been sent.
    """
    headers = {"Content-Type": "application/json"}
    held = bytearray()
    response: web.StreamResponse | None = None
    try:
        async with asyncio.timeout(within), contextlib.aclosing(parts):
            async for part in parts:
                held += part
                if len(held) >= _HELD_BACK:
                    if response is None:
                        response = web.StreamResponse(headers=headers)
                        await response.prepare(request)
                    await response.write(bytes(held))
                    held = bytearray()
            if response is not None:
                await response.write_eof(bytes(held))
    except Exception as error:
        if response is None:
            if isinstance(error, TimeoutError):
                raise answers.unavailable(f"the list was not there within {within:.0f} s") from None
            raise
        if not isinstance(error, ConnectionError):
            _log.warning("a list was cut off: %s: %s", type(error).__name__, error)
        # It must not look like one that is whole.
        if request.transport is not None:
            request.transport.abort()
    # A short list is sent in one, so that what goes wrong with it can be told.
    return response or web.Response(body=bytes(held), headers=headers)
