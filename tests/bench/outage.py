"""What ten thousand streams do while their one registry is down for a minute: little, and nothing is written.

Each has one tag, asked for every 30 s, and a status that says so. Down is a port that refuses connections:
the quick registry of tests/support is ended, and comes back at the same port. Written is counted by the
audit log, told by the Events there are; both until each tag has had its answer again.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from bench.populate import Admin, Population, create
from bench.reading import checks
from bench.report import Figure
from e2e import audit
from localcluster.ports import free_port
from support.manifests import stream, tag
from support.quick import quick_registry
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench
    from localrun import OperatorProcess

_POPULATION = Population(10_000, 20, "outage")
_DOWN = 60.0


def measure(bench: Bench) -> list[Figure]:
    """Take the registry down once all is asked for in its rounds."""
    admin = Admin(bench.cluster.kubeconfig)
    port = free_port()
    host = f"127.0.0.1:{port}"
    with bench.namespaces(*_POPULATION.spaces()):
        bench.say(f"outage: making {_POPULATION.streams} streams ...")
        streams = (
            (
                space,
                stream(name, tag("v0", f"{host}/team/{name}:v0", scheduled=True), interval="30s"),
            )
            for space, name in _POPULATION.names()
        )
        create(admin, streams, moves=1, say=lambda count: bench.say(f"outage: {count} streams"))
        with contextlib.ExitStack() as stack:
            registry = stack.enter_context(contextlib.ExitStack())
            registry.enter_context(quick_registry(port))
            operator = stack.enter_context(bench.operator())
            _await_checks(operator, host, 2 * _POPULATION.streams)
            moment = audit.now()
            bench.say(f"outage: down for {_DOWN:.0f} s ...")
            registry.close()
            time.sleep(_DOWN)
            stack.enter_context(quick_registry(port))
            began, before = time.monotonic(), checks(operator, host)
            _await_checks(operator, host, before + _POPULATION.streams)
            healed = time.monotonic() - began
            events = [_told(admin, space) for space in _POPULATION.spaces()]
            writes = audit.writes_since(bench.cluster, moment)
            if not writes:
                raise RuntimeError("the audit log shows not even the Events")
            written = [asked for asked in writes if asked.path.partition("?")[0].endswith("/status")]
    what = f"{_POPULATION.streams} streams"
    return [
        Figure("outage", f"Events in a namespace at most, {what}", max(events), "Events", 1),
        Figure("outage", f"Events in a namespace at least, {what}", min(events), "Events"),
        Figure("outage", f"statuses written, {what}", len(written), "writes", 0),
        Figure("outage", "until as many checks were answered again", healed, "s"),
    ]


def _await_checks(operator: OperatorProcess, host: str, count: int) -> None:
    eventually(lambda: checks(operator, host) >= count, within=240, every=0.5, what=f"{count} checks")


def _told(admin: Admin, space: str) -> int:
    """Count what a namespace was told of its registry, repetitions of the same Event too."""
    events = admin.request("GET", f"/api/v1/namespaces/{space}/events")["items"]
    return sum(event.get("count") or 1 for event in events if event["reason"].startswith("Registry"))
