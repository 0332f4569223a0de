"""One tenant's trouble is not everybody's."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from conftest import Kubectl
from e2e.reading import current
from localcluster import images
from support.faults import SilentPort
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess

TAGS = 300
"""So many tags at a host that hangs would take every thread for minutes."""


@pytest.fixture
def neighbour(cluster: Cluster) -> Iterator[Kubectl]:
    """The namespace of somebody else."""
    name = f"neighbour-{secrets.token_hex(4)}"
    Kubectl(cluster)("create", "namespace", name)
    yield Kubectl(cluster, name)
    Kubectl(cluster)("delete", "namespace", name, "--wait=false")


def test_a_host_that_hangs_delays_nobody_else(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher, neighbour: Kubectl
) -> None:
    """While 300 tags of one stream wait for a host that never answers, another namespace is served."""
    assert operator.alive
    digest = publisher.push("fair/app", "1", images.saying("fair"))
    with SilentPort() as silent:
        hanging = [tag(f"t{number}", f"{silent.host}/a/b:{number}") for number in range(TAGS)]
        kubectl.apply(stream("greedy", *hanging))
        eventually(
            lambda: "imagestreams_questions_under_way 6.0" in operator.metrics(),
            within=20,
            what="the most of the share of its namespace",
        )
        neighbour.apply(stream("modest", tag("1", f"{cluster.registry}/fair/app:1")))
        eventually(lambda: current(neighbour, "modest", "1") == digest, within=5, what="the other's image")
        kubectl("delete", "is", "greedy")
