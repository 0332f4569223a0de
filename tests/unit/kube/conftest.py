"""An API server and our way to it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from unit.kube.apiserver import ApiServer, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagestreams.kube.api import Api


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server."""
    with ApiServer() as made:
        yield made


@pytest.fixture
def api(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Our way to it."""
    made = connect(server.url, tmp_path, monkeypatch)
    yield made
    made._client.rest_client.pool_manager.clear()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads to ask it in."""
    with ThreadPoolExecutor(2) as made:
        yield made
