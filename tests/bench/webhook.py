"""What the admission webhook adds to a create: of a Deployment in a namespace it looks after, and in one not.

Both are made by turns over one kept connection, alike to the byte but for their namespace; each image is the
name of a local stream. In the namespace that is left out the API server does not call the webhook. Of three
rounds the one in the middle counts: an absolute time is worth no more on a machine that others use, too.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from bench.populate import Admin, create
from bench.reading import percentile
from bench.report import Figure
from localcluster.ports import LOOPBACK, free_port
from localrun import install_webhook, remove_webhook
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.bench import Bench

_SPACE, _PLAIN = "webhook-looked-up", "webhook-plain"
_CREATES = 400
_ROUNDS = 3
_WARM = 100
_IMAGE = "registry.example/team/httpd:v1"


def measure(bench: Bench) -> list[Figure]:
    """Create hundreds of Deployments of each kind, by turns."""
    admin = Admin(bench.cluster.kubeconfig)
    port = free_port()
    install_webhook(bench.cluster.kubectl, bench.cluster.kubeconfig, port)
    try:
        with bench.namespaces(_SPACE, _PLAIN):
            bench.kubectl("label", "namespace", _PLAIN, "imagestreams.dev/lookup=disabled")
            made = stream("httpd", tag("v1", _IMAGE))
            made["spec"]["lookupPolicy"] = {"local": True}
            create(admin, [(_SPACE, made), (_PLAIN, made)], moves=1)
            with bench.operator({"IMAGESTREAMS_WEBHOOK_LISTEN": f"{LOOPBACK}:{port}"}):
                rounds = _measure(bench, admin)
    finally:
        remove_webhook(bench.cluster.kubectl, bench.cluster.kubeconfig)
    beside = "the same create without"
    n = _ROUNDS * _CREATES
    return [
        Figure("webhook", "a create without it, median", _middle(rounds, _plain), "ms", n=n),
        Figure("webhook", "added to a create, median", _middle(rounds, _added), "ms", 5.0, beside, n),
        Figure("webhook", "added to a create, p99", _middle(rounds, _added_last), "ms", None, beside, n),
    ]


Round = list[tuple[float, float]]
"""How many milliseconds each create took, with the webhook and without."""


def _middle(rounds: list[Round], of: Callable[[list[float], list[float]], float]) -> float:
    return statistics.median(of([one for one, _ in each], [other for _, other in each]) for each in rounds)


def _plain(_looked_up: list[float], plain: list[float]) -> float:
    return statistics.median(plain)


def _added(looked_up: list[float], plain: list[float]) -> float:
    return statistics.median(looked_up) - statistics.median(plain)


def _added_last(looked_up: list[float], plain: list[float]) -> float:
    return percentile(looked_up, 0.99) - percentile(plain, 0.99)


def _measure(bench: Bench, admin: Admin) -> list[Round]:
    """Create them, by turns; whatever an operator does when it starts is over then."""
    eventually(lambda: _looked_up(admin), within=30, every=0.2, what="the webhook asked")
    _round(admin, "warm", _WARM)
    rounds = []
    for number in range(_ROUNDS):
        bench.say(f"webhook: {_CREATES} creates with it and without, by turns, round {number + 1} ...")
        rounds.append(_round(admin, f"round-{number}", _CREATES))
    return rounds


def _round(admin: Admin, name: str, creates: int) -> Round:
    return [
        (_create(admin, _SPACE, f"{name}-{number}") * 1000, _create(admin, _PLAIN, f"{name}-{number}") * 1000)
        for number in range(creates)
    ]


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            # None of its controllers does anything meanwhile that could be measured with it.
            "replicas": 0,
            "paused": True,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "httpd:v1"}]},
            },
        },
    }


def _create(admin: Admin, space: str, name: str, query: str = "") -> float:
    """Create a Deployment; give how many seconds it took. Raises RuntimeError where it has another image."""
    began = time.monotonic()
    made = admin.request("POST", f"/apis/apps/v1/namespaces/{space}/deployments{query}", _deployment(name))
    took = time.monotonic() - began
    image = made["spec"]["template"]["spec"]["containers"][0]["image"]
    if ("@" in image) != (space == _SPACE):
        raise RuntimeError(f"in {space} the image became {image}")
    return took


def _looked_up(admin: Admin) -> bool:
    try:
        return _create(admin, _SPACE, "tried", "?dryRun=All") > 0
    except RuntimeError:
        return False
