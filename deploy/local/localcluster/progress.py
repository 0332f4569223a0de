"""How the tool tells what it is doing.

Every long step takes a `Progress`: a callable that is given short lines. The command line prints them with
the time since the start; tests and other callers may pass their own, or `silent`.
"""

import sys
import time
from collections.abc import Callable

Progress = Callable[[str], None]


def silent(_message: str) -> None:
    """Tell nobody."""


class Terminal:
    """Prints each line at once to standard error, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, message: str) -> None:
        """Print one line."""
        elapsed = time.monotonic() - self._start
        print(f"[{elapsed:6.1f} s] {message}", file=sys.stderr, flush=True)
