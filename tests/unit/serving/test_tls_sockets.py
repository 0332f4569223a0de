"""TLS connections on the event loop: whole answers however slowly they are taken, and no endless waits."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from imagestreams.serving import tls_sockets
from imagestreams.serving.certificates import Certificates
from imagestreams.serving.tls_sockets import Connection, Listener
from unit.serving.test_admission import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANSWER = bytes(range(256)) * 4096 * 20
"""More than the buffers of a socket hold: 20 MiB."""
HOST = "127.0.0.1"


class Answerer:
    """Sends ANSWER for each line, and counts."""

    def __init__(self, lost: asyncio.Queue[int]) -> None:
        self._lost = lost
        self._lines = 0

    def connection_made(self, connection: Connection) -> None:
        """Remember it."""
        self._connection = connection

    def data_received(self, data: bytes) -> bool:
        """Answer each line; close after `bye`."""
        for _ in range(data.count(b"\n")):
            self._lines += 1
            self._connection.write(ANSWER)
        if b"bye" in data:
            self._connection.close()
        return not data.endswith(b"\n")

    def connection_lost(self) -> None:
        """Tell how many lines came."""
        self._lost.put_nowait(self._lines)


@dataclasses.dataclass
class Served:
    """What listens, and what it told."""

    port: int
    trusting: ssl.SSLContext
    lost: asyncio.Queue[int]
    listener: Listener

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect with TLS."""
        return await asyncio.open_connection(HOST, self.port, ssl=self.trusting)

    async def loses(self, lines: int) -> None:
        """Wait until a connection is lost, on which so many lines came."""
        async with asyncio.timeout(10):
            assert lines == await self.lost.get()


@contextlib.asynccontextmanager
async def serving(host: str = HOST, most: int = 10) -> AsyncIterator[Served]:
    """Listen for the length of a block."""
    certificates = Certificates([HOST, "localhost"], dt.datetime.now(dt.UTC))
    lost: asyncio.Queue[int] = asyncio.Queue()
    listener = Listener(certificates.context, lambda: Answerer(lost), most)
    port = free_port()
    await listener.start(host, port)
    try:
        async with asyncio.timeout(30):
            trusting = ssl.create_default_context(cadata=certificates.bundle.decode())
            yield Served(port, trusting, lost, listener)
    finally:
        await listener.close()


@pytest.mark.asyncio
async def test_a_long_answer_comes_whole_however_slowly_it_is_read() -> None:
    """Meanwhile nothing more is read, and what was asked is answered afterwards, up to the farewell."""
    async with serving() as served:
        reader, writer = await served.connect()
        writer.write(b"one\n")
        begun = await reader.readexactly(1000)
        await asyncio.sleep(0.05)
        writer.write(b"two\nbye")
        assert ANSWER + ANSWER == begun + await reader.read()
        await served.loses(2)
        writer.close()


@pytest.mark.asyncio
async def test_who_does_not_read_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is closed after a while, and with it goes what was not sent."""
    monkeypatch.setattr(tls_sockets, "_WRITTEN_WITHIN", 0.2)
    async with serving() as served:
        _, writer = await served.connect()
        # A stream that nobody reads takes no more than it may keep.
        writer.write(b"one\n")
        await served.loses(1)
        writer.transport.abort()


@pytest.mark.asyncio
async def test_who_goes_in_the_middle_of_an_answer_is_forgotten() -> None:
    """A connection that is reset is closed on this side, too."""
    async with serving() as served:
        reader, writer = await served.connect()
        writer.write(b"one\n")
        await reader.readexactly(10)
        writer.transport.abort()
        await served.loses(1)


@pytest.mark.asyncio
@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\xff garbage", b""])
async def test_who_speaks_no_tls_is_not_listened_to(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it reaches who answers, it is closed in time, and the next one is served."""
    monkeypatch.setattr(tls_sockets, "_HANDSHAKE_WITHIN", 0.3)
    async with serving() as served:
        reader, writer = await asyncio.open_connection(HOST, served.port)
        writer.write(said)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        assert served.lost.empty()
        other, writer = await served.connect()
        writer.write(b"one\nbye")
        assert ANSWER == await other.read()
        writer.close()


@pytest.mark.asyncio
async def test_who_connects_and_says_nothing_keeps_nobody_out() -> None:
    """Where there are as many as may be, one that has not shaken hands makes room."""
    async with serving(most=2) as served:
        silent = [await asyncio.open_connection(HOST, served.port) for _ in range(5)]
        reader, writer = await served.connect()
        writer.write(b"one\nbye")
        assert ANSWER == await reader.read()
        for _, each in silent:
            each.close()


@pytest.mark.asyncio
async def test_a_flood_of_connections_stops_nothing_else() -> None:
    """While hundreds wait to be accepted everything else on the loop has its turns in between."""
    async with serving(most=200) as served:
        flood = [socket.create_connection((HOST, served.port)) for _ in range(150)]
        turns = 0
        loop = asyncio.get_running_loop()

        def turn() -> None:
            nonlocal turns
            turns += 1
            loop.call_soon(turn)

        turn()
        before = turns
        _, writer = await served.connect()
        assert turns - before >= len(flood)
        writer.close()
        for each in flood:
            each.close()


@pytest.mark.asyncio
async def test_who_has_not_shaken_hands_at_the_end_is_not_served() -> None:
    """What is made goes on, what is not yet made ends with the listening."""
    async with serving() as served:
        _, made = await served.connect()
        reader, late = await asyncio.open_connection(HOST, served.port)
        await asyncio.sleep(0.05)
        await served.listener.close()
        assert b"" == await reader.read()
        made.write(b"bye")
        await served.loses(0)
        for each in (made, late):
            each.close()


@pytest.mark.asyncio
async def test_of_too_many_the_last_are_closed() -> None:
    """A place is free again when its connection ends."""
    async with serving(most=1) as served:
        _, first = await served.connect()
        with contextlib.suppress(ConnectionError):
            reader, second = await asyncio.open_connection(HOST, served.port)
            assert b"" == await reader.read()
            second.close()
        first.write(b"bye")
        await served.loses(0)
        reader, third = await served.connect()
        third.write(b"one\nbye")
        assert ANSWER == await reader.read()
        for each in (first, third):
            each.close()


@pytest.mark.asyncio
async def test_a_name_is_listened_at_at_all_its_addresses() -> None:
    """Each address that a name has takes connections, and none when it is closed."""
    async with serving("localhost") as served:
        found = socket.getaddrinfo("localhost", served.port, type=socket.SOCK_STREAM)
        addresses = {str(each[4][0]) for each in found}
        assert addresses
        for address in addresses:
            _, writer = await asyncio.open_connection(
                address, served.port, ssl=served.trusting, server_hostname="localhost"
            )
            writer.close()
    for address in addresses:
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(address, served.port)


@pytest.mark.asyncio
async def test_an_address_that_is_taken_is_told() -> None:
    """Two cannot listen at one address."""
    async with serving() as served:
        other = Listener(served.trusting, lambda: Answerer(asyncio.Queue()), 1)
        with pytest.raises(OSError, match="in use"):
            await other.start(HOST, served.port)
        await other.close()
