"""What the admission webhook adds to a create: of a Deployment in a namespace it looks after, and in one not.

Both are made by turns over one kept connection, alike to the byte but for their namespace; each image is the
name of a local stream. In the namespace that is left out the API server does not call the webhook.
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
    from bench.bench import Bench

_SPACE, _PLAIN = "webhook-looked-up", "webhook-plain"
_CREATES = 400
_WARM = 20
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
                pairs = _measure(bench, admin)
    finally:
        remove_webhook(bench.cluster.kubectl, bench.cluster.kubeconfig)
    looked_up, plain = ([took * 1000 for took in times] for times in zip(*pairs, strict=True))
    beside = "the same create without"
    added = statistics.median(looked_up) - statistics.median(plain)
    last = percentile(looked_up, 0.99) - percentile(plain, 0.99)
    return [
        Figure("webhook", "a create without it, median", statistics.median(plain), "ms", n=_CREATES),
        Figure("webhook", "added to a create, median", added, "ms", 5.0, beside, _CREATES),
        Figure("webhook", "added to a create, p99", last, "ms", None, beside, _CREATES),
    ]


def _measure(bench: Bench, admin: Admin) -> list[tuple[float, float]]:
    """Give how many seconds each create took, with the webhook and without."""
    eventually(lambda: _looked_up(admin), within=30, every=0.2, what="the webhook asked")
    for number in range(_WARM):
        _create(admin, _SPACE, f"warm-{number}")
        _create(admin, _PLAIN, f"warm-{number}")
    bench.say(f"webhook: {_CREATES} creates with it and without, by turns ...")
    return [
        (_create(admin, _SPACE, f"one-{number}"), _create(admin, _PLAIN, f"one-{number}"))
        for number in range(_CREATES)
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
