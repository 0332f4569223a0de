"""An operator, or an image API, as a process of this machine: started, watched, ended, killed."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster.ports import LOOPBACK, free_port

API_ACCOUNT = "imagestreams-api"
"""Of the image API: its service account, and its Service."""
_READY_WITHIN = 30.0


class OperatorProcess:
    """Runs `imagestreams run` with a kubeconfig; its log goes to a file, appended over restarts."""

    command = "run"

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        *,
        settings: Mapping[str, str] | None = None,
        becoming: Sequence[str] = (),
    ) -> None:
        """`settings` are variables such as IMAGESTREAMS_INTERVAL, beside those of this process.

        `becoming` are words to put before the command: those of a program that prepares something and then
        becomes the operator, in the same process.
        """
        self.log = log
        self._kubeconfig = kubeconfig
        self.settings = dict(settings or {})
        self._becoming = tuple(becoming)
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    @property
    def pid(self) -> int:
        """The process' id; it must be running."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it says that it is ready.

        Raises RuntimeError, with the end of its log, if it ends or is not ready within 30 s.
        """
        self.address = f"{LOOPBACK}:{free_port()}"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IMAGESTREAMS_")},
            "KUBECONFIG": str(self._kubeconfig),
            "IMAGESTREAMS_LISTEN": self.address,
            **self.settings,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._becoming, sys.executable, "-m", "imagestreams", self.command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            self._wait_ready()

    def kill(self) -> None:
        """End it by SIGKILL, at once and with no chance to tidy up."""
        process = self._running()
        process.kill()
        process.wait()
        self._process = None

    def terminate(self, *, within: float = 10.0) -> tuple[int, float]:
        """End it by SIGTERM; the answer is its exit code and how many seconds it took.

        Raises subprocess.TimeoutExpired if it still runs then; it is killed before.
        """
        process = self._running()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self._process = None
        return code, time.monotonic() - began

    def metrics(self) -> str:
        """Read its /metrics."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=5) as answer:  # our own
            text: str = answer.read().decode()
            return text

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the operator is not running")
        return self._process

    def _wait_ready(self) -> None:
        process = self._running()
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"the operator ended with {process.returncode}:\n{self._tail()}")
            if self._ready():
                return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the operator is not ready after {_READY_WITHIN:.0f} s:\n{self._tail()}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/readyz", timeout=2):  # our own
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


class FacadeProcess(OperatorProcess):
    """Runs `imagestreams apiserver`, which registers itself by a Service that leads to this machine."""

    command = "apiserver"
    service_port = 0
    """The port by which the Service leads to it, where that is not its own but one of something in front."""
    port = 0
    """Its own port, once it was started."""

    def start(self, *, wait: bool = True) -> None:
        """Start it at a port of its own. Raises as an operator's does."""
        self.port = free_port()
        self.settings |= image_api_settings(self.port, self.service_port)
        super().start(wait=wait)


def image_api_settings(port: int, service_port: int = 0) -> dict[str, str]:
    """Give the settings of an image API that is served at a port of this machine (install_image_api).

    The API server asks at `service_port`, if that is another one.
    """
    return {
        "IMAGESTREAMS_API_LISTEN": f"{LOOPBACK}:{port}",
        "IMAGESTREAMS_API_SERVICE": f"{API_ACCOUNT}:{service_port or port}",
    }
