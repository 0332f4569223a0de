"""How long it takes until a thousand Deployments that follow a tag have its new image.

From the moment that the status with the new image is stored until the last Deployment is patched, as the API
server's audit log has them. Compared with a bare loop of the same patches, of as many threads, on a thousand
Deployments that follow nothing, while no operator runs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.following import image, make_deployments, make_streams, move, wait_rolled_out
from bench.populate import Admin
from bench.reading import gauge
from bench.report import Figure
from e2e import audit
from imagestreams.settings import Settings
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench

_COUNT = 1000
_RUNS = 3
_SPACE, _BARE = "triggers", "triggers-bare"
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{_SPACE}/deployments/"


def measure(bench: Bench) -> list[Figure]:
    """Move the tag, and do the same by the loop, by turns."""
    admin = Admin(bench.cluster.kubeconfig)
    follows = {f"web-{number}": "app" for number in range(_COUNT)}
    with bench.namespaces(_SPACE, _BARE):
        bench.say(f"triggers: making twice {_COUNT} Deployments ...")
        make_streams(admin, _SPACE, ["app"])
        make_deployments(admin, _SPACE, follows)
        make_deployments(admin, _BARE, follows, triggers=False)
        pairs = []
        for version in range(1, _RUNS + 1):
            wait_rolled_out(admin, _SPACE, _BARE)
            bare = _loop(bench, version)
            wait_rolled_out(admin, _SPACE, _BARE)
            ours = _followed(bench, admin, version)
            bench.say(f"triggers: {ours:.2f} s, the loop {bare:.2f} s")
            pairs.append((ours, bare))
    what = f"a tag moves to all of {_COUNT} Deployments patched"
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    return [
        Figure("triggers", what, statistics.median(ours for ours, _ in pairs), "s", n=_RUNS),
        Figure("triggers", what, ratio, "ratio", 1.3, "a bare loop of the same patches", _RUNS),
    ]


def _followed(bench: Bench, admin: Admin, version: int) -> float:
    with bench.operator() as operator:
        eventually(
            lambda: gauge(operator, "imagestreams_workloads") == _COUNT, within=60, what="all followers known"
        )
        moment = audit.now()
        move(admin, _SPACE, "app", version)
        eventually(
            lambda: _patched(operator.metrics()) >= _COUNT,
            within=180,
            every=0.5,
            what="all Deployments patched",
        )
    written = audit.answered_since(
        bench.cluster, moment, "patch", f"/apis/image.openshift.io/v1alpha1/namespaces/{_SPACE}/"
    )
    patches = audit.answered_since(bench.cluster, moment, "patch", _DEPLOYMENTS)
    if (found := len({path for path, _ in patches})) != _COUNT:
        raise RuntimeError(f"{found} Deployments were patched")
    return max(at for _, at in patches) - min(at for _, at in written)


def _patched(metrics: str) -> int:
    line = 'imagestreams_writes_total{outcome="ok",what="workload"} '
    return next((int(float(text.removeprefix(line))) for text in metrics.splitlines() if line in text), 0)


def _loop(bench: Bench, version: int) -> float:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.baselines",
            "patches",
            str(bench.cluster.kubeconfig),
            _BARE,
            f"{_COUNT}x{Settings().kube_threads}",
            image("app", version - 1),
            image("app", version),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
