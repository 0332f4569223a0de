"""/healthz, /readyz and /metrics, on aiohttp, in the operator's own event loop.

That it answers shows that the loop turns; /readyz tells whether the watches have begun. Started by app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from imagestreams.serving import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.metrics import Metrics


class HealthServer:
    """Serves until it is closed."""

    def __init__(self, metrics: Metrics, *, ready: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def start(self, listen: str) -> None:
        """Listen at HOST:PORT. Raises StartError when that cannot be had."""
        application = web.Application()
        application.router.add_get("/healthz", self._health)
        application.router.add_get("/readyz", self._readiness)
        application.router.add_get("/metrics", self._show_metrics)
        self._runner = await listening.listen(application, listen, "IMAGESTREAMS_LISTEN")

    async def close(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readiness(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n") if self._ready() else web.Response(text="starting\n", status=503)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
