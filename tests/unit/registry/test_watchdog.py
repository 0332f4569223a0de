"""The watchdog: sockets whose time is over are shut down, the others are left alone."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from imagestreams.registry.watchdog import Watchdog
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets."""
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def test_a_block_that_takes_too_long_loses_its_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    """Reading ends when the time is over, not when the peer speaks."""
    near, _ = pair
    near.settimeout(5)
    started = time.monotonic()
    with Watchdog(0.2).watching(near):
        assert b"" == near.recv(1)

    assert 0.2 <= time.monotonic() - started < 2.0


def test_a_block_that_is_over_in_time_keeps_its_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    """A socket that is no longer watched is not shut, also while others are."""
    near, far = pair
    other, silent = socket.socketpair()
    with other, silent:
        other.settimeout(5)
        watchdog = Watchdog(0.3)
        with watchdog.watching(near):
            far.send(b"x")
            assert b"x" == near.recv(1)
        with watchdog.watching(other):
            assert b"" == other.recv(1)
    far.send(b"y")

    assert b"y" == near.recv(1)


def test_many_at_once_each_end_in_their_own_time() -> None:
    """Sockets watched one after the other are shut in that order, by one thread."""
    watchdog = Watchdog(0.3)
    ended: list[int] = []
    before = threading.active_count()

    def wait(number: int) -> None:
        near, far = socket.socketpair()
        with near, far, watchdog.watching(near):
            near.recv(1)
            ended.append(number)

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        eventually(lambda: len(watchdog._watched) == number + 1, within=2, every=0.001, what="it is watched")  # noqa: B023
    assert threading.active_count() <= before + 6
    for thread in threads:
        thread.join(5)

    assert sorted(ended) == list(range(5))
    assert 0 == len(watchdog._watched)


def test_a_watchdog_that_slept_wakes_for_the_next(pair: tuple[socket.socket, socket.socket]) -> None:
    """After all was over and nothing was watched, the next block is watched again."""
    near, _ = pair
    near.settimeout(5)
    watchdog = Watchdog(0.1)
    first, other = socket.socketpair()
    with first, other, watchdog.watching(first):
        first.recv(1)
    eventually(lambda: watchdog._asleep, within=2, every=0.01, what="the watchdog sleeps")
    with watchdog.watching(near):
        assert b"" == near.recv(1)


def test_a_socket_that_is_closed_already_is_no_trouble(pair: tuple[socket.socket, socket.socket]) -> None:
    """Shutting what is closed ends neither the watchdog nor anybody else."""
    near, _ = pair
    near.settimeout(5)
    watchdog = Watchdog(0.1)
    gone, other = socket.socketpair()
    gone.close()
    other.close()
    with watchdog.watching(gone), watchdog.watching(near):
        assert b"" == near.recv(1)
