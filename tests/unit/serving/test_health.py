"""Health, readiness and metrics over real HTTP."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from imagestreams.errors import StartError
from imagestreams.metrics import Metrics
from imagestreams.serving.health import HealthServer

pytestmark = pytest.mark.asyncio


def free_port() -> int:
    """Find a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


async def get(url: str) -> tuple[int, str]:
    """Get a page."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_it_answers_that_it_lives_and_whether_it_is_ready() -> None:
    """Health is always ok; readiness only when the watches have begun; metrics are those given."""
    ready = False
    metrics = Metrics()
    metrics.moves.inc()
    server = HealthServer(metrics, ready=lambda: ready)
    url = f"http://127.0.0.1:{(port := free_port())}"
    await server.start(f"127.0.0.1:{port}")
    try:
        assert (200, "ok\n") == await get(f"{url}/healthz")
        assert (503, "starting\n") == await get(f"{url}/readyz")
        ready = True
        assert (200, "ok\n") == await get(f"{url}/readyz")
        status, text = await get(f"{url}/metrics")
        assert (200, True) == (status, "imagestreams_tag_moves_total 1.0" in text)
        assert 404 == (await get(f"{url}/"))[0]
    finally:
        await server.close()

    with pytest.raises(aiohttp.ClientConnectionError):
        await get(f"{url}/healthz")


@pytest.mark.parametrize(
    "listen", ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "no.such.host.invalid:8080"]
)
async def test_where_it_cannot_listen_it_does_not_start(listen: str) -> None:
    """An address that is none is a StartError that names the setting."""
    server = HealthServer(Metrics(), ready=lambda: True)
    with pytest.raises(StartError, match=r"^IMAGESTREAMS_LISTEN=.* cannot be listened at: "):
        await server.start(listen)
    await server.close()


async def test_a_port_that_is_taken_is_told() -> None:
    """Two of them cannot have one port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = HealthServer(Metrics(), ready=lambda: True)
        with pytest.raises(StartError, match="cannot be listened at"):
            await server.start(f"127.0.0.1:{taken.getsockname()[1]}")
        await server.close()


async def test_closing_what_never_started_is_no_error() -> None:
    """Close may be called at any time."""
    await HealthServer(Metrics(), ready=lambda: True).close()
