"""One TCP connection of a client: HTTP/1.1 requests read from it, bytes and silence written to it.

Written by hand because the faults need what HTTP servers hide: to answer never, slowly, or with a reset
half-way, and because a benchmark's registry must cost less than the client it measures. The listener makes
connections and gives each a thread; how an answer is delivered is in deliveries.
"""

import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from urllib.parse import parse_qs, unquote

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024


class BadRequestError(Exception):
    """The bytes are no HTTP/1.1 request that this server reads: TLS, say, or a head without end."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as read: header names in lower case, `path` percent-decoded and without the query."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool

    def parameters(self) -> dict[str, list[str]]:
        """Return the query's parameters, each with every value given for it."""
        return parse_qs(self.query, keep_blank_values=True)


class Connection:
    """A client's connection; `number` tells it from the others."""

    def __init__(
        self, sock: socket.socket, number: int, closing: Event, note_sent: Callable[[int], None]
    ) -> None:
        self.number = number
        self._socket = sock
        self._closing = closing
        self._note_sent = note_sent
        self._unread = b""

    def read_request(self) -> Request | None:
        """Return the next request, or None when the client has gone.

        Raises BadRequestError where the bytes are no HTTP request, OSError where the connection broke.
        """
        end = self._unread.find(b"\r\n\r\n")
        while end < 0:
            if len(self._unread) > HEAD_LIMIT:
                raise BadRequestError("request head too long")
            received = self._socket.recv(HEAD_LIMIT)
            if not received:
                return None
            self._unread += received
            # A TLS hello starts with 0x16 and has no blank line to wait for.
            if not self._unread[:1].isalpha():
                raise BadRequestError("not an HTTP request")
            end = self._unread.find(b"\r\n\r\n")
        lines = self._unread[:end].decode("latin-1").split("\r\n")
        self._unread = self._unread[end + 4 :]
        try:
            method, target, version = lines[0].split(" ")
        except ValueError as error:
            raise BadRequestError("malformed request line") from error
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        path, _, query = target.partition("?")
        return Request(
            method=method,
            path=unquote(path) if "%" in path else path,
            query=query,
            headers=headers,
            body=self._read_body(headers.get("content-length", "0")),
            keep_alive=version == "HTTP/1.1" and headers.get("connection", "").lower() != "close",
        )

    def _read_body(self, length: str) -> bytes:
        if not length.isdigit() or int(length) > BODY_LIMIT:
            raise BadRequestError("unreadable Content-Length")
        wanted = int(length)
        while len(self._unread) < wanted:
            received = self._socket.recv(HEAD_LIMIT)
            if not received:
                raise BadRequestError("request body cut short")
            self._unread += received
        body, self._unread = self._unread[:wanted], self._unread[wanted:]
        return body

    def send(self, data: bytes) -> None:
        """Send all of `data`; raises OSError where the client has gone."""
        self._socket.sendall(data)
        self._note_sent(len(data))

    def pause(self, seconds: float) -> bool:
        """Wait; return True at once when the server closes meanwhile."""
        return self._closing.wait(seconds)

    def wait_until_closed(self) -> None:
        """Read and drop until either side closes the connection."""
        try:
            while self._socket.recv(HEAD_LIMIT):
                pass
        except OSError:
            pass

    def reset_on_close(self) -> None:
        """Make the coming close send RST instead of FIN."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
