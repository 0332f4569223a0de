"""POSTs over real TLS: answered one after the other, refused with a reason, and never waited for long."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import ssl
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError
from imagestreams.serving import listening, posts
from imagestreams.serving.certificates import Certificates
from imagestreams.serving.posts import Head, Posts, PostServer, Reply, parse_head
from unit.serving.test_admission import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Connect = Callable[[], Awaitable["Client"]]

SERVED = Posts(
    "/echo",
    lambda body: Reply(200, body[::-1]),
    lambda status, reason: Reply(status, reason.encode(), "text/plain"),
    most=1000,
    within=0.3,
)


@dataclasses.dataclass
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def sends(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes, bool]:
        """Read an answer: its status and content, and whether the connection is kept."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        content = await self.reader.readexactly(int(fields["Content-Length"]))
        assert fields["Date"].endswith(" GMT")
        return int(lines[0].split()[1]), content, fields.get("Connection") != "close"

    async def is_closed(self) -> bool:
        """Wait for the end of the connection; tells whether nothing came before it."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read() == b""
        return True


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[tuple[PostServer, Connect]]:
    """Serve for the length of a block."""
    certificates = Certificates(["127.0.0.1"], dt.datetime.now(dt.UTC))
    server = PostServer(SERVED)
    await server.start(f"127.0.0.1:{(port := free_port())}", "X", certificates.context)
    trusting = ssl.create_default_context(cadata=certificates.bundle.decode())
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port, ssl=trusting)))
        return clients[-1]

    try:
        async with asyncio.timeout(20):
            yield server, connect
    finally:
        await server.close(within=1)
        for client in clients:
            client.writer.close()


def post(body: bytes, *headers: str, path: str = "/echo", method: str = "POST") -> bytes:
    """Spell a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.asyncio
async def test_one_connection_serves_many() -> None:
    """One after the other, several at once, and in pieces of any size: each is answered in its turn."""
    async with serving() as (_, connect):
        client = await connect()
        for body in (b"abc", b"", b"x" * 1000):
            await client.sends(post(body, path="/echo?timeout=2s"))
            assert (200, body[::-1], True) == await client.answer()
        await client.sends(post(b"12") + post(b"34") + post(b"56")[:-1])
        assert [b"21", b"43"] == [(await client.answer())[1] for _ in range(2)]
        await client.sends(b"6" + post(b"78", "Connection: close"))
        assert (200, b"65", True) == await client.answer()
        assert (200, b"87", False) == await client.answer()
        assert await client.is_closed()

        client = await connect()
        for byte in post(b"abc"):
            await client.sends(bytes([byte]))
        assert (200, b"cba", True) == await client.answer()


