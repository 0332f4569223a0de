"""importing.threads: registries are waited for beside the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING

import pytest

from imagestreams.importing.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.asyncio


@pytest.fixture(name="some")
def _some() -> Iterator[Threads]:
    with contextlib.closing(Threads(4)) as threads:
        yield threads


async def test_each_gets_its_own_answer(some: Threads) -> None:
    """A thousand asked at once have each the answer to what was asked."""
    answers = await asyncio.gather(*(some.run(str, number) for number in range(1000)))
    assert [str(number) for number in range(1000)] == answers


async def test_what_goes_wrong_is_raised_where_it_is_awaited(some: Threads) -> None:
    """An error in a thread is the error of who asked; the thread serves on."""
    with pytest.raises(ValueError, match="invalid literal"):
        await some.run(int, "no number")
    assert 1 == await some.run(int, "1")


async def test_no_more_threads_than_are_needed_or_allowed(some: Threads) -> None:
    """One at a time needs one thread; many at once have as many as are allowed, and no more."""
    at_once, most = 0, 0
    lock = threading.Lock()

    def work(seconds: float) -> str:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(seconds)
        with lock:
            at_once -= 1
        return threading.current_thread().name

    names = {await some.run(work, 0.0) for _ in range(20)}
    assert {"registry-1"} == names
    await asyncio.gather(*(some.run(work, 0.01) for _ in range(40)))
    assert 4 == most


async def test_the_answer_of_who_gave_up_is_let_go(some: Threads) -> None:
    """Who gave up gets no answer, and that is nobody's trouble."""
    begun, go_on = threading.Event(), threading.Event()

    def work(_: None) -> None:
        begun.set()
        go_on.wait(5)

    given_up = some.run(work, None)
    await asyncio.to_thread(begun.wait, 5)
    given_up.cancel()
    go_on.set()
    assert 2 == await some.run(int, "2")


async def test_closed_it_ends_its_threads(some: Threads) -> None:
    """After close no thread of it is left."""
    await asyncio.gather(*(some.run(time.sleep, 0.01) for _ in range(3)))
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("registry-")]
    some.close()
    for thread in ours:
        thread.join(5)
    assert [] == [thread for thread in ours if thread.is_alive()]
