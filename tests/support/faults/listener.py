"""A TCP port with a thread for each connection, and an orderly end of both.

The listener knows HTTP only as far as connections and answers do; what to answer is the registry's business.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from threading import Event, Lock, Thread
from typing import Protocol

from .answers import Answer
from .connection import HEAD_LIMIT, BadRequestError, Connection, Request

BACKLOG = 512
TLS_HANDSHAKE = b"\x16"


class Service(Protocol):
    """What a listener serves; called from many threads. `connection` is the connection's number."""

    def respond(self, request: Request, connection: int) -> Answer:
        """Return the answer to a request."""
        ...

    def note_garbage(self, connection: int) -> None:
        """Take note that no request could be read."""
        ...

    def note_sent(self, size: int) -> None:
        """Take note of bytes sent."""
        ...


class Listener:
    """Serves on 127.0.0.1 from construction until `close`; port 0 takes a free one.

    `numbers` gives each connection its number.
    """

    def __init__(
        self, port: int, tls: ssl.SSLContext | None, service: Service, numbers: Iterator[int]
    ) -> None:
        self._tls = tls
        self._service = service
        self._numbers = numbers
        self._closing = Event()
        self._lock = Lock()
        self._sockets: dict[int, socket.socket] = {}
        self._threads: dict[int, Thread] = {}
        self._socket = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._accepting = Thread(target=self._accept, name=f"listener-{self.port}", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Refuse new connections, cut the open ones, wait for their threads."""
        self._closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._socket.close()
        with self._lock:
            sockets = list(self._sockets.values())
            threads = list(self._threads.values())
        for sock in sockets:
            _cut(sock)
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                # close() shut the port down.
                return
            number = next(self._numbers)
            thread = Thread(target=self._serve, args=(sock, number), daemon=True)
            with self._lock:
                self._sockets[number] = sock
                self._threads[number] = thread
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        # A client that goes away, at any moment and without a word, is no error of the server.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock = self._secured(sock, number)
            try:
                self._converse(Connection(sock, number, self._closing, self._service.note_sent))
            except BadRequestError as error:
                self._service.note_garbage(number)
                sock.sendall(_bad_request(str(error)))
        with self._lock:
            del self._sockets[number]
            del self._threads[number]
        sock.close()

    def _secured(self, sock: socket.socket, number: int) -> socket.socket:
        """Return the socket to converse on: `sock` itself, or with TLS the one that encrypts.

        Raises OSError (ssl.SSLError is one) where the handshake fails, with everything closed.
        """
        if self._tls is None:
            return sock
        if sock.recv(1, socket.MSG_PEEK) not in (TLS_HANDSHAKE, b""):
            # What Go's servers answer; clients that try plain HTTP second rely on it.
            self._service.note_garbage(number)
            # Unread bytes would turn the close into a reset, and the client would not see the answer.
            sock.recv(HEAD_LIMIT)
            with contextlib.suppress(OSError):
                sock.sendall(_bad_request("Client sent an HTTP request to an HTTPS server."))
            raise ssl.SSLError("plain HTTP on a TLS port")
        secured = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._sockets[number] = secured
        try:
            if self._closing.is_set():
                # close() may have looked for sockets to cut before this one was there.
                raise ssl.SSLError("closing")
            secured.do_handshake()
        except OSError:
            self._service.note_garbage(number)
            secured.close()
            raise
        return secured

    def _converse(self, connection: Connection) -> None:
        while (request := connection.read_request()) is not None:
            answer = self._service.respond(request, connection.number)
            if not answer.deliver(connection, method=request.method, keep_alive=request.keep_alive):
                return


def _cut(sock: socket.socket) -> None:
    """Shut the connection under a thread that may be reading it, past TLS, which would wait for the peer."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _bad_request(reason: str) -> bytes:
    head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(reason)}\r\n\r\n{reason}".encode()
