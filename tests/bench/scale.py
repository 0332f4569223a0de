"""Ten thousand streams of five tags: how long a start takes, what it costs in memory, whether idle is idle.

Every stream has the status that the operator itself would have given it (4 KB), and a quick registry
serves what that status says: nothing moved, and nothing is to be written. A start is over when every
stream is stored and has its due time; it is compared with a bare paged LIST of the same objects. The
registry is a quick one of tests/support: a real one would have to be filled with 50,000 tags first, and
counts nothing.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.populate import Admin, Population, create
from bench.report import Figure
from support.manifests import stream, tag
from support.quick import quick_registry

if TYPE_CHECKING:
    from bench.bench import Bench
    from localrun import OperatorProcess
    from support.quick import QuickRegistry

_SIZES = (1_000, 3_000, 10_000)
_TAGS = 5
_MOVES = 2
_RUNS = 3
_WITHIN = 120.0
_IDLE = 70.0
"""In the first minute after a start each tag is asked for once."""


class _Start:
    """One start of the operator, and what it took."""

    def __init__(self, bench: Bench, streams: int) -> None:
        began = time.monotonic()
        with bench.operator() as operator:
            _wait_until_known(operator, streams)
            self.seconds = time.monotonic() - began
            time.sleep(5)
            self.peak = _peak(operator.pid)


def measure(bench: Bench) -> list[Figure]:
    """Measure at a thousand, three thousand and ten thousand streams."""
    figures: list[Figure] = []
    admin = Admin(bench.cluster.kubeconfig)
    empty = _Start(bench, 0)
    times: dict[int, float] = {}
    peaks: dict[int, float] = {}
    population = Population(_SIZES[-1], 20, "scale")
    with quick_registry() as registry, bench.namespaces(*population.spaces()):
        there = 0
        for size in _SIZES:
            bench.say(f"scale: making {size - there} streams ...")
            _fill(admin, registry, population, there, size)
            there = size
            lists = sorted(_list_time(bench) for _ in range(_RUNS))
            starts = [_Start(bench, size) for _ in range(_RUNS)]
            times[size] = sorted(start.seconds for start in starts)[_RUNS // 2]
            peaks[size] = max(start.peak for start in starts)
            told = f"{size} streams: start {times[size]:.1f} s, LIST {lists[_RUNS // 2]:.1f} s"
            bench.say(f"scale: {told}, peak {peaks[size]:.0f} MiB")
            if size == _SIZES[-1]:
                ratio = times[size] / lists[_RUNS // 2]
                figures += [
                    Figure("scale", "start to all known", times[size], "s", n=_RUNS),
                    Figure("scale", "start to all known", ratio, "ratio", 3.0, "a paged LIST", _RUNS),
                    Figure("scale", "peak memory", peaks[size], "MiB", 350, n=_RUNS),
                    *_idle(bench, registry, size),
                ]
    small, large = _SIZES[0], _SIZES[-1]
    extent = math.log(large / small)
    grown = math.log((peaks[large] - empty.peak) / max(peaks[small] - empty.peak, 1.0)) / extent
    took = math.log((times[large] - empty.seconds) / max(times[small] - empty.seconds, 0.01)) / extent
    what = f"{small} to {large} streams, over a start with none"
    return [
        *figures,
        Figure("growth", "time to start", took, "exponent", 1.1, what, _RUNS),
        Figure("growth", "peak memory", grown, "exponent", 1.1, what, _RUNS),
    ]


def _fill(admin: Admin, registry: QuickRegistry, population: Population, start: int, end: int) -> None:
    named = list(population.names())[start:end]
    create(
        admin,
        (
            (
                namespace,
                stream(
                    name,
                    *(
                        # As in a real cluster no two streams name the same digest: equal texts are kept once.
                        tag(f"v{number}", f"{registry.host}/team/{name}:{name}-v{number}", scheduled=True)
                        for number in range(_TAGS)
                    ),
                ),
            )
            for namespace, name in named
        ),
        moves=_MOVES,
    )


def _idle(bench: Bench, registry: QuickRegistry, streams: int) -> list[Figure]:
    registry.reset()
    with bench.operator() as operator:
        _wait_until_known(operator, streams)
        before = _processor(operator.pid)
        bench.say("scale: each tag is asked for once ...")
        time.sleep(_IDLE)
        checks = registry.counts().get("HEAD", 0)
        used = _processor(operator.pid) - before
        writes = sum(
            float(count)
            for count in re.findall(
                r"^imagestreams_writes_total{.*} (\S+)$", operator.metrics(), re.MULTILINE
            )
        )
    return [
        Figure("scale", "checks in the first minute", checks, "checks"),
        Figure("scale", "processor time for 1,000 checks", used / checks * 1000, "s", n=checks),
        Figure("scale", "writes while nothing moves", writes, "writes", 0),
        Figure("scale", "manifests fetched while nothing moves", registry.counts().get("GET", 0), "GETs", 0),
    ]


def _wait_until_known(operator: OperatorProcess, streams: int) -> None:
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        text = operator.metrics()
        known = re.search(r"^imagestreams_streams (\S+)", text, re.MULTILINE)
        looked_at = re.search(r"^imagestreams_streams_looked_at (\S+)", text, re.MULTILINE)
        if known and looked_at and float(known[1]) == float(looked_at[1]) == streams:
            return
        time.sleep(0.1)
    raise RuntimeError(f"after {_WITHIN:.0f} s the operator does not know {streams} streams")


def _list_time(bench: Bench) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.baselines", "paged-list", str(bench.cluster.kubeconfig)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError(f"process {pid} is gone")
    return int(found[1]) / 1024


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
