"""The Make targets and the image API: `make run` serves v1 and hands it back, `make cluster` mends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from conftest import Kubectl
from e2e import audit
from e2e.imageapi.test_availability import is_the_crds, is_the_image_apis, serves
from localcluster import images
from localcluster.ports import LOOPBACK
from localrun import API_ACCOUNT, NAMESPACE, remove_webhook
from support.made import MadeRun
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster, Publisher
    from localrun import FacadeProcess

_LOG = Path(__file__).resolve().parents[3] / "build" / "test"
SERVED = "run       | image.openshift.io/v1 is served by the image API now"
READY = "imagestreams.app: imagestreams"
REGISTRATION = "/apis/apiregistration.k8s.io/v1/apiservices/v1.image.openshift.io"
SERVICE = f"service/{API_ACCOUNT}"


@pytest.fixture
def run(cluster: Cluster, operator_aside: None) -> Iterator[MadeRun]:
    """`make run`, not started; ended after the test with all that is its own."""
    del operator_aside
    made = MadeRun(cluster, _LOG / f"run-{cluster.name}.log")
    yield made
    made.end()
    remove_webhook(cluster.kubectl, cluster.kubeconfig)


def test_make_run_serves_v1_and_hands_it_back(
    run: MadeRun, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """It imports, v1 is the image API's and v1alpha1 the CRD's; SIGTERM: v1 is the CRD's, exit code 0.

    The image API is registered by its own service account, in which the operator has no part.
    """
    began = audit.now()
    run.start()
    eventually(lambda: SERVED in run.said, within=60, what="v1 served by the image API")
    repository = f"{kubectl.namespace}/app"
    digest = publisher.push(repository, "1", images.saying("run"))
    kubectl.apply(stream("app", tag("1", f"{cluster.registry}/{repository}:1")))
    kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")

    assert digest == kubectl.get("istag/app:1")["image"]["metadata"]["name"]
    assert "imagestreamtags" not in kubectl("get", "--raw", "/apis/image.openshift.io/v1alpha1")
    lines = run.said.splitlines()
    assert [] == [line for line in lines if not re.match(r"(run|operator|image API) +\| ", line)]

    account = f"system:serviceaccount:{NAMESPACE}:{API_ACCOUNT}"
    assert {account} == audit.writers_since(cluster, began, "patch", REGISTRATION)

    told = time.monotonic()
    run.signal(signal.SIGTERM)
    # Who sends it to a whole process group sends it twice.
    run.signal(signal.SIGTERM)
    assert 0 == run.wait()
    assert time.monotonic() - told < 10
    eventually(lambda: is_the_crds(kubectl), within=2, what="v1 from the CRD")
    kubectl("get", "is/app")
    assert ["image API", "image API", "operator"] == [
        line.partition("|")[0].strip() for line in run.said.splitlines()[-3:]
    ]


def test_an_image_api_that_dies_is_started_again(run: MadeRun, kubectl: Kubectl) -> None:
    """Meanwhile v1 is the CRD's, and nothing waits for who is not there; Ctrl-C ends all."""
    run.start()
    eventually(lambda: SERVED in run.said, within=60, what="v1 served by the image API")
    os.kill(run.child("apiserver"), signal.SIGKILL)
    eventually(lambda: is_the_crds(kubectl), within=10, what="v1 from the CRD")
    eventually(lambda: is_the_image_apis(kubectl), within=30, what="v1 from the image API again")
    assert "run       | the image API ended with 137; it is started again in 5 s" in run.said
    run.signal(signal.SIGINT)
    assert 0 == run.wait()
    eventually(lambda: is_the_crds(kubectl), within=2, what="v1 from the CRD")


def test_an_operator_that_dies_ends_it(run: MadeRun, kubectl: Kubectl) -> None:
    """Its exit code is the answer, and v1 is the CRD's."""
    run.start()
    eventually(lambda: SERVED in run.said, within=60, what="v1 served by the image API")
    os.kill(run.child("run"), signal.SIGKILL)
    assert 137 == run.wait()
    eventually(lambda: is_the_crds(kubectl), within=2, what="v1 from the CRD")


def test_killed_itself_it_leaves_nobody_behind(run: MadeRun, kubectl: Kubectl) -> None:
    """SIGKILL: the kernel tells both to stop, so v1 is handed back."""
    run.start()
    eventually(lambda: SERVED in run.said, within=60, what="v1 served by the image API")
    operator, image_api = run.child("run"), run.child("apiserver")
    run.signal(signal.SIGKILL)
    run.wait()
    eventually(lambda: is_the_crds(kubectl), within=10, what="v1 from the CRD")
    gone = [Path(f"/proc/{pid}") for pid in (operator, image_api)]
    eventually(lambda: not any(alive(process) for process in gone), within=15, what="the end of both")


