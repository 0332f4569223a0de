"""TLS connections straight on the event loop: nothing stands between a socket and who answers what it brings.

asyncio's own TLS takes each request through memory buffers and several objects, code that is cold by the time
the next one comes. Beside an answer from a bare blocking socket it adds 1 ms to a create on two cores, this
adds nothing that could be measured. As much of asyncio's transports and protocols as serving.posts needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_RECORD = 16 * 1024
"""The most that a record of TLS brings (RFC 8446, 5.1): read so, none is left half read within OpenSSL."""
_TURN = 8
"""How many records of one connection are taken before the others' turn."""
_HANDSHAKE_WITHIN = 5.0
_WRITTEN_WITHIN = 5.0
_ACCEPT_AGAIN = 1.0
_NOT_HERE = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""A host may have addresses of a family that this machine does not speak, such as IPv6."""


class Answering(Protocol):
    """Who is told what comes, all in the event loop."""

    def connection_made(self, connection: Connection) -> None:
        """The handshake is done."""

    def data_received(self, data: bytes) -> bool:
        """Some bytes came; the answer is whether they are the beginning of something."""

    def connection_lost(self) -> None:
        """The connection is closed, by either side; told only where it was made."""


class Listener:
    """Listens, and makes connections of who comes."""

    def __init__(self, context: ssl.SSLContext, answering: Callable[[], Answering], most: int) -> None:
        """`answering` is called for each connection.

        Where there are so many as may be at `most`, the one that has been silent for longest without shaking
        hands makes room for the next; where all have, the next is closed.
        """
        self._context = context
        self._answering = answering
        self._most = most
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        # In the order in which they came.
        self._connections: dict[Connection, None] = {}

    async def start(self, host: str, port: int) -> None:
        """Listen at each address that a host has; "" are all. Raises OSError, OverflowError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        refused: OSError | None = None
        with contextlib.ExitStack() as opened:
            for family, address in dict.fromkeys((each[0], (str(each[4][0]), port)) for each in found):
                try:
                    self._sockets.append(opened.enter_context(_listening(family, address, self._most)))
                except OSError as error:
                    if error.errno not in _NOT_HERE:
                        raise
                    refused = error
            if refused is not None and not self._sockets:
                raise refused
            opened.pop_all()
        self._accepting = [loop.create_task(self._accept(listening)) for listening in self._sockets]

    async def close(self) -> None:
        """Take no more connections; those that are made go on."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listening in self._sockets:
            listening.close()
        for connection in [each for each in self._connections if not each.made]:
            connection.abort()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                raw, _ = await loop.sock_accept(listening)
            except ConnectionError:
                # Gone while it waited.
                raw = None
            except OSError as error:
                # Such as too many open files; who wants to be connected waits meanwhile.
                _log.warning("no connection can be accepted: %s", error)
                await asyncio.sleep(_ACCEPT_AGAIN)
                continue
            if raw is not None:
                self._take(raw)
            # Where many wait, accepting never does: everybody else has a turn in between.
            await asyncio.sleep(0)

    def _take(self, raw: socket.socket) -> None:
        if len(self._connections) >= self._most:
            # Who connects and says nothing keeps nobody out.
            silent = next((each for each in self._connections if not each.made), None)
            if silent is None:
                raw.close()
                return
            silent.abort()
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            shaken = self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            # Whoever it was has gone.
            raw.close()
            return
        self._connections[Connection(shaken, self._answering(), self._forget)] = None

    def _forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)


class Connection:
    """One client's connection."""

    def __init__(
        self, shaken: ssl.SSLSocket, answering: Answering, gone: Callable[[Connection], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = shaken
        self._number = shaken.fileno()
        self._answering = answering
        self._gone = gone
        self.made = False
        self._closing = False
        self._unsent = bytearray()
        self._timer = self._loop.call_later(_HANDSHAKE_WITHIN, self.abort)
        self._loop.add_reader(self._number, self._shake)

    def write(self, data: bytes) -> None:
        """Send all of it, sooner or later. Meanwhile nothing is read: who does not listen may not ask."""
        if self._number < 0 or self._closing:
            return
        begun = bool(self._unsent)
        self._unsent += data
        if not begun:
            self._send()
            if self._unsent:
                self._loop.remove_reader(self._number)
                self._loop.add_writer(self._number, self._go_on_sending)
                self._timer = self._loop.call_later(_WRITTEN_WITHIN, self.abort)

    def close(self) -> None:
        """Close it when everything is sent."""
        self._closing = True
        if not self._unsent:
            # Told to the other side, whose own farewell is not waited for.
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()
            self.abort()

    def abort(self) -> None:
        """Close it at once."""
        if self._number < 0:
            return
        self._timer.cancel()
        self._loop.remove_reader(self._number)
        self._loop.remove_writer(self._number)
        self._number = -1
        self._unsent.clear()
        self._socket.close()
        self._gone(self)
        if self.made:
            self._answering.connection_lost()

    def _shake(self) -> None:
        self._loop.remove_writer(self._number)
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self._number, self._shake)
            return
        except (OSError, ValueError):
            self.abort()
            return
        self._timer.cancel()
        self.made = True
        self._loop.add_reader(self._number, self._read)
        self._answering.connection_made(self)
        if self._number >= 0:
            self._read()

    def _read(self) -> None:
        for _ in range(_TURN):
            if self._number < 0 or self._unsent:
                return
            try:
                data = self._socket.recv(_RECORD)
            except ssl.SSLWantReadError:
                return
            except OSError:
                data = b""
            if not data:
                self.abort()
                return
            if not self._answering.data_received(data):
                # What comes next comes later, most likely; the loop tells of it.
                return

    def _send(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except ssl.SSLWantWriteError:
            return
        except OSError:
            self.abort()

    def _go_on_sending(self) -> None:
        self._send()
        if self._number < 0 or self._unsent:
            return
        self._timer.cancel()
        self._loop.remove_writer(self._number)
        if self._closing:
            self.close()
        else:
            self._loop.add_reader(self._number, self._read)


def _listening(family: socket.AddressFamily, address: tuple[str, int], most: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # An IPv4 address of the same host is listened at by a socket of its own.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(most)
    except BaseException:
        made.close()
        raise
    return made
