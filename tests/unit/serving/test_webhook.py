"""The webhook as a whole: off where nobody wants it, else served and made trusted."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import pytest

from imagestreams.errors import GoneError
from imagestreams.metrics import Metrics
from imagestreams.serving.admission import PATH
from imagestreams.serving.webhook import Webhook
from unit.serving.test_admission import admitter, free_port, review

pytestmark = pytest.mark.asyncio


class Stored:
    """A configuration that keeps what it is given."""

    def __init__(self) -> None:
        self.given = asyncio.Event()
        self.bundle = b""

    async def trust(self, bundle: bytes) -> bool:
        """Let it trust these CAs."""
        self.bundle = bundle
        self.given.set()
        return True


class Missing:
    """A configuration that is not installed."""

    async def trust(self, bundle: bytes) -> bool:
        """Fail."""
        raise GoneError(f"{len(bundle)} bytes for nobody", status=404)


async def test_who_is_given_the_bundle_can_ask() -> None:
    """What the configuration is made to trust is what is served, under the names of webhook and machine."""
    stored, port = Stored(), free_port()
    webhook = Webhook(
        f"127.0.0.1:{port}",
        namespace="tools",
        admitter=admitter(),
        configuration=stored,
        metrics=Metrics(),
    )
    await webhook.start()
    keeping = asyncio.create_task(webhook.run())
    try:
        await stored.given.wait()
        trusting = ssl.create_default_context(cadata=stored.bundle.decode())
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session:
            for name in ("127.0.0.1", "imagestreams-webhook.tools.svc"):
                url = f"https://127.0.0.1:{port}{PATH}"
                async with session.post(url, json=review(), server_hostname=name) as answer:
                    assert (name, 200) == (name, answer.status)
    finally:
        keeping.cancel()
        await webhook.close()


async def test_where_nobody_wants_it_nothing_is_served() -> None:
    """With no address it neither listens nor looks at a configuration."""
    webhook = Webhook("", namespace="x", admitter=admitter(), configuration=Missing(), metrics=Metrics())
    await webhook.start()
    await webhook.run()
    await webhook.close()
