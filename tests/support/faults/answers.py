"""Answers as values: what is said, apart from how it is delivered.

The registry builds an answer, the faults exchange or alter it, the listener delivers it. Error bodies have
the shape of the OCI distribution specification.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from .connection import Connection

PIECE = 64 * 1024
REASONS = {status.value: status.phrase for status in HTTPStatus}
ERROR_CODES = {
    400: "UNSUPPORTED",
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NAME_UNKNOWN",
    405: "UNSUPPORTED",
    429: "TOOMANYREQUESTS",
}


@dataclass(frozen=True, slots=True)
class Stream:
    """A body of `size` bytes that is made while it is sent: a JSON object with one endless string.

    `chunked` sends it with chunked transfer coding, so that no Content-Length warns the client.
    """

    size: int
    chunked: bool

    def pieces(self) -> Iterator[bytes]:
        """Yield the body in pieces of at most 64 KiB (with their chunk frames where chunked)."""
        start, end = b'{"schemaVersion":2,"padding":"', b'"}'
        filler = b"a" * PIECE
        left = max(self.size - len(start) - len(end), 0)
        yield self._framed(start)
        while left > 0:
            piece = filler[: min(left, PIECE)]
            left -= len(piece)
            yield self._framed(piece)
        yield self._framed(end)
        if self.chunked:
            yield b"0\r\n\r\n"

    def _framed(self, piece: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece


def plainly(connection: Connection, head: bytes, body: bytes | Stream) -> bool:
    """Deliver as a good server does, a small answer in one write; the connection stays open."""
    if isinstance(body, Stream):
        connection.send(head)
        for piece in body.pieces():
            connection.send(piece)
    else:
        connection.send(head + body)
    return True


# How an answer gets to the client: (connection, head, body) -> whether the connection can be used again.
Delivery = Callable[[Connection, bytes, "bytes | Stream"], bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Content-Length is added when it is sent; status 0 means that nothing is said at all."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Stream = b""
    delivery: Delivery = plainly

    def deliver(self, connection: Connection, *, method: str, keep_alive: bool) -> bool:
        """Send the answer to a request of `method`; return whether the connection can be used again."""
        body = self.body
        head = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        if isinstance(body, bytes):
            head.append(f"Content-Length: {len(body)}")
        elif body.chunked:
            head.append("Transfer-Encoding: chunked")
        else:
            head.append(f"Content-Length: {body.size}")
        if not keep_alive:
            head.append("Connection: close")
        head.append("\r\n")
        reusable = self.delivery(
            connection, "\r\n".join(head).encode("latin-1"), b"" if method == "HEAD" else body
        )
        return reusable and keep_alive


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer whose body is `value` as JSON."""
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())


def error_answer(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an error as the specification writes it: {"errors": [{"code", "message", "detail"}]}."""
    return json_answer(status, {"errors": [{"code": code, "message": message, "detail": None}]}, headers)
