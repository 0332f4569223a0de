"""What the tests of single joints ask for beside what every test may."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from localcluster import Cluster
from localrun import install

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def quiet_cluster() -> Iterator[Cluster]:
    """A cluster with the CRDs and the rights in which no operator runs: what a test writes, nobody answers.

    Its nodes are fake ones, so it is there in three seconds.
    """
    found = Cluster.up(name=f"{os.environ.get('TEST_CLUSTER', 'test')}-quiet", nodes="kwok", progress=print)
    install(found.kubectl, found.kubeconfig)
    yield found
    if not os.environ.get("KEEP_CLUSTER"):
        found.down()
