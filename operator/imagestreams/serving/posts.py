"""POSTs to one path over TLS, answered at once: as much of HTTP/1.1 as the API server speaks to a webhook.

The one thing served without aiohttp, for every create in the cluster waits for it: beside the same answer
from a bare socket aiohttp added 2 ms to a create. A request is a head and a body whose length is told;
whatever else is refused with the reason, and its connection closed. Used by serving.admission, on connections
of serving.tls_sockets.
"""

from __future__ import annotations

import asyncio
import dataclasses
import email.utils
import functools
import http
import re
import time
from typing import TYPE_CHECKING, cast

from imagestreams.errors import InvalidError
from imagestreams.serving import listening
from imagestreams.serving.tls_sockets import Listener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from imagestreams.serving.tls_sockets import Connection

_END = b"\r\n\r\n"
_HEAD_MOST = 16 * 1024
_CONNECTIONS_MOST = 1000
"""The API server opens one for each create that waits, of which it has some hundreds at most."""


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """What the head of a request says."""

    method: str
    path: str
    length: int | None
    """Of the body, in bytes; None where it is not told."""
    kept: bool
    """Whether another request may follow on the connection."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What is answered."""

    status: int
    content: bytes
    content_type: str = "application/json"


@dataclasses.dataclass(frozen=True, slots=True)
class Posts:
    """Which requests are answered, and how."""

    path: str
    answer: Callable[[bytes], Reply]
    """Answers a body. It runs in the event loop and must not raise."""
    refuse: Callable[[int, str], Reply]
    """Says why something is not answered: status, reason."""
    most: int
    """How many bytes a body may have."""
    within: float
    """For how many seconds the rest of a request is waited for."""

    def refusal(self, head: Head) -> Reply | None:
        """Say why a request is not read any further; None where it is."""
        if head.path.partition("?")[0] != self.path:
            return self.refuse(404, f"only {self.path} is served here")
        if head.method != "POST":
            return self.refuse(405, f"{self.path} takes POST alone")
        if head.length is None:
            return self.refuse(411, "the length of the body must be told by Content-Length")
        if head.length > self.most:
            return self.refuse(413, f"the body is larger than {self.most} bytes")
        return None


