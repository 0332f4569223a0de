"""How many checks a second: five thousand unchanged tags at one registry, all of them due at once.

Compared with a bare loop of the same HEADs, as many at once, each thread with a session of its own: by turns,
for what else a machine does comes and goes. The operator is stopped (SIGSTOP) while the loop has its turn,
and what became due meanwhile waits for its own. The registry is a quick one of tests/support, in a process of
its own: it answers faster than either asks. `crane digest` in a loop, what people write into scripts, is told
as a yardstick from outside.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.populate import Admin, Population, create
from bench.reading import checks, processor_time
from bench.report import Figure
from support.manifests import stream, tag
from support.quick import quick_registry
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench
    from localrun import OperatorProcess
    from support.quick import QuickRegistry

_POPULATION = Population(100, 10, "throughput")
_TAGS = 50
_TURNS = 6
_SECONDS = 5.0
_MADE = 4_000
_EVERY = 0.05
_AT_ONCE = 8
"""IMAGESTREAMS_REGISTRY_SHARE, by default."""
_CRANES = 30


class _Turn(NamedTuple):
    """How many the operator and the loop made a second, and the ratio of what one cost of the processor."""

    ours: float
    bare: float
    processor: float


def measure(bench: Bench) -> list[Figure]:
    """Measure the loop and the operator by turns, and crane."""
    admin = Admin(bench.cluster.kubeconfig)
    total = _POPULATION.streams * _TAGS
    with quick_registry() as registry, bench.namespaces(*_POPULATION.spaces()):
        bench.say(f"throughput: making {_POPULATION.streams} streams of {_TAGS} tags ...")
        create(admin, ((space, _stream(registry, name)) for space, name in _POPULATION.names()), moves=1)
        with bench.operator() as operator:
            eventually(
                lambda: checks(operator, registry.host) > 2 * total,
                within=120,
                every=0.5,
                what="two rounds of all",
            )
            turns = [_turn(operator, registry) for _ in range(_TURNS)]
        crane = _crane(bench, registry)
    told = ", ".join(f"{turn.ours:.0f} to {turn.bare:.0f}" for turn in turns)
    bench.say(f"throughput: a second, the operator to the loop: {told}")
    ours = statistics.median(turn.ours for turn in turns)
    ratio = statistics.median(turn.ours / turn.bare for turn in turns)
    processor = statistics.median(turn.processor for turn in turns)
    loop = f"HEADs in sessions, {_AT_ONCE} at once"
    return [
        Figure("throughput", "checks a second", ours, "checks", n=_TURNS),
        Figure("throughput", "checks a second", ratio, "ratio", 0.85, loop, _TURNS, at_least=True),
        Figure("throughput", "processor time of a check", processor, "ratio", None, loop, _TURNS),
        Figure(
            "throughput", "checks a second", ours / crane, "ratio", None, "crane digest in a loop", _CRANES
        ),
    ]


def _stream(registry: QuickRegistry, name: str) -> dict[str, object]:
    tags = (
        tag(f"v{number}", f"{registry.host}/team/{name}:v{number}", scheduled=True) for number in range(_TAGS)
    )
    return stream(name, *tags, interval="5s")


def _turn(operator: OperatorProcess, registry: QuickRegistry) -> _Turn:
    os.kill(operator.pid, signal.SIGSTOP)
    try:
        shape = f"{_POPULATION.streams}x{_TAGS}"
        words = (registry.host, f"team/{_POPULATION.prefix}", shape, str(_AT_ONCE), str(_SECONDS))
        done = subprocess.run(
            [sys.executable, "-m", "bench.baselines", "heads", *words],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        os.kill(operator.pid, signal.SIGCONT)
    bare, processor = map(float, done.stdout.split())
    # All of them are due now; later it would wait for the next that is, five seconds after the last.
    registry.reset()
    began, used = time.monotonic(), processor_time(operator.pid)
    while (made := registry.counts().get("HEAD", 0)) < _MADE:
        time.sleep(_EVERY)
    seconds, used = time.monotonic() - began, processor_time(operator.pid) - used
    return _Turn(made / seconds, bare, used / made / processor)


def _crane(bench: Bench, registry: QuickRegistry) -> float:
    began = time.monotonic()
    for number in range(_CRANES):
        source = f"{registry.host}/team/{_POPULATION.prefix}-0:v{number}"
        subprocess.run(
            [str(bench.cluster.crane), "digest", "--insecure", source], capture_output=True, check=True
        )
    return _CRANES / (time.monotonic() - began)
