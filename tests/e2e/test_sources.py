"""The sequences of the seeds with tags that follow other tags, on a live cluster."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from conftest import Kubectl
from e2e.reading import current, failure, images
from localcluster import images as make
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess


def alias(name: str, source: str, **more: str) -> dict[str, Any]:
    """Write a spec tag that follows another tag."""
    return {"name": name, "from": {"kind": "ImageStreamTag", "name": source, **more}}


@pytest.fixture
def library(cluster: Cluster) -> Iterator[Kubectl]:
    """Another namespace, as `openshift` is on OpenShift."""
    name = f"library-{secrets.token_hex(4)}"
    Kubectl(cluster)("create", "namespace", name)
    yield Kubectl(cluster, name)
    Kubectl(cluster)("delete", "namespace", name, "--wait=false")


def test_three_tags_two_images(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """odoo:13, odoo:latest as its alias and odoo:12 from outside are three tags of two images."""
    assert operator.alive
    thirteen = publisher.push("library/odoo", "13", make.saying("odoo 13"))
    twelve = publisher.push("library/odoo", "12", make.saying("odoo 12"))
    source = f"{cluster.registry}/library/odoo"
    kubectl.apply(stream("odoo", tag("13", f"{source}:13"), alias("latest", "13"), tag("12", f"{source}:12")))
    kubectl("wait", "--for=condition=Ready", "is/odoo", "--timeout=20s")

    found = {name: current(kubectl, "odoo", name) for name in ("12", "13", "latest")}
    assert {"12": twelve, "13": thirteen, "latest": thirteen} == found


def test_an_alias_moves_with_its_tag_and_so_do_the_pods(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """mi-web:1.0 and mi-web:ultima are one image; who follows ultima moves with 1.0."""
    assert operator.alive
    first = publisher.push("mi/web", "1.0", make.saying("first"))
    source = f"{cluster.registry}/mi/web"
    kubectl.apply(
        stream("mi-web", tag("1.0", f"{source}:1.0", scheduled=True), alias("ultima", "1.0"), interval="5s"),
        deployment("web1", {"web": "mi-web:ultima"}),
    )
    eventually(lambda: images(kubectl, "web1") == [f"{source}@{first}"], within=20, what="the first image")
    second = publisher.push("mi/web", "1.0", make.saying("second"))
    eventually(lambda: images(kubectl, "web1") == [f"{source}@{second}"], within=20, what="the second image")


def test_a_stream_of_another_namespace_needs_permission(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher, library: Kubectl
) -> None:
    """Without the right the tag says which command grants it; it resolves, until the right is revoked."""
    assert operator.alive
    digest = publisher.push("rhscl/httpd", "2.4", make.saying("httpd"))
    library.apply(stream("httpd", tag("2.4", f"{cluster.registry}/rhscl/httpd:2.4")))
    kubectl.apply(stream("web", alias("base", "httpd:2.4", namespace=library.namespace)))
    eventually(
        lambda: failure(kubectl, "web", "base").get("reason") == "Forbidden", within=20, what="Forbidden"
    )
    message = failure(kubectl, "web", "base")["message"]
    assert message in kubectl("describe", "is", "web").replace("\n", " ")

    Kubectl(cluster)(*message.partition("runs: kubectl ")[2].split())
    eventually(lambda: current(kubectl, "web", "base") == digest, within=60, what="the image of the library")

    Kubectl(cluster)("delete", "rolebinding", f"pull-from-{kubectl.namespace}", "-n", library.namespace)
    eventually(
        lambda: failure(kubectl, "web", "base").get("reason") == "Forbidden",
        within=60,
        what="Forbidden again",
    )
    library.apply(stream("witness", alias("base", "httpd:2.4")))
    moved = publisher.push("rhscl/httpd", "2.4", make.saying("httpd, patched"))
    library("annotate", "is/httpd", "imagestreams.dev/requested-at=now")
    # Who follows from the library's own namespace is woken together with who may follow no more.
    eventually(lambda: current(library, "witness", "base") == moved, within=20, what="the witness's move")
    assert digest == current(kubectl, "web", "base")
