"""How long a user waits who adds a tag while fifty thousand checks are due.

A thousand streams of fifty tags are asked for every five seconds, ten times what can be done: the checks that
wait never end. A tag is added now to a stream of a namespace that has none of them, now to one of their own
streams. The registry is a quick one of tests/support: a real one would have to be filled first.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import TYPE_CHECKING

from bench.populate import Admin, Population, create
from bench.reading import Watch, checks, current, path_of, percentile
from bench.report import Figure
from support.manifests import stream, tag
from support.quick import manifest_of, quick_registry
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench
    from support.quick import QuickRegistry

_POPULATION = Population(1000, 20, "edit")
_TAGS = 50
_ELSEWHERE = "edit-elsewhere"
_EDITS = 50
_PAUSE = 0.2
_WITHIN = 45.0
"""For so many seconds at most is added to each kind of stream: how many that were is told."""


def measure(bench: Bench) -> list[Figure]:
    """Add tags, one after the other, to each of the two kinds of streams."""
    admin = Admin(bench.cluster.kubeconfig)
    total = _POPULATION.streams * _TAGS
    with quick_registry() as registry, bench.namespaces(*_POPULATION.spaces(), _ELSEWHERE):
        bench.say(f"edit: making {_POPULATION.streams} streams of {_TAGS} tags ...")
        create(
            admin, ((space, _stream(registry, name, _TAGS)) for space, name in _POPULATION.names()), moves=1
        )
        create(admin, [(_ELSEWHERE, _stream(registry, "quiet", 1))], moves=1)
        with bench.operator() as operator:
            # In the first seconds after its start it only comes to know what is due.
            eventually(
                lambda: checks(operator, registry.host) > total / 10, within=120, every=0.5, what="a backlog"
            )
            bench.say(f"edit: adding {_EDITS} tags to a stream elsewhere ...")
            registry.reset()
            began = time.monotonic()
            quiet = _edits(admin, registry, [(_ELSEWHERE, "quiet")])
            bench.say("edit: now to streams of the backlog ...")
            busy = _edits(admin, registry, list(_POPULATION.names()))
            rate = registry.counts()["HEAD"] / (time.monotonic() - began)
    for where, times in (("elsewhere", quiet), ("in the backlog", busy)):
        slowest = ", ".join(f"{seconds:.2f}" for seconds in sorted(times)[-3:])
        told = f"median {statistics.median(times):.2f} s, the slowest {slowest} s"
        bench.say(f"edit: {where} {told} of {len(times)}; {rate:.0f} checks a second")
    figures = []
    for where, times in (("another namespace", quiet), ("a namespace of the backlog", busy)):
        what = f"edit to imported, {where}"
        figures += [
            Figure("edit", f"{what}, median", statistics.median(times), "s", n=len(times)),
            Figure("edit", f"{what}, p99", percentile(times, 0.99), "s", 1.0, n=len(times)),
        ]
    return [*figures, Figure("edit", "checks a second meanwhile", rate, f"of {total // 5} due")]


def _stream(registry: QuickRegistry, name: str, tags: int) -> dict[str, object]:
    written = (
        tag(f"v{number}", f"{registry.host}/team/{name}:v{number}", scheduled=True) for number in range(tags)
    )
    return stream(name, *written, interval="5s")


def _edits(admin: Admin, registry: QuickRegistry, streams: list[tuple[str, str]]) -> list[float]:
    times: list[float] = []
    ends = time.monotonic() + _WITHIN
    for number in range(_EDITS):
        if time.monotonic() > ends:
            break
        space, name = streams[number % len(streams)]
        added = f"added-{number}"
        operation = {
            "op": "add",
            "path": "/spec/tags/-",
            "value": tag(added, f"{registry.host}/team/{name}:{added}"),
        }
        watch = Watch(admin, path_of(space))
        try:
            began = time.monotonic()
            admin.session().patch(
                admin.server + path_of(space, name),
                data=json.dumps([operation]),
                headers={"Content-Type": "application/json-patch+json"},
                timeout=30,
            ).raise_for_status()
            expected = manifest_of(added)[0]
            done = next(
                when
                for when, found in watch.changed(within=60)
                if found["metadata"]["name"] == name and current(found).get(added) == expected
            )
        finally:
            watch.close()
        times.append(done - began)
        time.sleep(_PAUSE)
    return times
