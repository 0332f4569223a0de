"""Hosts that are no registry at all: a port that refuses, and one that accepts and says nothing."""

import socket
from types import TracebackType
from typing import Self


class ClosedPort:
    """A port of 127.0.0.1 that refuses connections, kept from others while the context lasts."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))

    @property
    def host(self) -> str:
        """Host and port, "127.0.0.1:<port>"."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Keep the port."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the port back."""
        self._socket.close()


class SilentPort(ClosedPort):
    """A port of 127.0.0.1 that accepts up to 128 TCP connections and never reads nor answers.

    The kernel accepts for it: nobody takes the connections out of its queue.
    """

    def __init__(self) -> None:
        super().__init__()
        self._socket.listen(128)
