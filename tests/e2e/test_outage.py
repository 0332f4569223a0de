"""What the operator leans on goes away and comes back: the API server, a registry."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from e2e.reading import counted, current, events, failure, history, images
from localcluster import Publisher, Registry
from localcluster import images as builder
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess

DOWN = 30.0


def test_an_outage_of_the_api_server_only_delays(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """The API server is away for 30 s: the same process goes on, and what moved meanwhile reaches pods."""
    pid = operator.pid
    first = publisher.push("outage/app", "1", builder.saying("before the outage"))
    source = f"{cluster.registry}/outage/app"
    kubectl.apply(
        stream("app", tag("1", f"{source}:1", scheduled=True), interval="5s"),
        deployment("web", {"web": "app:1"}),
    )
    kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
    eventually(lambda: images(kubectl, "web") == [f"{source}@{first}"], within=10, what="the first image")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")

    with outage(cluster):
        second = publisher.push("outage/app", "1", builder.saying("meanwhile"))
        time.sleep(DOWN)  # it lasts as long as it lasts: there is nothing to wait for
        assert operator.alive
    eventually(
        lambda: current(kubectl, "app", "1") == second, within=15, what="the image that came meanwhile"
    )
    eventually(
        lambda: images(kubectl, "web") == [f"{source}@{second}"], within=10, what="the Deployment patched"
    )
    # What is new after the outage is seen too: the watches are back, not only the schedule.
    kubectl.apply(stream("later", tag("1", f"{source}:1")))
    kubectl("wait", "--for=condition=Ready", "is/later", "--timeout=15s")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    eventually(
        lambda: "meanwhile" in kubectl("logs", "deployment/web"), within=30, what="a pod of the new image"
    )
    assert history(kubectl, "app", "1") == [second, first]
    assert operator.pid == pid
    assert operator.alive


def test_asked_to_end_in_an_outage_it_ends(operator: OperatorProcess, cluster: Cluster) -> None:
    """SIGTERM ends it with 0 in under 5 s, though the API server does not answer."""
    said = operator.log.stat().st_size
    with outage(cluster):
        eventually(lambda: "will retry" in _log(operator, said), within=10, what="the outage noticed")
        code, seconds = operator.terminate()
    assert code == 0
    assert seconds < 5


def test_a_registry_that_comes_back_heals_its_tags(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """A registry that is away is told once, and tags with an image are not written; when it is back all heal.

    Only a new tag, which has no image yet, says at once why.
    """
    assert operator.alive
    with Registry() as registry, Publisher(registry.address) as publisher:
        source = f"{registry.address}/team/app"
        first = publisher.push("team/app", "1", builder.image({"f": builder.File(b"1")}))
        publisher.push("team/app", "2", builder.image({"f": builder.File(b"1")}))
        tags = [tag(name, f"{source}:{name}", scheduled=True) for name in ("1", "2")]
        kubectl.apply(stream("app", *tags, interval="5s"))
        kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
        before = kubectl.get("is", "app")["metadata"]["resourceVersion"]
        registry.stop()
        told = eventually(
            lambda: events(kubectl, "app", "RegistryTrouble"), within=20, what="the Event of the host"
        )
        assert f"registry {registry.address}: " in told[0]
        assert "nothing listens there" in told[0]
        # Three rounds of both tags.
        eventually(
            lambda: counted(operator, registry.address, "InternalError") >= 6, within=40, what="more failures"
        )
        assert events(kubectl, "app", "RegistryTrouble") == told
        assert kubectl.get("is", "app")["metadata"]["resourceVersion"] == before
        assert f'imagestreams_registry_in_trouble{{registry="{registry.address}"}} 1.0' in operator.metrics()

        kubectl.apply(stream("new", tag("1", f"{source}:1", scheduled=True), interval="5s"))
        new = eventually(lambda: failure(kubectl, "new", "1"), within=10, what="the condition of the new tag")
        assert "nothing listens there" in new["message"]
        kubectl("wait", "--for=condition=Ready=false", "is/new", "--timeout=5s")

        registry.start()
        second = publisher.push("team/app", "1", builder.image({"f": builder.File(b"2")}))
        for name in ("app", "new"):
            kubectl(
                "wait",
                f"--for=jsonpath={{.status.tags[0].items[0].image}}={second}",
                f"is/{name}",
                "--timeout=20s",
            )
            kubectl("wait", "--for=condition=Ready", f"is/{name}", "--timeout=5s")
        assert failure(kubectl, "new", "1") == {}
        assert history(kubectl, "app", "1") == [second, first]
        assert f'imagestreams_registry_in_trouble{{registry="{registry.address}"}} 0.0' in operator.metrics()


def _log(operator: OperatorProcess, since: int) -> str:
    with operator.log.open() as log:
        log.seek(since)
        return log.read()


@contextlib.contextmanager
def outage(cluster: Cluster) -> Iterator[None]:
    """Stop the API server, and start those that work for it anew when it is back.

    Controllers and kubelet ask a server that is away ever less often, and would begin a rollout up to a
    minute after it is back; that minute is not the operator's, which goes on as it is.
    """
    parts = ("kubelet", "kube-scheduler", "kube-controller-manager", "kube-apiserver")
    for part in parts:
        cluster.stop(part)
    try:
        yield
    finally:
        for part in reversed(parts):
            cluster.start(part)
