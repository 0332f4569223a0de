"""Ten thousand Deployments of which a hundred have triggers: what watching them costs in memory.

Compared with a Kopf operator whose handler does nothing with the same objects, and whose settings are ours.
The Deployments are paused and say that their controller has seen them, so that nobody answers to them.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.planting import Etcd, like
from bench.populate import Admin, Population
from bench.report import Figure
from support.faults import FaultRegistry
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.bench import Bench
    from support.manifests import Manifest

_DEPLOYMENTS = 10_000
_TRIGGERED = 100
_RUNS = 2
_STEADY = 60.0
_PREFIX = "watching"
_NEVER = 2_147_483_647
"""A progress deadline that Kubernetes takes for none."""


def measure(bench: Bench) -> list[Figure]:
    """Measure peaks, each of a process of its own, and what is held a minute later."""
    population = Population(_DEPLOYMENTS, 10, _PREFIX)
    with FaultRegistry() as registry, bench.namespaces(*population.spaces()):
        registry.put_image("app", "1")
        bench.say(f"watching: making {_DEPLOYMENTS} Deployments ...")
        _plant(bench, registry, population)
        ours, theirs = [], []
        # By turns: whatever else the machine does meanwhile then weighs on both alike.
        for _ in range(_RUNS):
            ours.append(_operator(bench))
            theirs.append(_empty(bench))
            bench.say(f"watching: ours {ours[-1]}, an empty operator {theirs[-1]} (peak, steady, MiB)")
        Etcd(bench.cluster.etcd).uproot(f"{_key(_PREFIX)}")
    peak, steady = (statistics.median(run[which] for run in ours) for which in (0, 1))
    baseline, baseline_steady = (statistics.median(run[which] for run in theirs) for which in (0, 1))
    what = "an empty Kopf on.event handler"
    return [
        Figure("watching", "peak memory, 10,000 Deployments", peak, "MiB", n=_RUNS),
        Figure("watching", "peak memory, 10,000 Deployments", peak / baseline, "ratio", 1.15, what, _RUNS),
        Figure("watching", "memory after a minute", steady, "MiB", n=_RUNS),
        Figure("watching", "memory after a minute", steady / baseline_steady, "ratio", None, what, _RUNS),
    ]


def _plant(bench: Bench, registry: FaultRegistry, population: Population) -> None:
    admin = Admin(bench.cluster.kubeconfig)
    for namespace in population.spaces():
        manifest = stream("app", tag("1", f"{registry.host}/app:1"))
        bench.kubectl("apply", f"--namespace={namespace}", "-f", "-", stdin=manifest)
    names = list(population.names())
    namespace, name = names[0]
    written = _deployment(name)
    bench.kubectl("apply", f"--namespace={namespace}", "-f", "-", stdin=written)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"

    def pattern() -> dict[str, Any]:
        found = admin.request("GET", path)
        return found if found.get("status", {}).get("observedGeneration") else {}

    made = eventually(pattern, within=30, what="a Deployment that its controller has seen")

    def planted() -> Iterator[tuple[str, dict[str, Any]]]:
        for number, (namespace, name) in enumerate(names[1:], start=1):
            body = like(made, name=name, namespace=namespace)
            if number % (_DEPLOYMENTS // _TRIGGERED) == 1:
                notes = dict(deployment(name, {"web": "app:1"})["metadata"]["annotations"])
                body["metadata"] = {
                    **body["metadata"],
                    "annotations": {**body["metadata"]["annotations"], **notes},
                }
            yield f"{_key(namespace)}/{name}", body

    Etcd(bench.cluster.etcd).plant(planted())


def _deployment(name: str) -> Manifest:
    """Write a Deployment as people have them, some 5 kB as it is stored, and without a trigger."""
    written = deployment(name, {"web": "app:1"}, replicas=0, image="example.com/app:1")
    del written["metadata"]["annotations"]
    written["metadata"]["labels"] = {
        f"app.kubernetes.io/{part}": name for part in ("name", "instance", "part-of")
    }
    written["spec"] |= {"paused": True, "progressDeadlineSeconds": _NEVER}
    (container,) = written["spec"]["template"]["spec"]["containers"]
    container |= {
        "env": [{"name": f"SETTING_{number}", "value": f"value {number}"} for number in range(10)],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "ports": [{"name": "http", "containerPort": 8080}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    }
    return written


def _key(namespace: str) -> str:
    return f"/registry/deployments/{namespace}"


def _operator(bench: Bench) -> tuple[float, float]:
    with bench.operator() as operator:
        eventually(
            lambda: f"imagestreams_workloads {_TRIGGERED}.0" in operator.metrics(),
            within=120,
            every=0.5,
            what="all workloads with triggers",
        )
        return _memory(operator.pid)


def _empty(bench: Bench) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.baselines", "watching", str(_DEPLOYMENTS)]
    environment = {**os.environ, "KUBECONFIG": str(bench.kubeconfig)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != "seen":
                raise RuntimeError("the empty operator did not see all Deployments")
            return _memory(process.pid)
        finally:
            process.terminate()


def _memory(pid: int) -> tuple[float, float]:
    """Give the peak, and what is resident a minute later, in MiB."""
    time.sleep(_STEADY)
    status = Path(f"/proc/{pid}/status").read_text()
    found = dict(re.findall(r"(VmHWM|VmRSS):\s+(\d+) kB", status))
    return int(found["VmHWM"]) / 1024, int(found["VmRSS"]) / 1024
