"""How long it takes from the moment that a tag moves until the status shows it, with a thousand tags.

All are asked for every five seconds; a few move at a time, at moments that have nothing to do with the
rounds. The registry is a quick one of tests/support, told which tags move and when.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from typing import TYPE_CHECKING

from bench.populate import Admin, Population, create
from bench.reading import Watch, checks, current, percentile
from bench.report import Figure
from support.manifests import stream, tag
from support.quick import manifest_of, quick_registry
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench
    from support.quick import QuickRegistry

_POPULATION = Population(100, 10, "latency")
_TAGS = 10
_INTERVAL = 5
_MOVES = 200
_PAUSE = 0.4
"""Between two moves on average, in seconds."""


def measure(bench: Bench) -> list[Figure]:
    """Move two hundred of a thousand tags."""
    admin = Admin(bench.cluster.kubeconfig)
    total = _POPULATION.streams * _TAGS
    with quick_registry() as registry, bench.namespaces(*_POPULATION.spaces()):
        create(admin, ((space, _stream(registry, name)) for space, name in _POPULATION.names()), moves=1)
        with bench.operator() as operator:
            eventually(
                lambda: checks(operator, registry.host) > 2 * total,
                within=60,
                every=0.5,
                what="two rounds of all",
            )
            bench.say(f"latency: {_MOVES} of {total} tags move ...")
            times = _move(admin, registry)
    last = percentile(times, 0.99)
    return [
        Figure("latency", "tag moves to status shows it, median", statistics.median(times), "s", n=_MOVES),
        Figure("latency", "tag moves to status shows it, p99", last, "s", _INTERVAL + 1, n=_MOVES),
    ]


def _stream(registry: QuickRegistry, name: str) -> dict[str, object]:
    tags = (
        tag(f"v{number}", f"{registry.host}/team/{name}:v{number}", scheduled=True) for number in range(_TAGS)
    )
    return stream(name, *tags, interval=f"{_INTERVAL}s")


def _move(admin: Admin, registry: QuickRegistry) -> list[float]:
    chosen = random.sample(
        [(name, f"v{number}") for _, name in _POPULATION.names() for number in range(_TAGS)], _MOVES
    )
    moved: dict[tuple[str, str], float] = {}

    def move() -> None:
        for name, version in chosen:
            moved[name, version] = time.monotonic()
            registry.move(f"team/{name}:{version}")
            time.sleep(random.uniform(0, 2 * _PAUSE))

    took: dict[tuple[str, str], float] = {}
    watch = Watch(admin)
    mover = threading.Thread(target=move)
    mover.start()
    try:
        for when, found in watch.changed(within=_MOVES * _PAUSE * 2 + 60):
            name = found["metadata"]["name"]
            for version, digest in current(found).items():
                one = name, version
                if one in moved and one not in took and digest == manifest_of(version, 1)[0]:
                    took[one] = when - moved[one]
            if len(took) == _MOVES:
                break
    finally:
        watch.close()
        mover.join()
    return list(took.values())
