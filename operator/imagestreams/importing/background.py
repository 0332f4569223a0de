"""Tasks that run beside: kept as long as they run, their bugs logged, ended together; and waiting for a time.

Used by importing.work and importing.images, in one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_log = logging.getLogger(__name__)
_WAIT_LEAST = 0.001


async def woken(event: asyncio.Event, due: float | None) -> None:
    """Wait until an event is set, or for a time of the event loop's clock; None: for the event alone."""
    # What is due nearer than the clock can tell would be waited for without end.
    wait = None if due is None else max(_WAIT_LEAST, due - asyncio.get_running_loop().time())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait):
            await event.wait()


class Background:
    """A set of tasks under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, work: Coroutine[None, None, None], *, then: Callable[[], None] = lambda: None
    ) -> asyncio.Task[None]:
        """Begin a task; `then` is called when it has ended, however it did."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(functools.partial(self._finished, then))
        return task

    async def close(self, *, within: float = 0.0) -> None:
        """Let the tasks finish, for so many seconds at most, and give up the rest."""
        tasks = list(self._tasks)
        if tasks and within:
            await asyncio.wait(tasks, timeout=within)
        self.cancel()

    def cancel(self) -> None:
        """Give up all tasks."""
        for task in self._tasks:
            task.cancel()

    def _finished(self, then: Callable[[], None], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        then()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("unexpected", exc_info=error)
