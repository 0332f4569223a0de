"""For all unit tests: property tests with the same examples every time, and no stray event loop."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings

settings.register_profile("unit", derandomize=True, database=None, deadline=None, max_examples=80)
settings.load_profile("unit")


@pytest.fixture(scope="session", autouse=True)
def _no_stray_event_loop() -> None:
    """Say that there is no event loop yet: who merely asks for it would make one that nobody closes."""
    asyncio.set_event_loop(None)
