"""Bad ways to deliver an answer: never, late, slowly, or cut off by a reset.

Each is a value that can be called as a `Delivery` (see answers); the faults put them on answers.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from .answers import PIECE, Stream, plainly
from .connection import Connection


def never(connection: Connection, head: bytes, body: bytes | Stream) -> bool:
    """Say nothing until one side closes the connection."""
    del head, body
    connection.wait_until_closed()
    return False


@dataclass(frozen=True, slots=True)
class Late:
    """Deliver after `seconds`."""

    seconds: float

    def __call__(self, connection: Connection, head: bytes, body: bytes | Stream) -> bool:
        """Wait, then send; a closing server sends nothing more."""
        return not connection.pause(self.seconds) and plainly(connection, head, body)


@dataclass(frozen=True, slots=True)
class Dripping:
    """Deliver `bytes_per_second`: the body, or with `head_too` the status line and headers as well."""

    bytes_per_second: float
    head_too: bool

    def __call__(self, connection: Connection, head: bytes, body: bytes | Stream) -> bool:
        """Send a few bytes at a time, at most 20 times a second."""
        if not self.head_too:
            connection.send(head)
        for piece in itertools.chain([head] if self.head_too else [], _pieces(body)):
            if not self._drip(connection, piece):
                return False
        return True

    def _drip(self, connection: Connection, piece: bytes) -> bool:
        step = max(1, int(self.bytes_per_second / 20))
        for start in range(0, len(piece), step):
            drop = piece[start : start + step]
            if connection.pause(len(drop) / self.bytes_per_second):
                return False
            connection.send(drop)
        return True


def reset_half_way(connection: Connection, head: bytes, body: bytes | Stream) -> bool:
    """Send the head and half of the body, then reset the connection; without a body all arrives."""
    size = body.size if isinstance(body, Stream) else len(body)
    if size == 0:
        return plainly(connection, head, body)
    connection.send(head)
    left = size // 2
    for piece in _pieces(body):
        connection.send(piece[:left])
        left -= len(piece)
        if left <= 0:
            break
    connection.reset_on_close()
    return False


def _pieces(body: bytes | Stream) -> Iterator[bytes]:
    if isinstance(body, Stream):
        yield from body.pieces()
    else:
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]
