"""The webhook's certificate at a real API server: renewed while it is asked, and nobody misses it."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from kubernetes.config import kube_config

from bench.populate import Admin
from conftest import Kubectl
from imagestreams.kube.api import Api
from imagestreams.kube.webhooks import WebhookConfiguration
from imagestreams.metrics import Metrics
from imagestreams.serving import trust
from imagestreams.serving.admission import AdmissionServer
from imagestreams.serving.certificates import RENEWED_AFTER, Certificates
from imagestreams.serving.trust import Trust
from imagestreams.triggering.admit import Admitter
from imagestreams.triggering.patch import own_namespace
from imagestreams.triggering.targets import TARGETS
from localcluster.ports import LOOPBACK, free_port
from localrun import account_kubeconfig, install_webhook, remove_webhook
from support.waiting import eventually
from unit.triggering.deployments import A, local, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from localcluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio]

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x"},
    "spec": {"containers": [{"name": "web", "image": "app:v1"}]},
}


@pytest.fixture
def port(quiet_cluster: Cluster) -> Iterator[int]:
    """The port at which the API server looks for the webhook."""
    found = free_port()
    install_webhook(quiet_cluster.kubectl, quiet_cluster.kubeconfig, found)
    yield found
    remove_webhook(quiet_cluster.kubectl, quiet_cluster.kubeconfig)


@pytest.fixture
def configuration(
    quiet_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[WebhookConfiguration]:
    """The configuration, with the operator's own rights."""
    account = account_kubeconfig(quiet_cluster.kubectl, quiet_cluster.kubeconfig, tmp_path / "operator")
    # $KUBECONFIG is read when the library is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(account))
    with ThreadPoolExecutor(2) as threads:
        api = Api(threads=2, user_agent="test")
        yield WebhookConfiguration(api, threads, Metrics())
        api.close()


class Creating(threading.Thread):
    """Creates a pod again and again, in a dry run, and notes the images that it would have."""

    def __init__(self, admin: Admin) -> None:
        super().__init__()
        self._admin = admin
        self._over = threading.Event()
        self.images: list[str] = []

    def run(self) -> None:
        """Create."""
        while not self._over.is_set():
            made = self._admin.request("POST", "/api/v1/namespaces/default/pods?dryRun=All", POD)
            self.images.append(made["spec"]["containers"][0]["image"])
        self._admin.session().close()

    def made(self, count: int) -> bool:
        """Tell whether so many were created."""
        return len(self.images) >= count

    def end(self) -> None:
        """End it."""
        self._over.set()
        self.join()


async def until(check: Callable[[], object], what: str) -> None:
    """Wait for something while the webhook, in this loop, answers."""
    await asyncio.to_thread(eventually, check, within=30, every=0.05, what=what)


async def test_a_renewed_certificate_is_never_missed(
    quiet_cluster: Cluster, port: int, configuration: WebhookConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the certificate is renewed, and every create of the meantime was looked up."""
    monkeypatch.setattr(trust, "EVERY", 0.2)
    monkeypatch.setattr(trust, "KNOWN_AFTER", 2.0)
    clock = [dt.datetime.now(dt.UTC) - 2 * RENEWED_AFTER]
    certificates = Certificates([LOOPBACK], clock[0])
    tags = local(stream(v1=A))
    server = AdmissionServer(
        Admitter(
            targets=TARGETS,
            stream_of=lambda key: tags if key.name == "app" else None,
            permission=own_namespace,
            held=lambda _: False,
        ),
        Metrics(),
    )
    await server.start(f"{LOOPBACK}:{port}", certificates.context)
    keeping = asyncio.create_task(Trust(certificates, configuration, now=lambda: clock[0]).run())
    admin = Admin(quiet_cluster.kubeconfig)
    creating = Creating(admin)
    creating.start()
    try:
        await until(lambda: creating.images and "@" in creating.images[-1], "the first lookup")
        begun, bundles = len(creating.images), [certificates.bundle]
        for _ in range(2):
            clock[0] += RENEWED_AFTER
            await until(lambda: certificates.renewing or certificates.bundle != bundles[-1], "a renewal")
            await until(lambda: not certificates.renewing, "the next certificate served")
            bundles.append(certificates.bundle)
            more = len(creating.images) + 20
            await until(functools.partial(creating.made, more), "creates with it")
    finally:
        await asyncio.to_thread(creating.end)
        keeping.cancel()
        await server.close()
        admin.close()

    assert {f"r.io/app@{A}"} == set(creating.images[begun:])
    assert 3 == len(set(bundles))
    stored = Kubectl(quiet_cluster).get("mutatingwebhookconfiguration/imagestreams")["webhooks"]
    assert {base64.b64encode(bundles[-1]).decode()} == {each["clientConfig"]["caBundle"] for each in stored}
