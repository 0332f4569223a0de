"""Watching one thing with `kubectl get --watch`, and when each of its values was first seen."""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self


class NotSeenError(Exception):
    """What the story waits for did not come in time. The message says what, and what was seen instead."""


class Watch:
    """The values of a jsonpath over time, read in the background until it is closed."""

    def __init__(self, kubectl: Path, kubeconfig: Path, *arguments: str, jsonpath: str) -> None:
        self._values: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [
                str(kubectl),
                f"--kubeconfig={kubeconfig}",
                "get",
                *arguments,
                "--watch",
                "-o",
                f'jsonpath={jsonpath}{{"\\n"}}',
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def wait(self, wanted: Callable[[str], bool], *, within: float, what: str) -> tuple[float, str]:
        """Wait for a value; the answer is when it was seen first (time.monotonic) and what it is.

        Raises NotSeenError when it is not seen within so many seconds.
        """
        deadline = time.monotonic() + within
        with self._changed:
            while True:
                for seen, value in self._values:
                    if wanted(value):
                        return seen, value
                left = deadline - time.monotonic()
                if left <= 0:
                    last = self._values[-1][1] if self._values else "nothing"
                    raise NotSeenError(f"{what} was not seen within {within:.0f} s; seen last: {last}")
                self._changed.wait(left)

    def _read(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        try:
            for line in stream:
                with self._changed:
                    self._values.append((time.monotonic(), line.strip()))
                    self._changed.notify_all()
        except ValueError:
            return  # closed while reading: the story is over