def parse_head(head: bytes) -> Head:
    """Read the head of a request, without the empty line at its end (RFC 9112).

    Raises InvalidError, which says what is wrong with it.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    path, _, version = rest.partition(" ")
    if not method or not path or version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise InvalidError("this is no request of HTTP/1.1")
    length: int | None = None
    kept = version == "HTTP/1.1"
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if not colon or not name or name != name.strip():
            raise InvalidError("a header of the request cannot be read")
        if name == "content-length":
            if not re.fullmatch("[0-9]{1,18}", value) or length not in {None, int(value)}:
                raise InvalidError("Content-Length is no number")
            length = int(value)
        elif name == "transfer-encoding":
            raise InvalidError("Transfer-Encoding is not taken: the length must be told by Content-Length")
        elif name == "connection" and "close" in value.lower():
            kept = False
    return Head(method, path, length, kept)


class PostServer:
    """Serves until it is closed."""

    def __init__(self, posts: Posts) -> None:
        self._posts = posts
        self._listener: Listener | None = None
        self._clients: set[_Client] = set()

    async def start(self, listen: str, setting: str, context: ssl.SSLContext) -> None:
        """Listen at HOST:PORT. Raises StartError, which names the `setting`, when that cannot be had."""
        client = functools.partial(_Client, self._posts, self._clients)
        listener = Listener(context, client, _CONNECTIONS_MOST)
        with listening.told(listen, setting):
            await listener.start(*listening.split(listen))
        self._listener = listener

    async def close(self, *, within: float) -> None:
        """Stop serving; what is under way is answered, if its rest comes within so many seconds."""
        if self._listener is None:
            return
        await self._listener.close()
        gone = [each.finish() for each in list(self._clients)]
        if gone:
            await asyncio.wait(gone, timeout=within)
        for each in list(self._clients):
            each.abort()


class _Client:
    """Who asks on one connection; its requests come one after the other."""

    def __init__(self, posts: Posts, all_of_them: set[_Client]) -> None:
        self._posts = posts
        self._all = all_of_them
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._received = bytearray()
        self._head: Head | None = None
        self._finishing = False
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._then: Callable[[], None] = self.abort

    def connection_made(self, connection: Connection) -> None:
        self._connection = connection
        self._all.add(self)
        self._wait(listening.KEPT, connection.close)

    def connection_lost(self) -> None:
        self._stop_waiting()
        self._all.discard(self)
        if not self._gone.done():
            self._gone.set_result(None)

    def data_received(self, data: bytes) -> bool:
        if self._refused:
            # Read, so that the reason is not lost with a connection that is reset.
            return False
        fresh = self._idle
        self._received += data
        if fresh:
            self._wait(self._posts.within, self._late)
        while not self._refused and self._take():
            pass
        return not self._idle

    def finish(self) -> asyncio.Future[None]:
        """Close the connection after the request under way; the answer is done when it is closed."""
        self._finishing = True
        if self._idle:
            self._connection.close()
        return self._gone

    def abort(self) -> None:
        """Close it at once."""
        self._connection.abort()

    @property
    def _idle(self) -> bool:
        return self._head is None and not self._received

    def _take(self) -> bool:
        """Take one request, if it is there; tells whether there may be another."""
        if self._head is None and not self._take_head():
            return False
        head = cast("Head", self._head)
        length = head.length or 0
        if len(self._received) < length:
            return False
        body = bytes(self._received[:length])
        del self._received[:length]
        self._head = None
        self._send(self._posts.answer(body), kept=head.kept and not self._finishing)
        if self._received:
            self._wait(self._posts.within, self._late)
        else:
            self._wait(listening.KEPT, self._connection.close)
        return bool(self._received)

    def _take_head(self) -> bool:
        end = self._received.find(_END)
        if end > _HEAD_MOST or (end < 0 and len(self._received) > _HEAD_MOST):
            self._refuse(
                self._posts.refuse(431, f"the head of the request is larger than {_HEAD_MOST} bytes")
            )
            return False
        if end < 0:
            return False
        try:
            head = parse_head(bytes(self._received[:end]))
        except InvalidError as error:
            self._refuse(self._posts.refuse(400, str(error)))
            return False
        del self._received[: end + len(_END)]
        if (refusal := self._posts.refusal(head)) is not None:
            self._refuse(refusal)
            return False
        self._head = head
        return True

    def _late(self) -> None:
        self._refuse(self._posts.refuse(408, f"the request did not arrive within {self._posts.within:.0f} s"))

    def _refuse(self, reply: Reply) -> None:
        self._refused = True
        self._received.clear()
        self._connection.write(_spell(reply, kept=False))
        self._wait(self._posts.within, self._connection.close)

    def _send(self, reply: Reply, *, kept: bool) -> None:
        self._connection.write(_spell(reply, kept=kept))
        if not kept:
            self._refused = True
            self._connection.close()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        """Do something in so many seconds, instead of what was to be done before.

        A timer that is set already is left to ring early, and set again then: of those who ask often none
        is set for each request.
        """
        if self._gone.done():
            return
        self._until = self._loop.time() + seconds
        self._then = then
        if self._timer is None or self._timer.when() > self._until:
            self._set_timer()

    def _set_timer(self) -> None:
        self._stop_waiting()
        self._timer = self._loop.call_at(self._until, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._loop.time() < self._until:
            self._set_timer()
        else:
            self._then()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _spell(reply: Reply, *, kept: bool) -> bytes:
    last = "" if kept else "Connection: close\r\n"
    head = (
        f"HTTP/1.1 {reply.status} {http.HTTPStatus(reply.status).phrase}\r\n"
        f"Date: {_date(int(time.time()))}\r\n"
        f"Content-Type: {reply.content_type}\r\n"
        f"Content-Length: {len(reply.content)}\r\n{last}\r\n"
    )
    return head.encode() + reply.content


@functools.lru_cache(maxsize=1)
def _date(second: int) -> str:
    return email.utils.formatdate(second, usegmt=True)
