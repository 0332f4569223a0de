"""Long-running processes that outlive the command that starts them.

A process is started in a session of its own (a Ctrl-C in the terminal does not reach it), with its output
in a log file and a pid file beside it. The pid file keeps the start time too: a pid alone may by now be
somebody else's, and only the process that was started is ever stopped.
"""

import json
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcluster.errors import LocalClusterError

_SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for good: its pid and the clock tick, counted from boot, at which it started."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a name for people, the command, where its output goes and where its identity is kept."""

    name: str
    argv: tuple[str, ...]
    log: Path
    pid_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def identity(pid: int) -> Identity | None:
    """Return who runs under this pid now; None when nobody does, or only a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command, in parentheses, may hold anything: fields are counted after the last one.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        _reap(pid)
        return None
    return Identity(pid, int(fields[19]))


def _reap(pid: int) -> None:
    """Collect a dead child of ours; a process that is not our child is somebody else's to collect."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def running(pid_file: Path) -> Identity | None:
    """Return the process the pid file speaks of when it still runs, and is still the same one."""
    try:
        kept = Identity(**json.loads(pid_file.read_text()))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None
    return kept if identity(kept.pid) == kept else None


def start(program: Program) -> Identity:
    """Start the program unless it runs already; returns its identity at once, ready or not.

    Raises LocalClusterError when the executable is not there.
    """
    already = running(program.pid_file)
    if already is not None:
        return already
    program.log.parent.mkdir(parents=True, exist_ok=True)
    program.pid_file.parent.mkdir(parents=True, exist_ok=True)
    path = f"{os.environ.get('PATH', '')}:{_SBIN}"
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        pid = os.posix_spawn(
            program.argv[0],
            program.argv,
            {**os.environ, "PATH": path, **program.environment},
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(program.log), log_flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )
    except OSError as error:
        raise LocalClusterError(
            f"{program.name}: cannot start {program.argv[0]}: {error.strerror}"
        ) from error
    started = identity(pid)
    if started is None:
        raise LocalClusterError(f"{program.name} ended at once\n{tail(program.log)}")
    partial = program.pid_file.with_suffix(".tmp")
    partial.write_text(json.dumps({"pid": started.pid, "started": started.started}))
    partial.rename(program.pid_file)
    return started


def stop(pid_file: Path, grace: float = 10.0) -> bool:
    """End the process of the pid file: SIGTERM, then SIGKILL after `grace` seconds.

    Returns False when it was not running. The pid file is gone afterwards.
    """
    kept = running(pid_file)
    stopped = kept is not None and end(kept, grace)
    pid_file.unlink(missing_ok=True)
    return stopped


def end(who: Identity, grace: float = 10.0) -> bool:
    """End this very process: SIGTERM, then SIGKILL after `grace` seconds; False when it was gone already."""
    try:
        handle = os.pidfd_open(who.pid)
    except ProcessLookupError:
        return False
    try:
        # The handle pins the process: after this comparison the pid cannot become another's.
        if identity(who.pid) != who:
            return False
        for signum, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
            signal.pidfd_send_signal(handle, signum)
            if select.select([handle], [], [], patience)[0]:
                break
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)
    _reap(who.pid)
    return True


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, indented for an error message."""
    try:
        content = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "  (no log)"
    return "\n".join([f"  last lines of {log}:", *(f"  | {line[:400]}" for line in content[-lines:])])


def wait_ready(program: Program, ready: Callable[[], bool], deadline: float) -> None:
    """Wait until `ready()` holds.

    Raises LocalClusterError, with the tail of the log, when the process ends first or `deadline` seconds
    pass.
    """
    limit = time.monotonic() + deadline
    while not ready():
        if running(program.pid_file) is None:
            raise LocalClusterError(f"{program.name} ended while starting\n{tail(program.log)}")
        if time.monotonic() > limit:
            raise LocalClusterError(
                f"{program.name} is not ready after {deadline:.0f} s\n{tail(program.log)}"
            )
        time.sleep(0.05)
