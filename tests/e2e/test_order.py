"""Rollouts in order, on real pods: after-ready of a workload, and max-rollouts of a stream."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from e2e.reading import current, events, images
from localcluster import images as make
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess

READY_AFTER = 8


def slow(name: str, source: str, **notes: str) -> dict[str, Any]:
    """Write a Deployment whose pods are available some seconds after they run."""
    found = deployment(name, {"web": source})
    found["spec"]["minReadySeconds"] = READY_AFTER
    found["metadata"]["annotations"] |= {f"imagestreams.dev/{key}": text for key, text in notes.items()}
    return found


def available(kubectl: Kubectl, name: str) -> bool:
    """Tell whether the rollout of a Deployment is done, as `kubectl rollout status` sees it."""
    return kubectl.run("rollout", "status", f"deployment/{name}", "--watch=false").stdout.endswith(
        "successfully rolled out\n"
    )


def test_after_ready_lets_one_rollout_end_before_the_next(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Of three moves in a row the first rolls out, then the third; an Event says what it waits for."""
    assert operator.alive
    repository = f"{kubectl.namespace}/app"
    source = f"{cluster.registry}/{repository}"
    tags = [f"v{number}" for number in range(4)]
    digests = [publisher.push(repository, name, make.saying(name)) for name in tags]
    kubectl.apply(stream("app", tag("1", f"{source}:v0")), slow("web", "app:1", rollout="after-ready"))
    _see_available(kubectl, "web")

    for number in (1, 2, 3):
        kubectl.apply(stream("app", tag("1", f"{source}:v{number}")))
        _see(kubectl, digests[number])
    (told,) = eventually(lambda: events(kubectl, "web", "RolloutWaiting"), within=10, what="the Event")
    assert "waits, its own rollout is to be done first: " in told
    assert [f"{source}@{digests[1]}"] == images(kubectl, "web")
    eventually(lambda: images(kubectl, "web") == [f"{source}@{digests[3]}"], within=60, what="the last image")
    _see_available(kubectl, "web")
    sets = kubectl.get("replicasets", "-l", "app=web")["items"]
    used = {one["spec"]["template"]["spec"]["containers"][0]["image"].rpartition("@")[2] for one in sets}
    assert {digests[0], digests[1], digests[3]} == used - {" ", ""}


def test_no_more_workloads_roll_out_at_once_than_the_stream_lets(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Of four Deployments two roll out at a time, also after the operator was killed among them."""
    repository = f"{kubectl.namespace}/app"
    source = f"{cluster.registry}/{repository}"
    first, second = (publisher.push(repository, text, make.saying(text)) for text in ("v0", "v1"))
    names = [f"web-{number}" for number in range(4)]
    limit = {"imagestreams.dev/max-rollouts": "2"}
    kubectl.apply(
        stream("app", tag("1", f"{source}:v0"), annotations=limit), *(slow(name, "app:1") for name in names)
    )
    for name in names:
        _see_available(kubectl, name)
        assert [f"{source}@{first}"] == images(kubectl, name)

    kubectl.apply(stream("app", tag("1", f"{source}:v1"), annotations=limit))
    killed = False

    def state() -> tuple[int, int]:
        found = kubectl.get("deployments")["items"]
        new = [one for one in found if second in one["spec"]["template"]["spec"]["containers"][0]["image"]]
        done = [one for one in new if _is_done(one)]
        return len(new), len(new) - len(done)

    seen: list[tuple[int, int]] = []
    for _ in itertools.count():
        seen.append(state())
        assert seen[-1][1] <= 2, seen
        if seen[-1][0] == 2 and not killed:
            operator.kill()
            operator.start()
            killed = True
        if seen[-1] == (4, 0) or len(seen) > 600:
            break
    assert (4, 0) == seen[-1]
    assert (2, 2) in seen
    assert killed
    assert [] == events(kubectl, "web-0", "RolloutWaiting")
    assert "app lets 2 roll out at once" in "".join(events(kubectl, "web-3", "RolloutWaiting"))


def _see(kubectl: Kubectl, digest: str) -> None:
    eventually(lambda: current(kubectl, "app", "1") == digest, within=20, what="the move")


def _see_available(kubectl: Kubectl, name: str) -> None:
    eventually(lambda: available(kubectl, name), within=90, what=f"the rollout of {name}")


def _is_done(found: dict[str, Any]) -> bool:
    status = found["status"]
    progressing = next(item for item in status["conditions"] if item["type"] == "Progressing")
    seen = status["observedGeneration"] == found["metadata"]["generation"]
    all_new = status["replicas"] == status.get("updatedReplicas")
    return bool(seen and all_new and progressing["reason"] == "NewReplicaSetAvailable")
