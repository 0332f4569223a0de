"""How long it takes from a status with a new image to the patch of the Deployment that follows it.

Both as the API server's audit log has them, for a hundred moves of ten streams. Compared with a bare loop
that watches the streams and patches, while no operator runs. The operator is not told more than the loop:
somebody else writes the status, as a push to an image registry does.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench.following import make_deployments, make_streams, move, wait_rolled_out
from bench.populate import Admin
from bench.reading import gauge, percentile
from bench.report import Figure
from e2e import audit
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.bench import Bench

_STREAMS = 10
_MOVES = 100
_PAUSE = 0.25
_SPACE = "reaction"


def measure(bench: Bench) -> list[Figure]:
    """Move the tags for the loop, and then for the operator."""
    admin = Admin(bench.cluster.kubeconfig)
    names = [f"web-{number}" for number in range(_STREAMS)]
    with bench.namespaces(_SPACE):
        make_streams(admin, _SPACE, names)
        make_deployments(admin, _SPACE, {name: name for name in names})
        wait_rolled_out(admin, _SPACE)
        with _loop(bench):
            bench.say(f"reaction: {_MOVES} moves, for a loop ...")
            bare = _reactions(bench, admin, names, 0)
        with bench.operator() as operator:
            eventually(
                lambda: gauge(operator, "imagestreams_workloads") == _STREAMS,
                within=60,
                what="all followers known",
            )
            bench.say(f"reaction: {_MOVES} moves, for the operator ...")
            # The first of all pay for connections, as no others do.
            for name in names:
                move(admin, _SPACE, name, _MOVES)
            time.sleep(2)
            ours = _reactions(bench, admin, names, _MOVES)
    what = "status written to Deployment patched"
    ratio = percentile(ours, 0.99) / percentile(bare, 0.99)
    return [
        Figure("reaction", f"{what}, median", statistics.median(ours), "s", n=_MOVES),
        Figure("reaction", f"{what}, p99", percentile(ours, 0.99), "s", n=_MOVES),
        Figure("reaction", f"{what}, p99", ratio, "ratio", 2.0, "a bare watch-then-patch loop", _MOVES),
    ]


@contextlib.contextmanager
def _loop(bench: Bench) -> Iterator[None]:
    command = [
        sys.executable,
        "-m",
        "bench.baselines",
        "watch-then-patch",
        str(bench.cluster.kubeconfig),
        _SPACE,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the loop does not run")
            yield
        finally:
            process.kill()


def _reactions(bench: Bench, admin: Admin, names: list[str], before: int) -> list[float]:
    moment = audit.now()
    for number in range(_MOVES):
        move(admin, _SPACE, names[number % _STREAMS], before + 1 + number // _STREAMS)
        time.sleep(_PAUSE)
    streams, deployments = (
        f"/apis/{group}/namespaces/{_SPACE}/{plural}/"
        for group, plural in (("image.openshift.io/v1alpha1", "imagestreams"), ("apps/v1", "deployments"))
    )
    time.sleep(2)
    took: list[float] = []
    patched = sorted(
        audit.answered_since(bench.cluster, moment, "patch", deployments), key=lambda one: one[1]
    )
    for path, at in audit.answered_since(bench.cluster, moment, "patch", streams):
        name = path.removeprefix(streams).removesuffix("/status")
        took.append(next(when for path, when in patched if path == deployments + name and when > at) - at)
    if len(took) != _MOVES:
        raise RuntimeError(f"{len(took)} moves are in the audit log")
    return took
