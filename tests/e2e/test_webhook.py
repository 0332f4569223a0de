"""The webhook at a real API server: who comes to it, who does not, and what happens while it is away."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from conftest import Kubectl
from e2e.admitting import ELSEWHERE, FLAG, Shop, workload
from e2e.reading import images
from localcluster import images as contents
from localrun import install_webhook, remove_webhook
from support.manifests import deployment, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from localcluster import Cluster, Publisher

CONFIGURATION = "mutatingwebhookconfiguration/imagestreams"
DIGEST = "sha256:" + "a" * 64

NEVER_ASKED = {
    "a name with a host": workload("Deployment", ELSEWHERE, init=ELSEWHERE),
    "a name of two segments": workload("Deployment", "library/httpd:2.4"),
    "a digest": workload("Deployment", f"httpd@{DIGEST}"),
    "a Pod with a host": workload("Pod", ELSEWHERE),
    "a CronJob with a host": workload("CronJob", ELSEWHERE),
    "resolve-names with another value": workload("StatefulSet", ELSEWHERE, notes=dict.fromkeys(FLAG, "x")),
    "another object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}},
    "triggers on a Pod": workload("Pod", ELSEWHERE, notes={"image.openshift.io/triggers": "[]"}),
}
ASKED = {
    "a short name": workload("Deployment", "mysql:8"),
    "a short name without a tag": workload("Pod", "mysql"),
    "a short name of an init container": workload("DaemonSet", ELSEWHERE, init="mysql"),
    "resolve-names": workload("StatefulSet", ELSEWHERE, notes=FLAG),
    "resolve-names on the template": workload("ReplicaSet", ELSEWHERE, template_notes=FLAG),
    "resolve-names on a job's template": workload("CronJob", ELSEWHERE, template_notes=FLAG),
    "triggers": workload("Deployment", ELSEWHERE, notes={"image.openshift.io/triggers": "[]"}),
    "triggers on a CronJob": workload("CronJob", ELSEWHERE, notes={"image.openshift.io/triggers": "[]"}),
}


def test_only_what_concerns_streams_comes_to_the_webhook(shop: Shop) -> None:
    """The API server's own conditions keep all else away: counted, object by object."""
    for name, manifest in NEVER_ASKED.items():
        before = shop.reviews()
        shop.would_be(manifest)
        assert (name, before) == (name, shop.reviews())
    for name, manifest in ASKED.items():
        before = shop.reviews()
        shop.would_be(manifest)
        assert (name, before + 1) == (name, shop.reviews())


def test_the_life_of_a_workload_without_streams_costs_nothing(shop: Shop) -> None:
    """A Deployment that rolls, scales and ends, with its ReplicaSets and pods, never comes to the webhook."""
    kubectl = shop.kubectl
    image = shop.httpd
    before = shop.reviews()
    kubectl("create", "deployment", "strange", f"--image={image}")
    kubectl("rollout", "status", "deployment/strange", "--timeout=60s")
    kubectl("set", "env", "deployment/strange", "A=B")
    kubectl("scale", "deployment/strange", "--replicas=0")
    kubectl("delete", "deployment/strange")

    assert before == shop.reviews()


def test_a_namespace_can_be_left_out(shop: Shop) -> None:
    """A namespace labelled imagestreams.dev/lookup: disabled is left alone, as ours and the system's are."""
    space = shop.kubectl.namespace
    before = shop.reviews()
    try:
        shop.kubectl("label", "namespace", space, "imagestreams.dev/lookup=disabled")
        eventually(
            lambda: not shop.looks_up,
            within=10,
            what="the label known",
        )
        seen = shop.reviews()
        shop.would_be(workload("Pod"))
        assert seen == shop.reviews()
    finally:
        shop.kubectl("label", "namespace", space, "imagestreams.dev/lookup-")
    eventually(lambda: shop.looks_up, within=10, what="lookup again")
    for ours in ("imagestreams-system", "kube-system"):
        before = shop.reviews()
        shop.would_be(workload("CronJob"), f"--namespace={ours}")
        assert before == shop.reviews()


