"""A push that the image API is told of, and real pods: what runs the tag runs what was pushed."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from e2e.imageapi.asking import BASE
from localcluster import images
from support.manifests import deployment, stream
from support.oc import Rest
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import FacadeProcess, OperatorProcess


def test_pods_run_what_was_pushed(
    operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Workloads of the tag and of one that follows it start with the first push, and roll with the next."""
    assert operator.alive
    assert facade.alive
    space = kubectl.namespace
    kubectl.apply(
        stream("app", {"name": "live", "from": {"kind": "ImageStreamTag", "name": "app:1"}}),
        deployment("web", {"web": "app:1"}),
        deployment("front", {"web": "app:live"}),
    )
    with contextlib.closing(Rest(cluster.kubeconfig)) as rest:
        for said in ("one", "two"):
            digest = publisher.push(f"{space}/app", said, images.saying(said))
            reference = f"{cluster.registry}/{space}/app@{digest}"
            pushed = {
                "apiVersion": "image.openshift.io/v1",
                "kind": "ImageStreamMapping",
                "metadata": {"name": "app", "namespace": space},
                "tag": "1",
                "image": {"metadata": {"name": digest}, "dockerImageReference": reference},
            }
            assert 201 == rest("POST", f"{BASE}/namespaces/{space}/imagestreammappings", pushed).code
            for name in ("web", "front"):
                says = functools.partial(says_now, kubectl, name, said)
                eventually(says, within=60, what=f"pods of {name} that say {said}")
                found = kubectl.get(f"deployment/{name}")["spec"]["template"]["spec"]["containers"]
                assert [reference] == [each["image"] for each in found]


def says_now(kubectl: Kubectl, name: str, said: str) -> bool:
    """Tell whether a pod of the Deployment has said so."""
    return said in kubectl.run("logs", f"deployment/{name}").stdout
