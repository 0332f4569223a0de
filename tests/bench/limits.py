"""What two hosts in trouble cost the eight that are well: one limits us for a minute, one never answers.

Ten namespaces follow tags of all ten hosts, every five seconds. First the eight are asked alone, then beside
the two, and their checks are compared. The limited host answers 429 with Retry-After 30: what comes while
others of its questions are under way is no breach, what comes later is. The registries are quick ones of
tests/support, which limit and hang as they are told. That all is in one namespace is told too: a namespace
has its share, and a host that hangs can hold it.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from bench.populate import Admin, Population, create
from bench.reading import checks
from bench.report import Figure
from support.manifests import stream, tag
from support.quick import quick_registry
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.bench import Bench
    from support.quick import QuickRegistry

_WELL = 8
_TAGS = 25
_STREAMS = 10
"""So many of each host."""
_ALONE = 30.0
_BESIDE = 60.0
_RETRY_AFTER = 30.0
_UNDER_WAY = 0.5
"""For how many seconds after the first 429 a request may come that was on its way before."""


def measure(bench: Bench) -> list[Figure]:
    """Measure with ten namespaces, then with one."""
    many, breaches, limited = _compare(bench, 10)
    one, _, _ = _compare(bench, 1)
    beside = "the eight alone"
    return [
        Figure("limits", "checks on the eight, ten namespaces", many, "ratio", 0.9, beside, at_least=True),
        Figure("limits", "requests to the limited host in its pause", breaches, "requests", 0),
        Figure("limits", "requests that it answered with 429", limited, "requests"),
        Figure("limits", "checks on the eight, all in one namespace", one, "ratio", None, beside),
    ]


def _compare(bench: Bench, spaces: int) -> tuple[float, int, int]:
    admin = Admin(bench.cluster.kubeconfig)
    population = Population(_STREAMS, spaces, f"limits-{spaces}")
    with contextlib.ExitStack() as stack:
        registries = [stack.enter_context(quick_registry()) for _ in range(_WELL + 2)]
        stack.enter_context(bench.namespaces(*population.spaces()))
        well, (limiting, hanging) = registries[:_WELL], registries[_WELL:]
        _fill(admin, population, well)
        bench.say(f"limits: the eight alone, namespaces: {spaces} ...")
        alone = _rate(bench, well, _ALONE)
        _fill(admin, population, [limiting, hanging])
        bench.say("limits: beside one that limits and one that hangs ...")
        limiting.behave(f"limit {_RETRY_AFTER:.0f}")
        hanging.behave("hang")
        beside = _rate(bench, well, _BESIDE)
        times = limiting.limited_at()
    return beside / alone, _breaches(times), len(times)


def _fill(admin: Admin, population: Population, registries: Sequence[QuickRegistry]) -> None:
    for registry in registries:
        port = registry.host.rpartition(":")[2]
        create(
            admin,
            ((space, _stream(registry, f"{name}-{port}")) for space, name in population.names()),
            moves=1,
        )


def _stream(registry: QuickRegistry, name: str) -> dict[str, object]:
    tags = (
        tag(f"v{number}", f"{registry.host}/team/{name}:v{number}", scheduled=True) for number in range(_TAGS)
    )
    return stream(name, *tags, interval="5s")


def _rate(bench: Bench, registries: Sequence[QuickRegistry], seconds: float) -> float:
    hosts = [registry.host for registry in registries]
    with bench.operator() as operator:
        total = len(hosts) * _STREAMS * _TAGS
        eventually(lambda: checks(operator, *hosts) > total, within=120, every=0.5, what="a first round")
        for registry in registries:
            registry.reset()
        began = time.monotonic()
        time.sleep(seconds)
        made = sum(registry.counts().get("HEAD", 0) for registry in registries)
        return made / (time.monotonic() - began)


def _breaches(times: Sequence[float]) -> int:
    """Count the requests that came in a pause, later than those that were on their way."""
    breaches, since = 0, float("-inf")
    for when in sorted(times):
        if when >= since + _RETRY_AFTER:
            since = when
        elif when > since + _UNDER_WAY:
            breaches += 1
    return breaches
