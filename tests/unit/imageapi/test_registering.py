"""Registering for v1, and leaving (imageapi.registering), at an API server that keeps what it is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from imagestreams.imageapi.registering import Registering
from imagestreams.kube.apiservices import Registration

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.kube.apiservices import ApiServices

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Services:
    """Keeps a registration, and when it was applied."""

    def __init__(self) -> None:
        self.bundle: bytes | None = None
        self.applied: list[float] = []

    async def read(self) -> Registration | None:
        """Read it."""
        return None if self.bundle is None else Registration("1", "7", True, "", {})

    async def apply(self, bundle: bytes, *, namespace: str, service: str) -> bool:
        """Apply it."""
        assert ("tools", "api:443") == (namespace, service)
        if bundle == self.bundle:
            return False
        self.bundle = bundle
        self.applied.append(asyncio.get_running_loop().time())
        return True

    async def hand_back(self, registration: Registration) -> bool:
        """Delete it."""
        assert registration == await self.read()
        self.bundle = None
        return True


def registering(services: Services, *, asked: Callable[[], float] = lambda: float("-inf")) -> Registering:
    """Register a server by its Service; `asked` tells when the API server last reached it."""
    found: ApiServices = services  # type: ignore[assignment]  # it has its methods
    return Registering(found, namespace="tools", service="api:443", asked=asked)


async def test_it_registers_and_follows_its_certificate() -> None:
    """What is registered already is not written again; another CA is."""
    services = Services()
    ours = registering(services)
    assert [True, False, True] == [await ours.trust(ca) for ca in (b"a", b"a", b"b")]
    assert b"b" == services.bundle


async def test_it_waits_ever_longer_where_v1_was_taken_from_it() -> None:
    """The API server cannot reach it: a minute, two, four, up to an hour."""
    services = Services()
    ours = registering(services)
    for _ in range(60 * 60):
        await ours.trust(b"a")
        services.bundle = None
        await asyncio.sleep(15)
    gaps = [after - before for before, after in zip(services.applied, services.applied[1:], strict=False)]
    # It is looked at every 15 s, the first time 15 s after it was registered.
    assert [75.0, 135.0, 255.0, 495.0, 975.0, 1935.0, 3615.0, 3615.0] == gaps[:8]


async def test_who_was_well_for_an_hour_begins_anew() -> None:
    """However often v1 was taken from it before: one more time costs a minute."""
    services = Services()
    ours = registering(services)
    for _ in range(4 * 60):
        await ours.trust(b"a")
        services.bundle = None
        await asyncio.sleep(15)
    known = len(services.applied)
    while len(services.applied) == known:
        await asyncio.sleep(15)
        await ours.trust(b"a")
    await asyncio.sleep(3600)
    services.bundle = None
    began = asyncio.get_running_loop().time()
    for _ in range(5):
        await ours.trust(b"a")
        await asyncio.sleep(15)
    assert 60.0 == services.applied[-1] - began


async def test_another_replica_that_was_mistaken_is_mended_at_once() -> None:
    """Whom the API server reached a moment ago takes v1 again at the next look; a second time it waits."""
    services = Services()
    ours = registering(services, asked=lambda: asyncio.get_running_loop().time() - 29)
    began = asyncio.get_running_loop().time()
    await ours.trust(b"a")
    for _ in range(20):
        services.bundle = None
        await asyncio.sleep(15)
        await ours.trust(b"a")
    assert [0.0, 15.0, 150.0] == [each - began for each in services.applied[:3]]


async def test_it_leaves_at_its_end() -> None:
    """v1 is the CRD's again; where it is already, nothing happens."""
    services = Services()
    ours = registering(services)
    await ours.trust(b"a")
    await ours.leave()
    await ours.leave()
    assert services.bundle is None
