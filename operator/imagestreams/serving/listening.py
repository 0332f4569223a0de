"""Listening at a HOST:PORT of the settings, for all that we serve on aiohttp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from imagestreams.errors import StartError

if TYPE_CHECKING:
    import ssl

KEPT = 120.0
"""For how many seconds an idle connection is kept.

The API server closes its own after 90 s; closed from here, a request might be under way.
"""


async def listen(
    application: web.Application,
    address: str,
    setting: str,
    *,
    context: ssl.SSLContext | None = None,
    closing: float = 60.0,
) -> web.AppRunner:
    """Serve at HOST:PORT, with TLS where there is a `context`; whoever stops it cleans the runner up.

    What is being answered then has so many seconds of `closing`. Raises StartError, which names the
    `setting`, when the address cannot be had.
    """
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=KEPT, shutdown_timeout=closing)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port), ssl_context=context).start()
    except (OSError, ValueError, OverflowError) as error:
        raise StartError(f"{setting}={address} cannot be listened at: {error}") from error
    return runner
