"""What starting costs: imports, by `python -X importtime`, and memory, by the kernel's account of it."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.report import Figure

if TYPE_CHECKING:
    from bench.bench import Bench

_RUNS = 3
_SETTLE = 10.0
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( *)(\S+)")


def measure(bench: Bench) -> list[Figure]:
    """Measure both."""
    told = ", ".join(f"{name} {cost:.0f}" for name, cost in slowest(8))
    bench.say(f"modules that take longest to import, ms: {told}")
    return [*imports(), *memory(bench)]


def imports() -> list[Figure]:
    """Measure importing the whole operator, and the same without our own code."""
    ours = [_import_times("-c", "import imagestreams.app") for _ in range(_RUNS)]
    theirs = [_import_times("-m", "bench.baselines", "imports") for _ in range(_RUNS)]
    total = statistics.median(sum(run.values()) for run in ours)
    base = statistics.median(sum(run.values()) for run in theirs)
    own = statistics.median(
        sum(cost for name, cost in run.items() if name.startswith("imagestreams")) for run in ours
    )
    return [
        Figure("startup", "import the operator", total / 1000, "ms", n=_RUNS),
        Figure("startup", "of that, modules of our own", own / 1000, "ms", n=_RUNS),
        Figure("startup", "import the operator", total / base, "ratio", 1.3, "the libraries alone", _RUNS),
    ]


def slowest(count: int) -> list[tuple[str, float]]:
    """Name the modules whose own code takes longest to import, in milliseconds."""
    times = _import_times("-c", "import imagestreams.app")
    ranked = sorted(times.items(), key=lambda item: item[1], reverse=True)
    return [(name, cost / 1000) for name, cost in ranked[:count]]


def memory(bench: Bench) -> list[Figure]:
    """Measure the memory of the operator after its start, and that of a Kopf operator that does nothing."""
    with bench.operator() as operator:
        time.sleep(_SETTLE)
        ours = _resident(operator.pid)
        threads = len(list(Path(f"/proc/{operator.pid}/task").iterdir()))
    theirs = _empty_operator_memory(bench.kubeconfig)
    return [
        Figure("startup", "resident memory after start", ours, "MiB"),
        Figure(
            "startup", "resident memory after start", ours / theirs, "ratio", 1.25, "an empty Kopf operator"
        ),
        Figure("startup", "threads after start", threads, "threads"),
    ]


def _import_times(*arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    return {match[4]: float(match[1]) for match in _LINE.finditer(done.stderr)}


def _empty_operator_memory(kubeconfig: Path) -> float:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.baselines", "empty-operator"],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != "ready":
                raise RuntimeError("the empty operator did not start")
            time.sleep(_SETTLE)
            return _resident(process.pid)
        finally:
            process.terminate()


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise RuntimeError(f"process {pid} is gone")
    return int(found[1]) / 1024
