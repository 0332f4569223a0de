"""Servers that a test scripts: raw bytes for what no HTTP server would send, answers for a story of several.

support.faults is a registry that fails in known ways; here a host is no registry at all, or another one with
each request.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Handler = Callable[[socket.socket, str], None]
    """Answers one request: the connection and the request's head."""
    Script = Callable[[str, str, str], tuple[int, Mapping[str, str], bytes]]
    """Method, path and Authorization ("" for none) of a request, to status, headers and body."""


@contextlib.contextmanager
def raw_server(handler: Handler) -> Iterator[str]:
    """Serve on 127.0.0.1, a thread a connection; the answer is host and port. TLS is refused as Go does."""
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def converse(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                while head := _read_head(connection):
                    handler(connection, head)

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append(connection)
                threads.append(threading.Thread(target=converse, args=(connection,)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def scripted_server(script: Script) -> Iterator[str]:
    """Serve what a script says, over plain HTTP with connections kept; the answer is host and port."""

    def answer(connection: socket.socket, head: str) -> None:
        lines = head.split("\r\n")
        method, path, _ = lines[0].split(" ")
        shown = [line.partition(": ")[2] for line in lines if line.lower().startswith("authorization:")]
        status, headers, body = script(method, path, shown[0] if shown else "")
        text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        said = f"HTTP/1.1 {status} Said\r\n{text}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(said.encode("latin-1") + (b"" if method == "HEAD" else body))

    with raw_server(answer) as host:
        yield host


def _read_head(connection: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(65_536)
        if not received:
            return ""
        head += received
        if head.startswith(b"\x16"):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return ""
    return head.decode("latin-1")