def test_started_again_after_all_were_killed_it_mends_first(run: MadeRun, kubectl: Kubectl) -> None:
    """Nobody had the time to hand v1 back: the next `make run` does, and serves it."""
    run.start()
    eventually(lambda: SERVED in run.said, within=60, what="v1 served by the image API")
    operator, image_api = run.child("run"), run.child("apiserver")
    run.signal(signal.SIGSTOP)
    for pid in (image_api, operator):
        os.kill(pid, signal.SIGKILL)
    run.signal(signal.SIGKILL)
    run.wait()
    eventually(lambda: not serves(kubectl, "imagestreams"), within=60, what="v1 answered by nobody")

    run.start()
    eventually(lambda: run.said.count(SERVED) == 2, within=60, what="v1 served by the image API again")
    assert "run       | v1.image.openshift.io is registered and nobody answers: giving it back" in run.said


def test_where_the_api_server_does_not_reach_it_the_operator_runs_alone(
    run: MadeRun, cluster: Cluster, kubectl: Kubectl
) -> None:
    """It is told, v1 is the CRD's again, and the end is as ever."""
    system = Kubectl(cluster, NAMESPACE)
    system("delete", SERVICE, "--ignore-not-found")
    run.start()
    elsewhere = ("patch", SERVICE, "--patch", '{"spec": {"externalName": "nowhere.invalid"}}')
    eventually(lambda: system.run(*elsewhere).returncode == 0, within=30, what="the Service")
    told = "run       | without the image API: 20 s the API server did not reach it here"
    eventually(lambda: told in run.said, within=90, what="that it is told")
    eventually(lambda: is_the_crds(kubectl), within=10, what="v1 from the CRD")
    assert not run.ended
    assert 0 == run.child("apiserver")
    run.signal(signal.SIGTERM)
    assert 0 == run.wait()


def test_beside_an_api_server_elsewhere_the_operator_runs_alone(
    cluster: Cluster, operator_aside: None, kubectl: Kubectl, publisher: Publisher, tmp_path: Path
) -> None:
    """Neither webhook nor image API is tried where they could not be called; the operator works."""
    del operator_aside
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    server = content["clusters"][0]["cluster"]
    # This address leads here too, and is not known for it.
    server["server"] = server["server"].replace(LOOPBACK, "0.0.0.0")  # noqa: S104  # nobody listens
    del server["certificate-authority-data"]
    server["insecure-skip-tls-verify"] = True
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(json.dumps(content))
    run = MadeRun(cluster, _LOG / f"run-{cluster.name}.log", kubeconfig=elsewhere)
    before = registration(kubectl)
    run.start()
    try:
        publisher.push(f"{kubectl.namespace}/app", "1", images.saying("elsewhere"))
        kubectl.apply(stream("app", tag("1", f"{cluster.registry}/{kubectl.namespace}/app:1")))
        kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=60s")
        assert "run       | without admission webhook and image API: the API server, elsewhere" in run.said
        assert 0 == run.child("apiserver")
        assert before == registration(kubectl)
        run.signal(signal.SIGTERM)
        assert 0 == run.wait()
    finally:
        run.end()


def test_an_image_api_that_is_there_is_left_alone(
    facade: FacadeProcess, run: MadeRun, kubectl: Kubectl
) -> None:
    """None is started beside one that serves v1, nor does the end of `make run` take v1 from it."""
    assert facade.alive
    before = registration(kubectl)
    run.start()
    eventually(lambda: READY in run.said, within=60, what="the operator")
    assert "run       | without an image API of its own: one serves v1 already" in run.said
    run.signal(signal.SIGTERM)
    assert 0 == run.wait()
    assert before == registration(kubectl)
    assert is_the_image_apis(kubectl)
    facade.terminate()


def test_make_cluster_gives_v1_back_where_nobody_answers(
    operator_aside: None, facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """An image API that answers is left alone; of one that was killed v1 is the CRD's when `up` returns."""
    del operator_aside
    assert "giving it back" not in up(cluster)
    assert is_the_image_apis(kubectl)
    facade.kill()
    eventually(lambda: not serves(kubectl, "imagestreams"), within=60, what="v1 answered by nobody")

    assert "v1.image.openshift.io is registered and nobody answers: giving it back" in up(cluster)
    assert is_the_crds(kubectl)
    kubectl("get", "is")


def up(cluster: Cluster) -> str:
    """Do what `make cluster` does, to this cluster; gives what it said."""
    command = [sys.executable, "-m", "localcluster", "up", "--name", cluster.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def registration(kubectl: Kubectl) -> tuple[str, str]:
    """Give which registration of v1 there is, and whom it asks."""
    found = kubectl.get("apiservice/v1.image.openshift.io")
    return found["metadata"]["uid"], json.dumps(found["spec"])


def alive(process: Path) -> bool:
    """Tell whether a process of /proc runs."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
