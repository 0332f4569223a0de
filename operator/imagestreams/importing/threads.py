"""Threads in which registries are asked, from one event loop.

concurrent.futures would do, but costs a check a tenth of its processor time: a future with a lock of its own
for each, and the event loop woken for each answer. Here the loop is woken once for all that have come.
Used by importing.sharing; how many ask at once is importing.gate's to say.
"""

from __future__ import annotations

import asyncio
import collections
import queue
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")
_Work = tuple["asyncio.Future[Any]", "Callable[[Any], Any]", Any]


class Threads:
    """At most so many threads, begun as they are needed; none of them keeps the process from its end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun = 0
        self._under_way = 0
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._done: collections.deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = (
            collections.deque()
        )
        self._is_waking = False

    def run(self, do: Callable[[_Asked], _Answer], asked: _Asked) -> asyncio.Future[_Answer]:
        """Have `do` called in a thread; the future has what it returns or raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Answer] = loop.create_future()
        self._under_way += 1
        if self._begun < min(self._under_way, self._most):
            self._begun += 1
            threading.Thread(
                target=self._serve, args=(loop,), name=f"registry-{self._begun}", daemon=True
            ).start()
        self._work.put((future, do, asked))
        return future

    def close(self) -> None:
        """End the threads; one that waits for a registry ends when it has its answer."""
        for _ in range(self._begun):
            self._work.put(None)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        while (work := self._work.get()) is not None:
            future, do, asked = work
            answer, error = None, None
            try:
                answer = do(asked)
            except BaseException as raised:  # noqa: BLE001
                # As of any future: what went wrong is for whoever waits for it.
                error = raised
            self._done.append((future, answer, error))
            # What else is done before the loop comes to it is delivered with it. `_deliver` takes the mark
            # away first and looks then, and here it is the other way about: nothing is left lying.
            if not self._is_waking:
                self._is_waking = True
                try:
                    loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:
                    # The loop is closed: nobody waits any more.
                    return

    def _deliver(self) -> None:
        self._is_waking = False
        while self._done:
            future, answer, error = self._done.popleft()
            self._under_way -= 1
            if future.done():
                # Given up by whoever asked.
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answer)
