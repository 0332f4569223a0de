"""Listening at a HOST:PORT of the settings, for all that we serve."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aiohttp import web

from imagestreams.errors import StartError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

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
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=KEPT, shutdown_timeout=closing)
    await runner.setup()
    with told(address, setting):
        host, port = split(address)
        await web.TCPSite(runner, host, port, ssl_context=context).start()
    return runner


def split(address: str) -> tuple[str, int]:
    """Read HOST:PORT. Raises ValueError."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def told(address: str, setting: str) -> Iterator[None]:
    """Tell of an address that cannot be had by a StartError, which names the `setting`."""
    try:
        yield
    except (OSError, ValueError, OverflowError) as error:
        raise StartError(f"{setting}={address} cannot be listened at: {error}") from error
