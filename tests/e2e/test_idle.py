"""Idle means idle: while no tag moves, registries are asked and the API server is not written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e import audit
from e2e.reading import counted, failures, images
from support.faults import FaultRegistry
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess

STREAMS = 4
ROUNDS = 5


def test_nothing_is_written_while_no_tag_moves(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """In five scheduled rounds of several streams, one with a failing tag, the operator writes nothing."""
    # Those of tests before this one may still be on their way out, and their registries are gone.
    eventually(lambda: not _streams(kubectl), within=60, what="no streams of other tests")
    with FaultRegistry() as registry:
        names = [f"app-{number}" for number in range(STREAMS)]
        for name in names:
            registry.put_image(name, "1")
        good = {name: tag("1", f"{registry.host}/{name}:1", scheduled=True) for name in names}
        missing = tag("missing", f"{registry.host}/{names[0]}:2", scheduled=True)
        began = audit.now()
        kubectl.apply(
            stream(names[0], good[names[0]], missing, interval="5s"),
            *(stream(name, good[name], interval="5s") for name in names[1:]),
            deployment("web", {"web": f"{names[1]}:1"}, replicas=0),
        )
        for name in names[1:]:
            kubectl("wait", "--for=condition=Ready", f"is/{name}", "--timeout=20s")
        eventually(lambda: "missing" in failures(kubectl, names[0]), within=20, what="the failing tag told")
        expected = f"{registry.host}/{names[1]}@{registry.digest(names[1], '1')}"
        eventually(lambda: images(kubectl, "web") == [expected], within=10, what="the Deployment patched")
        assert audit.writes_since(cluster, began), "the audit log shows nothing of what was written until now"

        asked = {name: registry.count("manifest-head", name) for name in names}
        failed = counted(operator, registry.host, "NotFound")
        quiet = audit.now()
        versions = _versions(kubectl)
        eventually(
            lambda: all(registry.count("manifest-head", name) >= asked[name] + ROUNDS for name in names),
            within=60,
            what="five rounds at the registry",
        )
        assert audit.writes_since(cluster, quiet) == []
        assert _versions(kubectl) == versions
        # The missing tag backs off after its fifth failure; until then it was asked for like the others.
        assert counted(operator, registry.host, "NotFound") >= failed + 3
        # A round of an unchanged tag is one HEAD: nothing is fetched again.
        assert {registry.count("manifest-get", name) for name in names} == {1}


def _streams(kubectl: Kubectl) -> str:
    return kubectl("get", "is", "--all-namespaces", "--output=name")


def _versions(kubectl: Kubectl) -> dict[str, str]:
    found = kubectl.get("is,deployments,events")["items"]
    return {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in found
    }
