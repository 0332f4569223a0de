"""The API server as the image API asks it (kube.upstream): lists as they come in, and by a proxy."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.kube.upstream import Upstream
from support.proxy import ForwardProxy
from unit.kube.apiserver import ApiServer, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.asyncio
LIST = "/apis/image.openshift.io/v1alpha1/imagestreams"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@contextlib.asynccontextmanager
async def asking(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Upstream]:
    """Find an API server as the image API does."""
    connect(url, folder, monkeypatch).close()
    upstream = Upstream(user_agent="test")
    await upstream.open()
    try:
        yield upstream
    finally:
        await upstream.close()


async def listed(upstream: Upstream, **query: str) -> tuple[list[str], dict[str, Any]]:
    """List streams: their names, and what is told of the list."""
    names: list[str] = []
    metadata: dict[str, Any] = {}
    async for piece in upstream.pieces(LIST, query):
        names += [item["metadata"]["name"] for item in piece.items]
        metadata = piece.metadata or metadata
    return names, metadata


async def test_a_list_is_read_as_it_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All objects of it in order, and at the end what is told of the list; a page goes on as ever."""
    with ApiServer() as server:
        for number in range(300):
            path = f"/apis/image.openshift.io/v1alpha1/namespaces/shop/imagestreams/app-{number:03}"
            server.put(path, spec={"tags": [{"name": "x" * 900}]})
        async with asking(server.url, tmp_path, monkeypatch) as upstream:
            names, metadata = await listed(upstream, limit="200")
            assert [f"app-{number:03}" for number in range(200)] == names
            more, last = await listed(upstream, **{"limit": "200", "continue": metadata["continue"]})
            assert [f"app-{number:03}" for number in range(200, 300)] == more
            assert "continue" not in last


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((410, b'{"reason": "Expired", "message": "too old"}'), (410, "Expired", "too old")),
        ((500, b"oops"), (500, "InternalError", "the API server answered 500")),
        (
            (200, b"<html>"),
            (503, "ServiceUnavailable", "the API server answered what is no JSON object"),
        ),
        (
            (200, b'{"items":[{}'),
            (503, "ServiceUnavailable", "the API server answered what is no JSON object"),
        ),
        (
            (200, b'{"items":[' + b"[" * 200_000),
            (503, "ServiceUnavailable", "the API server answered what is no JSON object"),
        ),
    ],
)
async def test_what_is_no_list_is_told(
    answer: tuple[int, bytes],
    expected: tuple[int, str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the API server refuses in its own words; 503 for what is no list, or not the whole of it."""
    with ApiServer() as server:
        server.canned.append(answer)
        async with asking(server.url, tmp_path, monkeypatch) as upstream:
            with pytest.raises(StatusError) as caught:
                await listed(upstream)
            assert expected == (caught.value.code, caught.value.reason, str(caught.value))


async def test_a_list_of_an_api_server_that_is_away_is_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of any other request."""
    async with asking("http://127.0.0.1:1", tmp_path, monkeypatch) as upstream:
        with pytest.raises(StatusError, match="did not answer") as caught:
            await listed(upstream)
        assert 503 == caught.value.code


@pytest.mark.parametrize(
    ("spared", "expected"),
    [("", 2), ("other.example", 2), ("127.0.0.1", 0), ("127.0.0.0/8", 0), ("10.0.0.0/8,127.0.0.1", 0)],
)
async def test_a_proxy_is_used_as_the_operator_does(
    spared: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the environment, but for what NO_PROXY names, networks too."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with ApiServer() as server, ForwardProxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("NO_PROXY", spared)
        api = connect(server.url, tmp_path, monkeypatch)
        api.request("GET", LIST)
        api.close()
        async with asking(server.url, tmp_path, monkeypatch) as upstream:
            await upstream.request("GET", LIST)
        assert expected == len(proxy.asked)
        assert 2 == len(server.requests)
