"""Keeping the API server's trust: mended by itself, renewed without a gap, told once where it cannot be."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import ClusterError, GoneError, RefusedError
from imagestreams.kube.webhooks import WebhookConfiguration
from imagestreams.metrics import Metrics
from imagestreams.serving.certificates import RENEWED_AFTER, Certificates
from imagestreams.serving.trust import EVERY, KNOWN_AFTER, Trust

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import ThreadPoolExecutor

    from imagestreams.kube.api import Api
    from unit.kube.apiserver import ApiServer

BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/imagestreams"


class Stored:
    """The configuration as an API server keeps it; `error` is what asking for it comes to."""

    def __init__(self) -> None:
        self.bundle = b""
        self.error: Exception | None = None
        self.asked: list[float] = []
        self.written: list[tuple[float, bytes]] = []

    async def trust(self, bundle: bytes) -> bool:
        """Let it trust these CAs."""
        self.asked.append(now())
        if self.error is not None:
            raise self.error
        if bundle == self.bundle:
            return False
        self.bundle = bundle
        self.written.append((now(), bundle))
        return True


def now() -> float:
    """Tell the virtual time."""
    return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def trusting(stored: Stored, *, renewed_in: float = 86_400.0) -> AsyncIterator[Certificates]:
    """Keep the trust in virtual time, which the wall clock follows; renewal is due in so many seconds."""
    began = now()
    certificates = Certificates(["127.0.0.1"], BEGAN - RENEWED_AFTER + dt.timedelta(seconds=renewed_in))
    trust = Trust(certificates, stored, now=lambda: BEGAN + dt.timedelta(seconds=now() - began))
    task = asyncio.create_task(trust.run())
    try:
        yield certificates
    finally:
        task.cancel()


@pytest.mark.looptime
@pytest.mark.asyncio
async def test_it_is_written_at_once_and_then_only_looked_at() -> None:
    """The bundle is written when it starts; while it stays there nothing more is."""
    stored = Stored()
    async with trusting(stored) as certificates:
        await asyncio.sleep(3600)

        assert [(0.0, certificates.bundle)] == stored.written
        assert 3600 / EVERY == pytest.approx(len(stored.asked), abs=1)


@pytest.mark.looptime
@pytest.mark.asyncio
async def test_what_is_wiped_is_mended_within_a_minute() -> None:
    """A configuration that was applied without a bundle, or made anew, has it again soon."""
    stored = Stored()
    async with trusting(stored) as certificates:
        await asyncio.sleep(100)
        stored.bundle = b""
        await asyncio.sleep(60)
        assert certificates.bundle == stored.bundle

        stored.error = GoneError("not found", status=404)
        await asyncio.sleep(100)
        stored.error, stored.bundle = None, b""
        await asyncio.sleep(60)
        assert certificates.bundle == stored.bundle
        assert 3 == len(stored.written)


@pytest.mark.looptime
@pytest.mark.asyncio
async def test_a_renewal_is_made_known_before_it_is_served() -> None:
    """After a month both CAs are trusted for a minute, then the new certificate is served, then it alone."""
    stored = Stored()
    async with trusting(stored, renewed_in=3600) as certificates:
        await asyncio.sleep(3600 - EVERY)
        first = certificates.bundle
        await asyncio.sleep(2 * EVERY)
        both = certificates.bundle
        assert (2, stored.bundle) == (both.count(b"BEGIN"), both)
        assert both.startswith(first)
        await asyncio.sleep(KNOWN_AFTER - 2 * EVERY)
        assert both == certificates.bundle
        await asyncio.sleep(4 * EVERY)
        assert both == first + certificates.bundle
        assert stored.bundle == certificates.bundle
        (_, one), (wrote_both, two), (wrote_second, three) = stored.written
        assert (first, both, certificates.bundle) == (one, two, three)
        assert wrote_second - wrote_both >= KNOWN_AFTER


@pytest.mark.looptime
@pytest.mark.asyncio
async def test_a_renewal_waits_for_an_api_server_that_is_down() -> None:
    """While the new CA cannot be made known the old certificate is served on; a wiped bundle starts anew."""
    stored = Stored()
    async with trusting(stored, renewed_in=3600) as certificates:
        await asyncio.sleep(3600 - EVERY)
        stored.error = ClusterError("the API server did not answer")
        await asyncio.sleep(7200)
        assert certificates.renewing
        stored.error = None
        await asyncio.sleep(KNOWN_AFTER - EVERY)
        stored.bundle = b""
        await asyncio.sleep(KNOWN_AFTER - EVERY)
        assert certificates.renewing
        await asyncio.sleep(4 * EVERY)
        assert not certificates.renewing


@pytest.mark.looptime
@pytest.mark.asyncio
@pytest.mark.parametrize(
    "error",
    [GoneError("not found", status=404), RefusedError("may not", status=403)],
    ids=["not installed", "no right"],
)
async def test_where_there_is_no_webhook_it_is_told_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the configuration, or the right to it, all else goes on and the log says so one time."""
    stored = Stored()
    stored.error = error
    with caplog.at_level(logging.INFO):
        async with trusting(stored, renewed_in=600) as certificates:
            await asyncio.sleep(600 + KNOWN_AFTER + 5 * EVERY)
            assert [f"the API server does not ask our admission webhook: {error}; all else works on"] == [
                each.getMessage() for each in caplog.records if each.levelno == logging.WARNING
            ]
            assert not certificates.renewing
            stored.error = None
            await asyncio.sleep(60)
            assert certificates.bundle == stored.bundle


def configuration(*webhooks: dict[str, Any]) -> dict[str, Any]:
    """Write a configuration as it is stored."""
    return {"webhooks": list(webhooks)}


@pytest.mark.asyncio
async def test_the_bundle_of_each_webhook_is_written_and_nothing_else(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """A caBundle that is missing or another is set, guarded by the webhook's name; all else stays."""
    metrics = Metrics()
    right = base64.b64encode(b"new").decode()
    webhooks: list[dict[str, Any]] = [
        {"name": "a.x.dev", "clientConfig": {"service": {"name": "s"}}, "rules": [{"x": 1}]},
        {"name": "b.x.dev", "clientConfig": {"caBundle": right, "url": "https://127.0.0.1"}},
        {"name": "c.x.dev", "clientConfig": {"caBundle": "b2xk", "url": "https://127.0.0.1"}},
    ]
    server.put(PATH, **configuration(*webhooks))
    stored = WebhookConfiguration(api, threads, metrics)

    assert await stored.trust(b"new") is True
    expected = [
        {**webhook, "clientConfig": {**webhook["clientConfig"], "caBundle": right}} for webhook in webhooks
    ]
    assert expected == server.objects[PATH]["webhooks"]
    assert ["GET", "PATCH"] == [asked.method for asked in server.requests]
    assert ["/webhooks/0/name", "/webhooks/2/name"] == [
        each["path"] for each in server.requests[1].body if each["op"] == "test"
    ]
    assert await stored.trust(b"new") is False
    assert "GET" == server.requests[-1].method


@pytest.mark.asyncio
async def test_a_configuration_that_is_missing_is_told(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """Where it is not installed that is GoneError, and nothing is written."""
    server.canned.append((404, b'{"message": "not found"}'))
    with pytest.raises(GoneError):
        await WebhookConfiguration(api, threads, Metrics()).trust(b"new")
    assert ["GET"] == [asked.method for asked in server.requests]
