"""The image API and Kubernetes' own controllers: what they list and watch goes on as with any resource.

Garbage collection, quota and the deletion of namespaces read the preferred version: the image API's.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import pytest

from conftest import Kubectl
from e2e.imageapi.test_availability import is_the_crds, is_the_image_apis
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from localcluster import Cluster
    from localrun import FacadeProcess

STREAMS = 40


@pytest.fixture(params=["with the image API", "without it"])
def served(request: pytest.FixtureRequest, facade: FacadeProcess, cluster: Cluster) -> str:
    """Who serves v1: the image API, or the custom resources alone, as a comparison."""
    who: str = request.param
    kubectl = Kubectl(cluster)
    if who == "without it":
        facade.terminate()
        eventually(lambda: is_the_crds(kubectl), within=20, what="v1 from the CRD")
    else:
        assert is_the_image_apis(kubectl)
    return who


def deleted_within(cluster: Cluster, name: str) -> float:
    """Make a namespace with streams and more, delete it, and tell how many seconds that took."""
    kubectl = Kubectl(cluster)
    kubectl("create", "namespace", name)
    inside = Kubectl(cluster, name)
    inside.apply(*(stream(f"s{number}", tag("1", "127.0.0.1:1/x/y:1")) for number in range(STREAMS)))
    inside("create", "configmap", "beside")
    assert STREAMS == len(inside.get("imagestreams")["items"])
    began = time.monotonic()
    kubectl("delete", "namespace", name, "--timeout=60s")
    return time.monotonic() - began


def test_a_namespace_with_streams_is_gone_as_fast_as_without_it(
    facade: FacadeProcess, cluster: Cluster
) -> None:
    """Forty streams: the image API adds seconds at the most, and nothing of them is left."""
    kubectl = Kubectl(cluster)
    took = {}
    for who in ("with", "without"):
        if who == "without":
            facade.terminate()
            eventually(lambda: is_the_crds(kubectl), within=20, what="v1 from the CRD")
        took[who] = deleted_within(cluster, f"citizen-{secrets.token_hex(4)}")
    assert took["with"] < took["without"] + 10, took


def test_what_a_stream_owns_goes_with_it(served: str, kubectl: Kubectl) -> None:
    """A ConfigMap that a stream owns is collected when the stream is deleted, and not before."""
    kubectl.apply(stream("owner", tag("1", "127.0.0.1:1/x/y:1")))
    uid = kubectl.get("imagestream/owner")["metadata"]["uid"]
    owner = {"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "name": "owner", "uid": uid}
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "owned", "ownerReferences": [owner]},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "orphan", "ownerReferences": [{**owner, "uid": "not-there"}]},
        },
    )

    def exists(name: str) -> bool:
        return kubectl.run("get", "configmap", name).returncode == 0

    # The collector looks: what has no owner goes, what has one stays.
    eventually(lambda: not exists("orphan"), within=60, what=f"the end of an orphan, {served}")
    assert exists("owned")
    kubectl("delete", "imagestream", "owner")
    eventually(lambda: not exists("owned"), within=60, what=f"the end of what it owned, {served}")


def test_a_stream_goes_with_its_owner(served: str, kubectl: Kubectl) -> None:
    """A stream that a ConfigMap owns is collected with it."""
    kubectl("create", "configmap", "owner")
    uid = kubectl.get("configmap/owner")["metadata"]["uid"]
    owned = stream("owned", tag("1", "127.0.0.1:1/x/y:1"))
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    ]
    kubectl.apply(owned)
    kubectl("delete", "configmap", "owner")
    eventually(
        lambda: kubectl.run("get", "imagestream", "owned").returncode != 0,
        within=60,
        what=f"the end of the stream, {served}",
    )


def test_a_quota_counts_streams(served: str, kubectl: Kubectl) -> None:
    """What is used follows creation and deletion; one more than is allowed is refused."""
    key = "count/imagestreams.image.openshift.io"
    kubectl("create", "quota", "two", f"--hard={key}=2")

    def used() -> str:
        found: str = kubectl.get("quota/two").get("status", {}).get("used", {}).get(key, "")
        return found

    eventually(lambda: used() == "0", within=60, what=f"the count begun, {served}")
    kubectl.apply(stream("one"), stream("two"))
    eventually(lambda: used() == "2", within=60, what=f"two counted, {served}")
    refused = kubectl.run("create", "-f", "-", stdin=stream("three"))
    assert "exceeded quota: two" in refused.stderr
    kubectl("delete", "imagestream", "one")
    eventually(lambda: used() == "1", within=60, what=f"one counted, {served}")
    kubectl("create", "-f", "-", stdin=stream("three"))
