"""Ends an exchange whose time is over while it waits for the head of an answer.

A socket's own time-out counts from byte to byte: who sends a header a byte every few seconds would hold a
thread for hours. Here is the watchdog, and the adapter that makes `requests` use it; used by
registry.transport, which bounds the body itself.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import requests.adapters
import urllib3
import urllib3.connection

if TYPE_CHECKING:
    from collections.abc import Iterator


class Watchdog:
    """Shuts sockets down when their time is over, from one thread of its own. Thread-safe.

    All exchanges have the same time, so those that began first end first: a dict in that order is enough.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._changed = threading.Condition()
        self._watched: dict[object, tuple[float, socket.socket]] = {}
        self._asleep = False
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, connection: socket.socket) -> Iterator[None]:
        """Shut a socket down if the block is not over in time."""
        mark = object()
        with self._changed:
            self._watched[mark] = (time.monotonic() + self._seconds, connection)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif self._asleep:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._watched.pop(mark, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                if not self._watched:
                    self._asleep = True
                    self._changed.wait()
                    self._asleep = False
                    continue
                mark, (deadline, connection) = next(iter(self._watched.items()))
                if (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(left)
                    continue
                del self._watched[mark]
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class WatchedAdapter(requests.adapters.HTTPAdapter):
    """Connection pools whose connections wait for the head of an answer under a watchdog."""

    def __init__(self, watchdog: Watchdog, **options: Any) -> None:
        self._pool_classes = _pool_classes(watchdog)
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pool manager, as requests calls it."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Make the pool manager of a proxy, as requests calls it."""
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager


def _pool_classes(watchdog: Watchdog) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Connection(urllib3.connection.HTTPConnection):
        def getresponse(self) -> Any:
            with watchdog.watching(self.sock):
                return super().getresponse()

    class TlsConnection(urllib3.connection.HTTPSConnection):
        def getresponse(self) -> Any:
            with watchdog.watching(self.sock):
                return super().getresponse()

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": Pool, "https": TlsPool}
