"""`make run` as a process of the tests: started as make starts it, its children known, ended or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localcluster.ports import LOOPBACK, free_port
from support import secrecy

if TYPE_CHECKING:
    from localcluster import Cluster

_WITHIN = 20.0


class MadeRun:
    """Runs `python -m localrun` against a cluster; what it says goes to a file that begins anew."""

    def __init__(self, cluster: Cluster, log: Path, *, kubeconfig: Path | None = None) -> None:
        """`kubeconfig` is another than the cluster's own."""
        self._log = log
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IMAGESTREAMS_")},
            "KUBECONFIG": str(kubeconfig or cluster.kubeconfig),
            "KUBECTL": str(cluster.kubectl),
            "IMAGESTREAMS_LISTEN": f"{LOOPBACK}:{free_port()}",
        }
        self._process: subprocess.Popen[bytes] | None = None
        log.unlink(missing_ok=True)
        secrecy.hear("log", log)

    @property
    def said(self) -> str:
        """What it said so far."""
        return self._log.read_text()

    @property
    def ended(self) -> bool:
        """Tell whether it runs no more."""
        return self._process is None or self._process.poll() is not None

    def start(self) -> None:
        """Start it, beside nothing of ours: a Ctrl-C here is not for it."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "localrun"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def child(self, command: str) -> int:
        """Give the process id of the child that runs `imagestreams COMMAND`; 0 where there is none."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and self._is_child(process, command):
                return int(process.name)
        return 0

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running().send_signal(number)

    def wait(self) -> int:
        """Wait for its end; the answer is its exit code. Raises subprocess.TimeoutExpired after 20 s."""
        return self._running().wait(_WITHIN)

    def end(self) -> None:
        """End it, if it runs, whatever it was at; its children end with it."""
        if self.ended:
            return
        # One that was stopped hears nothing else.
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.wait()

    def _is_child(self, process: Path, command: str) -> bool:
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            words = (process / "cmdline").read_text().split("\0")
        except OSError:
            return False
        return int(parent) == self._running().pid and words[1:4] == ["-m", "imagestreams", command]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("it was not started")
        return self._process
