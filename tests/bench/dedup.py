"""What a tag costs that a hundred streams follow: one request a round, whoever follows it.

Ten namespaces have the same user and password in a secret of their own, and ten streams each. A round is
an interval of five seconds. The registry is of support.faults: it has users, and counts.
"""

from __future__ import annotations

import itertools
import secrets
import time
from typing import TYPE_CHECKING

from bench.populate import Admin, Population, create
from bench.reading import current, path_of, wait_ready
from bench.report import Figure
from support.faults import separate_registry
from support.manifests import pull_secret, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench
    from support.faults import FaultRegistry

_INTERVAL = 5
_ROUNDS = 10


def measure(bench: Bench) -> list[Figure]:
    """Count the requests of ten rounds, and those of a move that all streams then show."""
    admin = Admin(bench.cluster.kubeconfig)
    population = Population(100, 10, "dedup")
    with (
        separate_registry(auth="basic") as registry,
        bench.namespaces(*population.spaces()),
        bench.operator(),
    ):
        registry.put_image("team/app", "v1")
        secret = pull_secret("pull", registry.host, registry.username, registry.password)
        for space in population.spaces():
            admin.request("POST", f"/api/v1/namespaces/{space}/secrets", secret)
        source = tag("v1", f"{registry.host}/team/app:v1", scheduled=True)
        create(
            admin,
            ((space, stream(name, source, interval=f"{_INTERVAL}s")) for space, name in population.names()),
        )
        wait_ready(admin, population.spaces())
        bench.say(f"dedup: {_ROUNDS} rounds ...")
        # Made at different moments, the streams come to ask together within their first round.
        _await_heads(registry, 3)
        times = _await_heads(registry, _ROUNDS + 1)
        rounds = (times[-1] - times[0]) / _INTERVAL
        requests = registry.count() - 1

        registry.reset()
        moved = registry.put_image("team/app", "v1", secrets.token_hex(8))
        began = time.monotonic()

        def all_moved() -> bool:
            lists = [admin.request("GET", path_of(space))["items"] for space in population.spaces()]
            return all(current(each) == {"v1": moved} for each in itertools.chain(*lists))

        eventually(all_moved, within=30, every=0.5, what="all streams moved")
        took = time.monotonic() - began
        heads, gets = registry.count("manifest-head"), registry.count("manifest-get")
    return [
        Figure("dedup", "requests a round for 100 streams", requests / rounds, "requests", 1.0, n=_ROUNDS),
        Figure("dedup", "a move until all show it", took, "s"),
        Figure("dedup", "HEADs until then", heads, "requests"),
        Figure("dedup", "manifests fetched for it", gets, "GETs"),
    ]


def _await_heads(registry: FaultRegistry, count: int) -> list[float]:
    """Wait for so many HEADs from now on, and give their times, of time.monotonic."""
    registry.reset()
    eventually(
        lambda: registry.count("manifest-head") >= count,
        within=count * _INTERVAL * 2,
        every=0.02,
        what=f"{count} requests",
    )
    return [record.time for record in registry.matching("manifest-head")]
