"""Ends an exchange whose time is over while it waits for the next byte.

A socket's own time-out counts from byte to byte: who sends a header, a chunk or a trailer a byte every few
seconds would hold a thread for hours. registry.transport says until when a thread's exchange may last, the
connections of registry.connections say which socket it is on.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Watchdog:
    """Shuts sockets down when their time is over, from one thread of its own. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._here = threading.local()
        self._watched: dict[int, tuple[float, Any]] = {}
        """By thread: until when, and the socket. One exchange a thread, so there are few."""
        self._wakes = math.inf
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Shut down at `deadline` (of time.monotonic) what this thread says to `watch` in the block."""
        self._here.deadline = deadline
        try:
            yield
        finally:
            with self._changed:
                self._watched.pop(threading.get_ident(), None)

    def watch(self, connection: Any) -> None:
        """Watch a socket until the block of `until` ends, in place of the one before."""
        with self._changed:
            deadline: float = self._here.deadline
            self._watched[threading.get_ident()] = deadline, connection
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif deadline < self._wakes:
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while True:
                thread, (deadline, connection) = min(
                    self._watched.items(), key=lambda item: item[1][0], default=(0, (math.inf, None))
                )
                left = deadline - time.monotonic()
                if left > 0:
                    self._wakes = deadline
                    self._changed.wait(None if math.isinf(left) else left)
                    continue
                del self._watched[thread]
                _shut(connection)


def _shut(connection: Any) -> None:
    # TLS through a TLS proxy is an object around a socket. And past TLS, which has words of its own to send.
    inner = getattr(connection, "socket", connection)
    with contextlib.suppress(OSError):
        socket.socket.shutdown(inner, socket.SHUT_RDWR)
