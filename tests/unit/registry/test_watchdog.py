"""The watchdog: sockets whose time is over are shut down, the others are left alone."""

from __future__ import annotations

import contextlib
import math
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


@contextlib.contextmanager
def watching(watchdog: Watchdog, connection: socket.socket, seconds: float) -> Iterator[None]:
    """Watch a socket for some seconds from now."""
    with watchdog.until(time.monotonic() + seconds):
        watchdog.watch(connection)
        yield


def test_a_block_that_takes_too_long_loses_its_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    """Reading ends when the time is over, not when the peer speaks."""
    near, _ = pair
    near.settimeout(5)
    started = time.monotonic()
    with watching(Watchdog(), near, 0.2):
        assert b"" == near.recv(1)

    assert 0.2 <= time.monotonic() - started < 2.0


def test_a_block_that_is_over_in_time_keeps_its_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    """A socket that is no longer watched is not shut, also while others are."""
    near, far = pair
    other, silent = socket.socketpair()
    with other, silent:
        other.settimeout(5)
        watchdog = Watchdog()
        with watching(watchdog, near, 0.3):
            far.send(b"x")
            assert b"x" == near.recv(1)
        with watching(watchdog, other, 0.3):
            assert b"" == other.recv(1)
    far.send(b"y")

    assert b"y" == near.recv(1)


def test_many_at_once_each_end_in_their_own_time() -> None:
    """Sockets watched one after the other are shut in that order, by one thread."""
    watchdog = Watchdog()
    ended: list[int] = []
    before = threading.active_count()

    def wait(number: int) -> None:
        near, far = socket.socketpair()
        with near, far, watching(watchdog, near, 0.3):
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
    watchdog = Watchdog()
    first, other = socket.socketpair()
    with first, other, watching(watchdog, first, 0.1):
        first.recv(1)
    eventually(lambda: watchdog._wakes == math.inf, within=2, every=0.01, what="the watchdog sleeps")
    with watching(watchdog, near, 0.1):
        assert b"" == near.recv(1)


def test_a_socket_that_is_closed_already_is_no_trouble(pair: tuple[socket.socket, socket.socket]) -> None:
    """Shutting what is closed ends neither the watchdog nor anybody else."""
    near, _ = pair
    near.settimeout(5)
    watchdog = Watchdog()
    gone, other = socket.socketpair()
    gone.close()
    other.close()
    with watching(watchdog, gone, 0):
        eventually(lambda: not watchdog._watched, within=2, every=0.01, what="it was shut")
    with watching(watchdog, near, 0.1):
        assert b"" == near.recv(1)


def test_who_has_less_time_ends_first() -> None:
    """A socket with an earlier end is shut before one that was watched first."""
    watchdog = Watchdog()
    (slow, _far), (quick, _also) = socket.socketpair(), socket.socketpair()
    with slow, _far, quick, _also:
        quick.settimeout(5)
        started = threading.Event()
        release = threading.Event()

        def hold() -> None:
            with watching(watchdog, slow, 30):
                started.set()
                release.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        assert started.wait(5)
        eventually(lambda: watchdog._wakes < math.inf, within=2, every=0.01, what="the watchdog waits")
        with watching(watchdog, quick, 0.1):
            assert b"" == quick.recv(1)
        release.set()
        thread.join(5)
