"""One program as a child of `make run`: its lines go to our standard error, each with its name before it."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping

_CHUNK = 65536


class Child:
    """Runs `imagestreams COMMAND` until it ends or is stopped; it does not outlive us, however we end."""

    def __init__(self, name: str, command: str, settings: Mapping[str, str]) -> None:
        """`settings` are variables beside those of this process."""
        self._name = name
        self._command = command
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._telling: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Tell whether it runs no more."""
        return self._process is None or self._process.returncode is not None

    async def start(self) -> None:
        """Start it, in a session of its own: a Ctrl-C in the terminal is for us to pass on, in order."""
        # Where we are killed, it is told to stop by the kernel: it hands back what it took.
        setpriv = shutil.which("setpriv")
        bound = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        self._process = await asyncio.create_subprocess_exec(
            *bound,
            sys.executable,
            "-m",
            "imagestreams",
            self._command,
            env={**os.environ, **self._settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._telling = asyncio.create_task(self._tell(self._process))

    async def wait(self) -> int:
        """Wait for its end; the answer is its exit code, as a shell tells it."""
        assert self._process is not None and self._telling is not None  # noqa: S101, PT018  # it was started
        # Not awaited as it is: who stops waiting would stop it.
        await asyncio.wait([self._telling])
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    async def stop(self, within: float) -> int:
        """End it by SIGTERM, or after so many seconds by SIGKILL; the answer is its exit code."""
        if not self.ended:
            self._signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(asyncio.shield(self.wait()), within)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None  # noqa: S101  # it was started
        # Its end may be on the way to us.
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101  # asked for above
        rest = b""
        while chunk := await process.stdout.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                tell(self._name, line.decode(errors="replace"))
        if rest:
            tell(self._name, rest.decode(errors="replace"))


def tell(name: str, line: str) -> None:
    """Print a line of one of the programs, or of `make run` itself, so that they are told apart."""
    print(f"{name:<9} | {line}", file=sys.stderr, flush=True)
