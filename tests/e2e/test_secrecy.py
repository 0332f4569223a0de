"""No secret is told: not at the finest log level, and nowhere in the whole run of the tests."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from e2e import audit
from e2e.reading import current, failures
from support import secrecy
from support.faults import Echo, FaultRegistry
from support.manifests import stream, tag
from support.overhearing import OverheardOperator
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess

# All of tests/e2e makes twice as much at the least.
SECRETS_LEAST = 50
WRITES_LEAST = 200
SAID_LEAST = 500_000
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def talkative(operator_aside: None, cluster: Cluster, operator_kubeconfig: Path) -> Iterator[OperatorProcess]:
    """An operator that logs all it can."""
    del operator_aside
    log = operator_kubeconfig.parent / f"operator-{cluster.name}-debug.log"
    settings = {"IMAGESTREAMS_LOG_LEVEL": "DEBUG"}
    process = OverheardOperator(operator_kubeconfig, log, settings=settings)
    process.start()
    yield process
    process.terminate()


def test_a_debug_log_tells_no_secret(talkative: OperatorProcess, cluster: Cluster, kubectl: Kubectl) -> None:
    """Asking with every kind of credential, right and wrong, leaves none in log, metrics or cluster.

    Not even where a registry shows what it was sent in each answer, as a page for debugging does.
    """
    began = audit.now()
    with (
        FaultRegistry(auth="basic") as basic,
        FaultRegistry(auth="bearer") as bearer,
        FaultRegistry(auth="bearer") as identity,
        FaultRegistry(auth="basic") as echoing,
        FaultRegistry(auth="bearer") as echoing_tokens,
    ):
        good = {"basic": basic, "bearer": bearer, "identity": identity}
        digests = {name: registry.put_image("team/app", "1") for name, registry in good.items()}
        for registry in (echoing, echoing_tokens):
            registry.fail(Echo())
        echoing_tokens.fail(Echo(), kind="token")
        user = {"username": "puller"}
        right = {registry.host: user | {"password": registry.password} for registry in (basic, bearer)}
        auth = base64.b64encode(f"{NOBODY}:".encode()).decode()
        right[identity.host] = {"auth": auth, "identitytoken": identity.identity_token}
        for registry in (echoing, echoing_tokens):
            right[registry.host] = user | {"password": registry.password}
        wrong = {registry.host: user | {"password": "wrong-for-sure"} for registry in (basic, bearer)}
        wrong[identity.host] = {"auth": auth, "identitytoken": "wrong-for-sure-too"}
        kubectl.apply(_pull_secret("right", right), _pull_secret("wrong", wrong))
        registries = {**good, "echoing": echoing, "echoing-tokens": echoing_tokens}
        kubectl.apply(
            stream("app", *(tag(name, f"{each.host}/team/app:1") for name, each in registries.items()))
        )
        eventually(
            lambda: {name: current(kubectl, "app", name) for name in digests} == digests,
            within=20,
            what="the images",
        )
        eventually(
            lambda: failures(kubectl, "app").keys() == {"echoing", "echoing-tokens"},
            within=20,
            what="the echoing registries told",
        )
        kubectl("delete", "secret", "right")
        kubectl.apply(stream("wrong", *(tag(name, f"{each.host}/team/app:1") for name, each in good.items())))
        eventually(
            lambda: failures(kubectl, "wrong").keys() == good.keys(), within=20, what="the wrong ones told"
        )
        assert all(any(record.scheme for record in each.requests) for each in registries.values())
    log = talkative.log.read_text()
    assert " DEBUG " in log
    said = [("log", log), ("metrics", talkative.metrics()), *audit.said_since(cluster, began)]
    assert [] == secrecy.leaks(said, secrecy.kept())


@pytest.mark.last
def test_nothing_that_the_whole_run_said_tells_a_secret(
    operator: OperatorProcess, cluster: Cluster, run_began: str
) -> None:
    """No password, token or header of any test is in any log, metric, Event or condition of the operator."""
    operator.metrics()
    secrets = secrecy.kept()
    written = audit.said_since(cluster, run_began)
    said = [*secrecy.heard(), *written]
    size = sum(len(text) for _, text in said)
    gathered = f"{len(secrets)} secrets, {len(written)} writes and {size} characters"
    print(gathered)

    assert [] == secrecy.leaks(said, secrets)
    enough = len(secrets) >= SECRETS_LEAST and len(written) >= WRITES_LEAST and size >= SAID_LEAST
    assert enough, (
        "this test judges a whole run and proves nothing alone: run it with all of tests/e2e. There were "
        f"{gathered}. A cluster made before its audit log kept what is written shows no writes: take it "
        "down once"
    )


def _pull_secret(name: str, auths: dict[str, dict[str, str]]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps({"auths": auths})},
    }
