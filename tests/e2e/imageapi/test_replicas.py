"""Two replicas of the image API: one may go and nobody misses it; the last one hands v1 back."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.populate import Admin
from conftest import Kubectl
from e2e.imageapi.test_availability import is_the_crds, is_the_image_apis
from localcluster.ports import LOOPBACK
from localrun import API_ACCOUNT, NAMESPACE, account_kubeconfig, install_image_api
from support import balancing, secrecy
from support.balancing import Asking, Balancer
from support.overhearing import OverheardFacade
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster

OBJECT = "imagestreams-api-certificate"
TAGS = "/apis/image.openshift.io/v1/namespaces/default/imagestreamtags"
_HASTENED = (sys.executable, str(Path(balancing.__file__).with_name("hastening.py")))


@pytest.fixture
def replicas(
    cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[list[OverheardFacade]]:
    """Two replicas behind one Service, registered; what runs of them at the end is ended."""
    install_image_api(cluster.kubectl, cluster.kubeconfig)
    rights = account_kubeconfig(
        cluster.kubectl, cluster.kubeconfig, tmp_path / "kubeconfig", account=API_ACCOUNT
    )
    becoming = getattr(request, "param", ())
    found = [
        OverheardFacade(rights, tmp_path / f"replica-{number}.log", becoming=becoming) for number in range(2)
    ]
    with Balancer(found) as balancer:
        for each in found:
            each.service_port = balancer.port
            each.start()
        kubectl = Kubectl(cluster)
        eventually(lambda: is_the_image_apis(kubectl), within=40, what="v1 from the image API")
        kept = Kubectl(cluster, NAMESPACE).get("secret", OBJECT)["data"]
        secrecy.keep(*kept.values())
        yield found
        for each in found:
            if each.alive:
                each.terminate()


@contextlib.contextmanager
def asking(cluster: Cluster) -> Iterator[list[Asking]]:
    """List the tags of a namespace again and again, four at a time, some on new connections."""
    admin = Admin(cluster.kubeconfig)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Asking(lambda: admin.request("GET", TAGS))) for _ in range(4)]
    admin.close()


def failures(all_asking: list[Asking]) -> list[str]:
    """Give what went wrong; each must have asked."""
    assert all(each.count > 10 for each in all_asking)
    return [failure for each in all_asking for failure in each.failures]


def registration(cluster: Cluster) -> str:
    """Give the uid of the APIService: another one was handed back, and made again."""
    uid: str = Kubectl(cluster).get("apiservice/v1.image.openshift.io")["metadata"]["uid"]
    return uid


def served(replica: OverheardFacade) -> str:
    """Give the certificate that a replica shows."""
    return ssl.get_server_certificate((LOOPBACK, replica.port), timeout=5)


def test_one_that_stops_is_not_missed_and_the_last_hands_v1_back(
    replicas: list[OverheardFacade], cluster: Cluster
) -> None:
    """While one stops and starts again no request fails; the last one hands v1 to the CRD at once."""
    first, second = replicas
    uid = registration(cluster)
    with asking(cluster) as clients:
        for each in (first, second):
            code, took = each.terminate()
            assert (0, True) == (code, took < 10)
            assert "v1 stays with another replica" in each.log.read_text()
            each.start()
    assert [] == failures(clients)
    assert uid == registration(cluster)

    first.terminate()
    code, took = second.terminate()
    assert (0, True) == (code, took < 6)
    assert "v1 is handed back to the CRD" in second.log.read_text()
    kubectl = Kubectl(cluster)
    eventually(lambda: is_the_crds(kubectl), within=5, what="v1 from the CRD")


def test_one_that_is_killed_leaves_v1_with_the_other(
    replicas: list[OverheardFacade], cluster: Cluster
) -> None:
    """Within seconds all is answered again, by the same registration."""
    uid = registration(cluster)
    replicas[0].kill()
    kubectl = Kubectl(cluster)
    eventually(lambda: is_the_image_apis(kubectl), within=10, what="v1 from the other replica")
    time.sleep(1)
    with asking(cluster) as clients:
        time.sleep(5)
    assert [] == failures(clients)
    assert uid == registration(cluster)


def test_two_that_stop_at_once_hand_v1_back(replicas: list[OverheardFacade], cluster: Cluster) -> None:
    """Neither is there for the other: v1 is the CRD's."""
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        assert [0, 0] == [code for code, _ in threads.map(lambda each: each.terminate(), replicas)]
    kubectl = Kubectl(cluster)
    eventually(lambda: is_the_crds(kubectl), within=5, what="v1 from the CRD")


def test_v1_that_was_handed_back_by_mistake_is_taken_again(
    replicas: list[OverheardFacade], cluster: Cluster
) -> None:
    """Whom the API server reached a moment ago takes it at the next look, within 15 s."""
    uid = registration(cluster)
    kubectl = Kubectl(cluster)
    kubectl("delete", "apiservice", "v1.image.openshift.io")
    eventually(lambda: is_the_image_apis(kubectl), within=30, what="v1 from the image API again")
    assert uid != registration(cluster)
    assert all(each.alive for each in replicas)


@pytest.mark.parametrize("replicas", [_HASTENED], indirect=True, ids=["hastened"])
def test_a_renewed_certificate_is_never_missed(replicas: list[OverheardFacade], cluster: Cluster) -> None:
    """Both show the same; the Secret deleted, twice, both show another soon, and no request fails."""
    system = Kubectl(cluster, NAMESPACE)
    with asking(cluster) as clients:
        for _ in range(2):
            before = served(replicas[0])
            assert before == served(replicas[1])
            system("delete", "secret", OBJECT)
            eventually(lambda: before != served(replicas[0]), within=30, what="another certificate")  # noqa: B023
            eventually(
                lambda: "former-ca.crt" not in system.get("secret", OBJECT)["data"],
                within=30,
                what="the end of the renewal",
            )
            secrecy.keep(*system.get("secret", OBJECT)["data"].values())
            assert served(replicas[0]) == served(replicas[1])
    assert [] == failures(clients)


def test_what_is_broken_is_mended_from_what_is_served(
    replicas: list[OverheardFacade], cluster: Cluster
) -> None:
    """A Secret with garbage in it holds the certificate again, and a log says so without what was in it."""
    system = Kubectl(cluster, NAMESPACE)
    before = system.get("secret", OBJECT)["data"]["tls.crt"]
    system("patch", "secret", OBJECT, "--type=merge", '-p={"stringData":{"tls.key":"mangled-by-somebody"}}')
    eventually(
        lambda: system.get("secret", OBJECT)["data"]["tls.key"] != "bWFuZ2xlZC1ieS1zb21lYm9keQ==",
        within=30,
        what="the key again",
    )
    assert before == system.get("secret", OBJECT)["data"]["tls.crt"]
    said = "".join(each.log.read_text() for each in replicas)
    assert "the Secret of the image API's certificate holds no certificate with its key" in said
    assert "mangled" not in said
