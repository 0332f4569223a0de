"""Lists as they are sent, over real HTTP (imageapi.sending)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from imagestreams.errors import StatusError
from imagestreams.imageapi.sending import send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    Parts = Callable[[], AsyncGenerator[bytes]]

pytestmark = pytest.mark.asyncio
PART = b'"' + b"x" * 100_000 + b'",'


@contextlib.asynccontextmanager
async def serving(
    parts: Parts, within: float = 30.0
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Serve a list; a refusal is answered by its code."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await send(request, parts(), within=within)
        except StatusError as error:
            return web.Response(status=error.code)

    application = web.Application()
    application.router.add_get("/list", answer)
    async with TestClient(TestServer(application)) as client:
        yield client


@pytest.mark.parametrize(("count", "whole"), [(1, True), (30, False)])
async def test_a_list_arrives_as_it_was_written(count: int, whole: bool) -> None:
    """A short one in one, a long one while it is made."""

    async def parts() -> AsyncGenerator[bytes]:
        yield b"["
        for _ in range(count):
            yield PART
        yield b"0]"

    async with serving(parts) as client, client.get("/list") as answer:
        assert ("application/json", whole) == (answer.content_type, "Content-Length" in answer.headers)
        assert count + 1 == len(json.loads(await answer.read()))


async def test_what_is_refused_at_once_is_told() -> None:
    """Nothing was sent yet, so its code is there to be read."""

    async def parts() -> AsyncGenerator[bytes]:
        yield PART
        raise StatusError(410, "Expired", "too old")

    async with serving(parts) as client, client.get("/list") as answer:
        assert 410 == answer.status


@pytest.mark.parametrize("sent", [1, 10])
async def test_a_list_that_hangs_ends(sent: int) -> None:
    """With a 503 where nothing was sent, else cut off."""

    async def parts() -> AsyncGenerator[bytes]:
        for _ in range(sent):
            yield PART
        await asyncio.Event().wait()

    async with serving(parts, within=0.5) as client, client.get("/list") as answer:
        if sent == 1:
            assert 503 == answer.status
        else:
            with pytest.raises(aiohttp.ClientError):
                await answer.read()


@pytest.mark.parametrize("error", [StatusError(503, "ServiceUnavailable", "away"), KeyError("a bug")])
async def test_a_list_that_ends_too_early_does_not_look_whole(error: Exception) -> None:
    """Whoever reads it is told that it was cut off, whatever broke."""

    async def parts() -> AsyncGenerator[bytes]:
        for _ in range(10):
            yield PART
        raise error

    async with serving(parts) as client, client.get("/list") as answer:
        assert 200 == answer.status
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_a_client_that_leaves_ends_its_list() -> None:
    """What is read for it is read no more."""
    ended = asyncio.Event()

    async def parts() -> AsyncGenerator[bytes]:
        try:
            while True:
                yield PART
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with serving(parts) as client:
        answer = await client.get("/list")
        await answer.content.readexactly(10)
        answer.close()
        await asyncio.wait_for(ended.wait(), 10)


async def test_a_slow_reader_has_no_more_made_than_it_reads() -> None:
    """A list that nobody reads on is not kept in memory."""
    made = 0

    async def parts() -> AsyncGenerator[bytes]:
        nonlocal made
        for _ in range(2000):
            made += 1
            yield PART

    async with serving(parts) as client, client.get("/list") as answer:
        await answer.content.readexactly(10)
        before = -1
        while before < made:
            before = made
            await asyncio.sleep(0.2)
        assert made < 500