REFUSED = {
    "another path": (post(b"x", path="/"), 404, b"only /echo is served here"),
    "another method": (post(b"", method="GET"), 405, b"/echo takes POST alone"),
    "no length": (
        b"POST /echo HTTP/1.1\r\n\r\n",
        411,
        b"the length of the body must be told by Content-Length",
    ),
    "too long": (post(b"x" * 1001), 413, b"the body is larger than 1000 bytes"),
    "no HTTP": (b"hello\r\n\r\n", 400, b"this is no request of HTTP/1.1"),
    "an endless head": (b"x" * 20_000, 431, b"the head of the request is larger than 16384 bytes"),
    "a long head": (
        post(b"", "X: " + "y" * 20_000),
        431,
        b"the head of the request is larger than 16384 bytes",
    ),
    "half a head": (b"POST /echo", 408, b"the request did not arrive within 0 s"),
    "half a body": (post(b"x" * 100)[:-50], 408, b"the request did not arrive within 0 s"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_not_answered_is_told_why(name: str) -> None:
    """The reason comes, whatever more is sent, and the connection is closed."""
    sent, status, reason = REFUSED[name]
    async with serving() as (_, connect):
        client = await connect()
        await client.sends(sent)
        await client.sends(b"more")
        assert (status, reason, False) == await client.answer()
        assert await client.is_closed()


@pytest.mark.asyncio
async def test_what_is_under_way_at_the_end_is_answered() -> None:
    """An idle connection is closed at once, one in the middle of a request when that is answered."""
    async with serving() as (server, connect):
        idle, busy, late = [await connect() for _ in range(3)]
        await idle.sends(post(b"a"))
        assert 200 == (await idle.answer())[0]
        await busy.sends(post(b"abc")[:-1])
        await late.sends(post(b"abc")[:-1])
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(server.close(within=0.1))
        assert await idle.is_closed()
        await busy.sends(b"c")
        assert (200, b"cba", False) == await busy.answer()
        await closing
        assert await late.is_closed()


@pytest.mark.asyncio
async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept for a while is kept that long after its last request, not after its first."""
    monkeypatch.setattr(listening, "KEPT", 0.5)
    async with serving() as (_, connect):
        idle, busy = await connect(), await connect()
        closed = asyncio.create_task(idle.is_closed())
        asked = 0
        while not closed.done():
            await busy.sends(post(b"a"))
            assert (200, b"a", True) == await busy.answer()
            asked += 1
            await asyncio.sleep(0.02)
        assert closed.result()
        assert asked > 1
        await busy.sends(post(b"b"))
        assert (200, b"b", True) == await busy.answer()
        assert await busy.is_closed()


@pytest.mark.asyncio
async def test_a_connection_that_is_closed_leaves_no_timer() -> None:
    """Neither the last request of one nor what is refused is waited for afterwards."""
    async with serving() as (_, connect):
        before = timers()
        for sent in (post(b"a", "Connection: close"), post(b"x", path="/")):
            client = await connect()
            await client.sends(sent)
            assert not (await client.answer())[2]
            assert await client.is_closed()
            client.writer.close()
            await client.writer.wait_closed()
        assert before == timers()


def timers() -> int:
    """Count what the server will do later, unless it is called off."""
    waiting = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum("_Client._ring" in repr(each) for each in waiting if not each.cancelled())


@pytest.mark.asyncio
async def test_there_are_not_more_connections_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is closed at once, and those that were there go on."""
    monkeypatch.setattr(posts, "_CONNECTIONS_MOST", 1)
    async with serving() as (_, connect):
        first = await connect()
        await first.sends(post(b"a"))
        assert 200 == (await first.answer())[0]
        with contextlib.suppress(ConnectionError):
            assert await (await connect()).is_closed()
        await first.sends(post(b"b"))
        assert (200, b"b", True) == await first.answer()


HEADS = {
    "POST / HTTP/1.1": Head("POST", "/", None, kept=True),
    "POST / HTTP/1.0\r\nContent-Length: 3": Head("POST", "/", 3, kept=False),
    "GET /a?b HTTP/1.1\r\ncontent-LENGTH:\t7 \r\nConnection: Close": Head("GET", "/a?b", 7, kept=False),
    "POST / HTTP/1.1\r\nContent-Length: 7\r\nContent-Length: 7": Head("POST", "/", 7, kept=True),
}
NO_HEADS = {
    "": "no request of HTTP/1.1",
    "POST /": "no request of HTTP/1.1",
    " / HTTP/1.1": "no request of HTTP/1.1",
    "POST  HTTP/1.1": "no request of HTTP/1.1",
    "POST / HTTP/2.0": "no request of HTTP/1.1",
    "POST /a b HTTP/1.1": "no request of HTTP/1.1",
    "POST / HTTP/1.1\r\nx": "a header of the request",
    "POST / HTTP/1.1\r\n: x": "a header of the request",
    "POST / HTTP/1.1\r\nContent-Length : 7": "a header of the request",
    "POST / HTTP/1.1\r\n Content-Length: 7": "a header of the request",
    "POST / HTTP/1.1\r\nContent-Length: +7": "Content-Length is no number",
    "POST / HTTP/1.1\r\nContent-Length: 7_0": "Content-Length is no number",
    "POST / HTTP/1.1\r\nContent-Length: ²": "Content-Length is no number",
    "POST / HTTP/1.1\r\nContent-Length: 7, 7": "Content-Length is no number",
    "POST / HTTP/1.1\r\nContent-Length: 7\r\nContent-Length: 8": "Content-Length is no number",
    "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999": "Content-Length is no number",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 7": "Transfer-Encoding is not taken",
}


def test_heads_are_read_as_they_are_meant_or_not_at_all() -> None:
    """Two who read the same bytes must not differ on where a request ends: what is doubtful is refused."""
    assert HEADS == {text: parse_head(text.encode("latin-1")) for text in HEADS}
    for text, reason in NO_HEADS.items():
        with pytest.raises(InvalidError, match=reason):
            parse_head(text.encode("latin-1"))


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda rest: b"POST / HTTP/1.1\r\n" + rest))
def test_any_head_is_read_or_refused(head: bytes) -> None:
    """Nothing but InvalidError comes out of it."""
    with contextlib.suppress(InvalidError):
        assert parse_head(head).method
