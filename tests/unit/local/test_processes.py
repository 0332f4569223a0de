"""Processes that outlive the command that starts them."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import processes
from localcluster.errors import LocalClusterError
from localcluster.processes import Program


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Program]:
    """A program that sleeps, ended after the test if it still runs."""
    program = Program("sleeper", ("/bin/sleep", "1000"), tmp_path / "log", tmp_path / "pids" / "sleeper")
    yield program
    processes.stop(program.pid_file, grace=1)


def test_a_started_program_runs_in_a_session_of_its_own(sleeper: Program) -> None:
    """A signal to the terminal's process group does not reach it."""
    started = processes.start(sleeper)

    assert started.pid == os.getsid(started.pid)
    assert started == processes.running(sleeper.pid_file)


def test_starting_what_runs_leaves_it_alone(sleeper: Program) -> None:
    """A second start returns the first process."""
    first = processes.start(sleeper)

    assert first == processes.start(sleeper)


def test_a_stopped_program_is_gone_and_stopping_it_again_says_so(sleeper: Program) -> None:
    """Stop ends the process, removes the pid file and tells whether there was anything to end."""
    started = processes.start(sleeper)

    assert processes.stop(sleeper.pid_file)
    assert processes.identity(started.pid) is None
    assert not sleeper.pid_file.exists()
    assert not processes.stop(sleeper.pid_file)


def test_a_pid_that_became_somebody_elses_is_neither_running_nor_stopped(tmp_path: Path) -> None:
    """A pid file whose start time is not that of the process under the pid is stale; the process lives on."""
    pid_file = tmp_path / "stale"
    mine = processes.identity(os.getpid())
    assert mine is not None
    pid_file.write_text(json.dumps({"pid": mine.pid, "started": mine.started - 1}))

    assert processes.running(pid_file) is None
    assert not processes.stop(pid_file)


def test_a_program_deaf_to_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    """SIGKILL follows when SIGTERM did not help."""
    command = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
    program = Program("deaf", ("/bin/sh", "-c", command), tmp_path / "log", tmp_path / "pid")
    started = processes.start(program)
    processes.wait_ready(program, lambda: "deaf" in program.log.read_text(), 10)

    begun = time.monotonic()
    assert processes.stop(program.pid_file, grace=0.3)

    assert time.monotonic() - begun < 5
    assert processes.identity(started.pid) is None


def test_a_program_that_ends_while_starting_is_told_with_its_log(tmp_path: Path) -> None:
    """The error carries the last lines the program said."""
    command = "echo no such disk; exit 1"
    program = Program("disk", ("/bin/sh", "-c", command), tmp_path / "log", tmp_path / "pid")

    def start_and_wait() -> None:
        processes.start(program)
        processes.wait_ready(program, lambda: False, 10)

    with pytest.raises(LocalClusterError, match="disk ended"):
        start_and_wait()
    assert "no such disk" in processes.tail(program.log)


def test_a_missing_executable_is_named(tmp_path: Path) -> None:
    """The error names what could not be started."""
    program = Program("ghost", ("/nonexistent/ghost",), tmp_path / "log", tmp_path / "pid")

    with pytest.raises(LocalClusterError, match="cannot start /nonexistent/ghost"):
        processes.start(program)
