"""What a check of an unchanged tag costs at a registry that is open, has passwords, or has tokens.

Two hundred tags of four repositories at each, asked for every five seconds; every request counts, those for
tokens too, which live a minute as they do where a registry says nothing of it. The registries are of
support.faults: counts are wanted, and 120 checks a second are no load.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Literal

from bench.populate import Admin, create
from bench.reading import between_rounds, checks, wait_ready
from bench.report import Figure
from support.faults import FaultRegistry, separate_registry
from support.manifests import pull_secret, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench
    from localrun import OperatorProcess

_How = Literal["open", "basic", "bearer"]
_BARS: dict[_How, float] = {"open": 1.01, "basic": 1.01, "bearer": 1.02}
_REPOSITORIES = 4
_TAGS = 50
_CHECKS = 1000


def measure(bench: Bench) -> list[Figure]:
    """Count a thousand checks at each of the three."""
    admin = Admin(bench.cluster.kubeconfig)
    with contextlib.ExitStack() as stack:
        registries = {
            how: stack.enter_context(separate_registry(auth=None if how == "open" else how)) for how in _BARS
        }
        spaces = [f"unchanged-{how}" for how in registries]
        stack.enter_context(bench.namespaces(*spaces))
        operator = stack.enter_context(bench.operator())
        for space, registry in zip(spaces, registries.values(), strict=True):
            _fill(admin, space, registry)
        wait_ready(admin, spaces)
        bench.say(f"requests: {_CHECKS} checks at each of {len(registries)} registries ...")
        figures = [_count(operator, registry, how) for how, registry in registries.items()]
        return [figure for group in figures for figure in group]


def _fill(admin: Admin, space: str, registry: FaultRegistry) -> None:
    secret = pull_secret("pull", registry.host, registry.username, registry.password)
    admin.request("POST", f"/api/v1/namespaces/{space}/secrets", secret)
    names = [f"app-{number}" for number in range(_REPOSITORIES)]
    # Of its own in each run: an Image that is there already would not be asked for.
    content = secrets.token_hex(8)
    for name in names:
        for number in range(_TAGS):
            registry.put_image(f"team/{name}", f"v{number}", content)
    create(
        admin,
        (
            (
                space,
                stream(
                    name,
                    *(
                        tag(f"v{number}", f"{registry.host}/team/{name}:v{number}", scheduled=True)
                        for number in range(_TAGS)
                    ),
                    interval="5s",
                ),
            )
            for name in names
        ),
    )


def _count(operator: OperatorProcess, registry: FaultRegistry, how: _How) -> list[Figure]:
    host = registry.host
    eventually(lambda: registry.count("blob") > 0, within=30, what="the Image that is stored once")
    first, _ = between_rounds(operator, [host], registry.reset)
    eventually(lambda: checks(operator, host) >= first + _CHECKS, within=90, every=0.5, what="the checks")
    last, records = between_rounds(operator, [host], lambda: registry.requests)
    asked = [record for record in records if record.kind != "handshake"]
    made = last - first
    gets = sum(record.kind == "manifest-get" for record in asked)
    tokens = sum(record.kind == "token" for record in asked)
    connections = len({record.connection for record in asked})
    return [
        Figure("requests", f"per check, {how}", len(asked) / made, "requests", _BARS[how], n=made),
        Figure("requests", f"manifests fetched, {how}", gets, "GETs", 0, n=made),
        Figure("requests", f"connections used, {how}", connections, "connections", n=made),
        *([Figure("requests", "tokens fetched, bearer", tokens, "requests", n=made)] if tokens else []),
    ]
