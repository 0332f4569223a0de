"""For all unit tests: the same examples every time, an API server for who asks one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from support import secrecy
from unit.kube.apiserver import ApiServer, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagestreams.kube.api import Api

settings.register_profile("unit", derandomize=True, database=None, deadline=None, max_examples=80)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret of a unit test is looked for: nobody sends it, and many are everyday words."""
    monkeypatch.delenv(secrecy.FOLDER, raising=False)


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
    made.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads to ask it in."""
    with ThreadPoolExecutor(2) as made:
        yield made
