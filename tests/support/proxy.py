"""A forward proxy over real HTTP: plain requests by absolute URL, everything else by CONNECT.

For proving what goes through a proxy and what does not. It resolves the names it is given, as a proxy does
that sees more of the network than its clients.
"""

import base64
import contextlib
import http.client
import http.server
import selectors
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_OF_ONE_HOP = {"connection", "proxy-connection", "proxy-authorization", "keep-alive", "content-length"}


class ForwardProxy:
    """A proxy on 127.0.0.1, to be entered; `login` ("user:password") is what it wants, "" for nothing."""

    def __init__(self, *, names: Mapping[str, str] | None = None, login: str = "") -> None:
        self._server = _Server(dict(names or {}), login)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.02))

    @property
    def host(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Of every request, also a refused one: its method and where it is for, as host and port."""
        return self._server.asked

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Serve no more; every connection ends."""
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    # Its end waits for the threads of its connections.
    daemon_threads = False

    def __init__(self, names: Mapping[str, str], login: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.connections: set[socket.socket] = set()
        self._names = names
        self._wanted = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""

    def admits(self, login: str | None) -> bool:
        return not self._wanted or login == self._wanted

    def reach(self, target: str) -> socket.socket:
        host, _, port = self._names.get(target, target).rpartition(":")
        return socket.create_connection((host, int(port)))

    def close_connections(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_CONNECT(self) -> None:
        if self._refused(self.path):
            return
        self.close_connection = True
        with self.server.reach(self.path) as there:
            self.send_response(200)
            self.end_headers()
            _relay(self.connection, there)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if self._refused(parts.netloc):
            return
        upstream = http.client.HTTPConnection(parts.netloc)
        with contextlib.closing(upstream):
            upstream.sock = self.server.reach(parts.netloc)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = parts._replace(scheme="", netloc="").geturl()
            upstream.request(self.command, path, body or None, dict(_passed_on(self.headers.items())))
            with upstream.getresponse() as answer:
                self._pass_on(answer)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def _refused(self, target: str) -> bool:
        self.server.asked.append((self.command, target))
        if self.server.admits(self.headers["Proxy-Authorization"]):
            return False
        self.send_response(407)
        self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        body = answer.read()
        self.send_response_only(answer.status)
        for name, value in _passed_on(answer.getheaders()):
            self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args


def _passed_on(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [header for header in headers if header[0].lower() not in _OF_ONE_HOP]


def _relay(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
        selector.register(one, selectors.EVENT_READ, (one, other))
        selector.register(other, selectors.EVENT_READ, (other, one))
        while True:
            for key, _ in selector.select():
                here, there = key.data
                received = here.recv(65_536)
                if not received:
                    return
                there.sendall(received)
