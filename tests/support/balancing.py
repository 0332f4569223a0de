"""What a Service with several endpoints is where no proxy of Kubernetes' runs: TCP, to any that is ready.

As kube-proxy does it chooses at random for each connection, among those that were ready a moment ago, and
leaves connections that exist alone. Where none is ready a connection is refused, as far as that can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

from localcluster.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from localrun import FacadeProcess

_PROBED_EVERY = 0.5


class Balancer:
    """Leads connections at `port` to those of some processes that are ready, in a thread of its own."""

    def __init__(self, processes: Sequence[FacadeProcess]) -> None:
        self.port = free_port()
        self._processes = tuple(processes)
        self._ready: list[int] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._over = asyncio.Event()

    def __enter__(self) -> Self:
        """Lead."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and all connections with it."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._lead())

    async def _lead(self) -> None:
        server = await asyncio.start_server(self._connect, LOOPBACK, self.port)
        probing = asyncio.create_task(self._probe())
        await self._over.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        probing.cancel()
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _probe(self) -> None:
        while True:
            found = [
                process.port
                for process in self._processes
                if process.alive and await asyncio.to_thread(_is_ready, process.address)
            ]
            self._ready = found
            await asyncio.sleep(_PROBED_EVERY)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if self._ready:
                port = random.choice(self._ready)  # no secret
                theirs, there = await asyncio.open_connection(LOOPBACK, port)
                async with asyncio.TaskGroup() as group:
                    group.create_task(_copy(reader, there))
                    group.create_task(_copy(theirs, writer))
        writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(65_536):
            target.write(chunk)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=1):  # our own
            return True
    except (urllib.error.URLError, OSError):
        return False


class Asking(threading.Thread):
    """Calls something again and again and notes what went wrong, until it is told to end."""

    def __init__(self, ask: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self._over = threading.Event()
        self.count = 0
        self.failures: list[str] = []

    def run(self) -> None:
        """Ask."""
        while not self._over.is_set():
            try:
                self._ask()
            except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
                self.failures.append(repr(error))
            self.count += 1

    def __enter__(self) -> Self:
        """Begin."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._over.set()
        self.join()
