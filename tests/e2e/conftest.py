"""What some tests of the whole path ask for beside what every test may."""

from __future__ import annotations

import functools
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import Kubectl
from e2e.admitting import Shop
from e2e.reading import current, failure
from localcluster import Publisher
from localcluster import images as contents
from localcluster.ports import LOOPBACK, free_port
from localrun import install_webhook, remove_webhook
from support.manifests import stream, tag
from support.overhearing import OverheardOperator
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster


_BUILD = Path(__file__).resolve().parents[2] / "build"


@pytest.fixture(scope="module")
def webhook_operator(
    cluster: Cluster, operator_kubeconfig: Path, operator_aside: None
) -> Iterator[OverheardOperator]:
    """An operator that serves the shipped webhook, which the API server trusts."""
    del operator_aside
    port = free_port()
    process = OverheardOperator(
        operator_kubeconfig,
        _BUILD / "test" / f"webhook-{cluster.name}-{port}.log",
        settings={"IMAGESTREAMS_WEBHOOK_LISTEN": f"{LOOPBACK}:{port}"},
    )
    install_webhook(cluster.kubectl, cluster.kubeconfig, port)
    try:
        process.start()
        yield process
    finally:
        if process.alive:
            process.terminate()
        remove_webhook(cluster.kubectl, cluster.kubeconfig)


@pytest.fixture(scope="module")
def shop(cluster: Cluster, webhook_operator: OverheardOperator) -> Iterator[Shop]:
    """Two streams, imported; the webhook answers."""
    name = f"shop-{secrets.token_hex(4)}"
    kubectl = Kubectl(cluster, name)
    Kubectl(cluster)("create", "namespace", name)
    specs = {}
    with Publisher(cluster.registry) as publisher:
        for app, version, local in (("httpd", "2.4", True), ("redis", "7", False)):
            repository = f"{name}/{app}"
            digest = publisher.push(repository, version, contents.saying(app))
            specs[app] = f"{cluster.registry}/{repository}@{digest}"
            made = stream(
                app,
                tag(version, f"{cluster.registry}/{repository}:{version}"),
                tag("empty", f"{cluster.registry}/{repository}:not-pushed"),
            )
            made["spec"]["lookupPolicy"] = {"local": local}
            kubectl.apply(made)
            both = f"{app}:{version} imported, and {app}:empty failed"
            eventually(functools.partial(_settled, kubectl, app, version), within=20, what=both)
    found = Shop(kubectl, specs["httpd"], specs["redis"], webhook_operator)
    eventually(lambda: found.looks_up, within=30, what="the API server asking the webhook")
    yield found
    kubectl("delete", "namespace", name, "--wait=false")


def _settled(kubectl: Kubectl, app: str, version: str) -> bool:
    return bool(current(kubectl, app, version) and failure(kubectl, app, "empty"))
