"""The Make targets and the image API: who dies without a word leaves no cluster that hangs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from e2e.imageapi.test_availability import is_the_crds, serves
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import FacadeProcess


def test_make_cluster_gives_v1_back_where_nobody_answers(
    operator_aside: None, facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """An image API that answers is left alone; of one that was killed v1 is the CRD's when `up` returns."""
    del operator_aside
    assert "giving it back" not in up(cluster)
    assert serves(kubectl, "imagestreamtags")
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