def test_what_the_operator_writes_does_not_come_back_to_it(shop: Shop, publisher: Publisher) -> None:
    """A tag that gets its image later is written by the operator, whose write the webhook never sees."""
    kubectl = shop.kubectl
    kubectl.apply(deployment("later", {"web": "redis:later"}, replicas=0))
    assert [" "] == images(kubectl, "later")
    before = shop.reviews()
    repository = shop.redis.partition("@")[0]
    digest = publisher.push(repository.partition("/")[2], "later", contents.saying("later"))
    added = {"op": "add", "path": "/spec/tags/-", "value": tag("later", f"{repository}:later")}
    kubectl("patch", "is/redis", "--type=json", f"--patch={json.dumps([added])}")

    eventually(lambda: images(kubectl, "later") == [f"{repository}@{digest}"], within=20, what="the image")
    assert before == shop.reviews()


def test_what_is_wiped_is_mended_within_a_minute(shop: Shop, cluster: Cluster) -> None:
    """A caBundle that is removed, and a configuration that is deleted and applied anew, work again soon."""
    admin = Kubectl(cluster)
    wipe = [
        {"op": "remove", "path": f"/webhooks/{number}/clientConfig/caBundle"}
        for number in range(len(admin.get(CONFIGURATION)["webhooks"]))
    ]
    admin("patch", CONFIGURATION, "--type=json", f"--patch={json.dumps(wipe)}")
    eventually(
        lambda: all("caBundle" in each["clientConfig"] for each in admin.get(CONFIGURATION)["webhooks"]),
        within=60,
        what="a caBundle again",
    )
    eventually(lambda: shop.looks_up, within=10, what="lookup after the caBundle was removed")

    remove_webhook(cluster.kubectl, cluster.kubeconfig)
    eventually(lambda: not shop.looks_up, within=10, every=0.02, what="no webhook")
    install_webhook(cluster.kubectl, cluster.kubeconfig, shop.port)
    eventually(lambda: shop.looks_up, within=60, what="lookup after the configuration was made anew")
    assert shop.operator.alive


def test_while_the_operator_is_away_objects_are_admitted(shop: Shop) -> None:
    """Without the webhook an object is stored as it is; when the operator is back, triggers are applied."""
    kubectl = shop.kubectl
    shop.operator.kill()
    began = time.monotonic()
    kubectl("create", "deployment", "unseen", "--image=httpd:2.4", "--replicas=0")
    kubectl.apply(deployment("unseen-trigger", {"web": "redis:7"}, replicas=0))
    took = time.monotonic() - began
    assert [["httpd:2.4"], [" "]] == [images(kubectl, name) for name in ("unseen", "unseen-trigger")]
    assert took < 5

    shop.operator.start()
    eventually(
        lambda: images(kubectl, "unseen-trigger") == [shop.redis], within=10, what="the trigger applied"
    )
    eventually(
        lambda: shop.looks_up,
        within=10,
        what="the API server trusting the new certificate",
    )


def test_an_operator_without_the_webhook_installed_works_on(shop: Shop, cluster: Cluster) -> None:
    """Where the configuration is missing the log says so once; tags and triggers go on."""
    told = "the API server does not ask our admission webhook"
    remove_webhook(cluster.kubectl, cluster.kubeconfig)
    try:
        shop.operator.terminate()
        before = shop.operator.log.read_text().count(told)
        shop.operator.start()
        shop.kubectl.apply(deployment("alone", {"web": "redis:7"}, replicas=0))
        eventually(
            lambda: images(shop.kubectl, "alone") == [shop.redis], within=10, what="the trigger applied"
        )
        assert before + 1 == shop.operator.log.read_text().count(told)
    finally:
        install_webhook(cluster.kubectl, cluster.kubeconfig, shop.port)
    eventually(lambda: shop.looks_up, within=60, what="lookup again")
