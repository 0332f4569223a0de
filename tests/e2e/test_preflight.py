"""Where the operator must not start, or cannot, it says why and touches nothing."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e import audit
from localcluster import Cluster
from localrun import account_kubeconfig
from support.overhearing import OverheardOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CRD = "imagestreams.image.openshift.io"
OUR_LABEL = "app.kubernetes.io/part-of"
NO_CRD = f"the CustomResourceDefinition {CRD} is not installed; apply crds/ first: kubectl apply -f crds/"


class Bare:
    """A cluster with the operator's rights and without the custom resources, and an operator to try there."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.kubectl("apply", "-k", str(ROOT / "deploy" / "base" / "rights"))
        folder = ROOT / "build" / "test"
        kubeconfig = account_kubeconfig(
            cluster.kubectl, cluster.kubeconfig, folder / f"kubeconfig-{cluster.name}"
        )
        self._operator = OverheardOperator(kubeconfig, folder / f"operator-{cluster.name}.log")

    def kubectl(self, *arguments: str, manifest: dict[str, Any] | None = None) -> None:
        """Run kubectl as the administrator, with a manifest to read where one is given."""
        command = [str(self.cluster.kubectl), f"--kubeconfig={self.cluster.kubeconfig}", *arguments]
        text = json.dumps(manifest) if manifest else None
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"

    def starts(self) -> None:
        """Start the operator, which must become ready, and end it."""
        self._operator.start()
        code, _ = self._operator.terminate()
        assert code == 0

    def refuses(self) -> str:
        """Start the operator, which must end with 1 and write nothing; the answer is what it said."""
        began = audit.now()
        with pytest.raises(RuntimeError, match="the operator ended with 1:") as ended:
            self._operator.start()
        asked = audit.asked_since(self.cluster, began)
        assert asked, "the audit log shows nothing of the operator"
        assert {request.verb for request in asked} == {"get"}
        return str(ended.value)

    @contextlib.contextmanager
    def crds(self) -> Iterator[None]:
        """Have the custom resources installed for a while."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        try:
            self.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{CRD}")
            yield
        finally:
            self.kubectl("delete", "--wait", "-f", str(ROOT / "crds"))

    @contextlib.contextmanager
    def served_by(self, labels: dict[str, str]) -> Iterator[None]:
        """Have an aggregated API serve the group for a while, as OpenShift's does."""
        manifest = {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1.image.openshift.io", "labels": labels},
            "spec": {
                "group": "image.openshift.io",
                "version": "v1",
                "groupPriorityMinimum": 9900,
                "versionPriority": 15,
                "insecureSkipTLSVerify": True,
                "service": {"namespace": "openshift-apiserver", "name": "api", "port": 443},
            },
        }
        self.kubectl("apply", "-f", "-", manifest=manifest)
        try:
            yield
        finally:
            self.kubectl("delete", "apiservice", "v1.image.openshift.io")


@pytest.fixture(scope="module")
def bare() -> Iterator[Bare]:
    """A cluster of its own: what is tried here would break the tests of the other."""
    found = Cluster.up(f"{os.environ.get('TEST_CLUSTER', 'test')}-bare", nodes="kwok", progress=print)
    yield Bare(found)
    if not os.environ.get("KEEP_CLUSTER"):
        found.down()


def test_without_the_custom_resources_it_says_how_to_install_them(bare: Bare) -> None:
    """Without the CRDs it ends with 1 and the command that installs them; after it, it starts."""
    assert NO_CRD in bare.refuses()
    with bare.crds():
        bare.starts()


def test_where_somebody_else_serves_the_group_it_refuses(bare: Bare) -> None:
    """Where somebody else serves image.openshift.io it says so, ends with 1, and has written nothing."""
    with bare.served_by({}):
        said = bare.refuses()
    assert "image.openshift.io is served already, by service openshift-apiserver/api" in said
    assert "Nothing was changed." in said


def test_our_own_image_api_is_nobody_else(bare: Bare) -> None:
    """An API server with our label does not count: the next thing that is missing is told instead."""
    with bare.served_by({OUR_LABEL: "imagestreams"}):
        assert NO_CRD in bare.refuses()


def test_custom_resources_of_somebody_else_are_left_alone(bare: Bare) -> None:
    """A CRD of the name without our label, or without the version we read, is told and left as it is."""
    with bare.crds():
        bare.kubectl("label", f"crd/{CRD}", f"{OUR_LABEL}-")
        assert f"the CustomResourceDefinition {CRD} is somebody else's" in bare.refuses()
        bare.kubectl("label", f"crd/{CRD}", f"{OUR_LABEL}=imagestreams")
        unserved = '[{"op": "replace", "path": "/spec/versions/1/served", "value": false}]'
        bare.kubectl("patch", f"crd/{CRD}", "--type=json", "-p", unserved)
        assert f"the CustomResourceDefinition {CRD} does not serve v1alpha1" in bare.refuses()
