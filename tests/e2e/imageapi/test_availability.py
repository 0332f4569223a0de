"""The image API away: whoever needs v1 gets it from the custom resources, and the rest goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from localcluster import images
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import FacadeProcess, OperatorProcess

V1 = "/apis/image.openshift.io/v1"
_PLAIN = {"apiVersion": "v1", "kind": "Namespace"}


def serves(kubectl: Kubectl, resource: str) -> bool:
    """Tell whether v1 has a resource now."""
    done = kubectl.run("get", "--raw", V1)
    return done.returncode == 0 and f'"{resource}"' in done.stdout


def is_the_image_apis(kubectl: Kubectl) -> bool:
    """Tell whether the image API serves v1: no CRD has layers."""
    return serves(kubectl, "imagestreams/layers")


def is_the_crds(kubectl: Kubectl) -> bool:
    """Tell whether v1 is served from the custom resources."""
    return serves(kubectl, "imagestreams") and not is_the_image_apis(kubectl)


def test_its_end_hands_v1_back_at_once(facade: FacadeProcess, kubectl: Kubectl) -> None:
    """SIGTERM: within seconds v1 is the CRD's, and the image API takes it again when it is started."""
    code, took = facade.terminate()
    assert 0 == code
    assert took < 10
    eventually(lambda: is_the_crds(kubectl), within=10, what="v1 from the CRD")
    said = kubectl.run("get", "istag")
    assert "Warning: imagestreamtags are served by the image API" in said.stderr
    facade.start()
    eventually(lambda: is_the_image_apis(kubectl), within=30, what="v1 from the image API")


def test_nothing_is_stored_where_it_does_not_serve(facade: FacadeProcess, kubectl: Kubectl) -> None:
    """A tag that is written while v1 is the CRD's is refused with the reason, and kept nowhere."""
    facade.terminate()
    eventually(lambda: is_the_crds(kubectl), within=10, what="v1 from the CRD")
    written = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamTag",
        "metadata": {"name": "app"},
        "tag": {"name": "1", "from": {"kind": "DockerImage", "name": "registry.example/app:1"}},
        "generation": 0,
        "lookupPolicy": {"local": False},
        "image": {"dockerImageReference": "registry.example/app:1"},
    }
    refused = kubectl.run("create", "-f", "-", stdin=written)
    assert 1 == refused.returncode
    assert "imagestreamtags are served by the image API (Deployment imagestreams-api)" in refused.stderr
    assert [] == kubectl.get("istag")["items"]
    # What docs/image-api.md tells of programs, which do not read warnings.
    for asked in (
        ("delete", "istag", "app:1", "--ignore-not-found"),
        ("wait", "--for=delete", "istag/app:1"),
    ):
        done = kubectl.run(*asked)
        assert 0 == done.returncode
        assert "a deletion removes nothing" in done.stderr


def test_killed_it_holds_up_nobody_for_long(
    operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Streams are imported, workloads roll; v1, and namespaces to be deleted, are well in a minute or so."""
    assert operator.alive
    reference = f"{cluster.registry}/away/app:latest"
    publisher.push("away/app", "latest", images.saying("one"))
    kubectl.apply(
        stream("app", tag("latest", reference, scheduled=True), interval="5s"),
        deployment("web", {"web": "app:latest"}),
        {**_PLAIN, "metadata": {"name": "passing-by"}},
    )
    kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
    eventually(lambda: "one" in kubectl("logs", "deployment/web"), within=60, what="the first pod")
    facade.kill()
    began = time.monotonic()
    kubectl("delete", "namespace", "passing-by", "--wait=false")
    digest = publisher.push("away/app", "latest", images.saying("two"))
    pinned = f"{cluster.registry}/away/app@{digest}"
    eventually(lambda: image_of(kubectl) == pinned, within=30, what="the image moves meanwhile")
    eventually(lambda: "two" in kubectl("logs", "deployment/web"), within=60, what="its pod rolls meanwhile")

    eventually(lambda: is_the_crds(kubectl), within=120, what="v1 from the CRD")
    kubectl("wait", "--for=delete", "namespace/passing-by", "--timeout=60s")
    assert time.monotonic() - began < 150
    assert 1 == len(handed_back(kubectl))
    facade.start()
    eventually(lambda: is_the_image_apis(kubectl), within=30, what="v1 from the image API again")
    assert pinned == kubectl.get("istag/app:latest")["image"]["dockerImageReference"]


def test_an_operator_alone_starts_where_both_were_killed(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """What is registered does not answer: the operator hands v1 back before all else, ready within 30 s."""
    facade.kill()
    operator.kill()
    eventually(lambda: not serves(kubectl, "imagestreams"), within=60, what="v1 answered by nobody")
    operator.start()
    eventually(lambda: is_the_crds(kubectl), within=10, what="v1 from the CRD")
    assert "the image API did not answer when the operator started" in operator.log.read_text()


def image_of(kubectl: Kubectl) -> str:
    """Give the image of the one container."""
    found: dict[str, Any] = kubectl.get("deployment/web")
    image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def handed_back(kubectl: Kubectl) -> list[dict[str, Any]]:
    """List the Events that tell of it, and forget them."""
    where = ("--namespace", "imagestreams-system", "--field-selector=reason=HandedBack")
    found: list[dict[str, Any]] = kubectl.get("events", *where)["items"]
    kubectl("delete", "events", *where)
    return found
