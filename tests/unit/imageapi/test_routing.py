"""What a request asks for (imageapi.routing), read as Kubernetes reads it."""

from __future__ import annotations

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi.resources import RESOURCES, ROOT, STORED_VERSION
from imagestreams.imageapi.routing import route
from imagestreams.kube import resources as kube

ASKED = [
    ("GET", "/namespaces/shop/imagestreams", {}, ("list", "imagestreams", "shop", "")),
    ("GET", "/imagestreams", {}, ("list", "imagestreams", "", "")),
    ("GET", "/namespaces/shop/imagestreams", {"watch": "true"}, ("watch", "imagestreams", "shop", "")),
    ("GET", "/namespaces/shop/imagestreams", {"watch": "0"}, ("list", "imagestreams", "shop", "")),
    ("GET", "/namespaces/shop/imagestreams/app", {}, ("get", "imagestreams", "shop", "app")),
    ("HEAD", "/namespaces/shop/imagestreams/app", {}, ("get", "imagestreams", "shop", "app")),
    ("POST", "/namespaces/shop/imagestreams", {}, ("create", "imagestreams", "shop", "")),
    ("PUT", "/namespaces/shop/imagestreams/app/status", {}, ("update", "imagestreams/status", "shop", "app")),
    ("GET", "/namespaces/shop/imagestreams/app/layers", {}, ("get", "imagestreams/layers", "shop", "app")),
    ("DELETE", "/namespaces/shop/imagestreams", {}, ("deletecollection", "imagestreams", "shop", "")),
    ("PUT", "/namespaces/shop/imagestreamtags/app:1", {}, ("update", "imagestreamtags", "shop", "app:1")),
    ("GET", "/namespaces/shop/imagestreamimages/app@sha256:0", {},
     ("get", "imagestreamimages", "shop", "app@sha256:0")),
    ("PATCH", "/images/sha256:0", {}, ("patch", "images", "", "sha256:0")),
    ("GET", "/namespaces/namespaces/imagestreams/namespaces", {},
     ("get", "imagestreams", "namespaces", "namespaces")),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "query", "expected"), ASKED)
def test_a_path_and_a_method_say_what_is_asked_for(
    method: str, path: str, query: dict[str, str], expected: tuple[str, str, str, str]
) -> None:
    """Verb, resource with its subresource, namespace and name."""
    found = route(method, ROOT + path, query)
    assert found is not None
    assert expected == (found.verb, found.resource.path, found.namespace, found.name)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/apis/apps/v1/deployments"),
        ("GET", f"{ROOT}"),
        ("GET", f"{ROOT}/nosuch"),
        ("GET", f"{ROOT}/namespaces/shop/images/sha256:0"),
        ("GET", f"{ROOT}/imagestreams/app"),
        ("POST", f"{ROOT}/imagestreams"),
        ("GET", f"{ROOT}/namespaces/shop/imagestreams/app/scale"),
        ("GET", f"{ROOT}/namespaces/shop/imagestreams/app/status/more"),
        ("GET", f"{ROOT}/namespaces/shop//app"),
        ("GET", f"{ROOT}/namespaces/../imagestreams"),
        ("DELETE", f"{ROOT}/namespaces/shop/imagestreams/."),
        ("GET", f"{ROOT}/images/.."),
    ],
)
def test_what_is_not_served_is_no_route(method: str, path: str) -> None:
    """A resource without its namespace, one with one that has none, what there is not, and other paths."""
    assert route(method, path, {}) is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/namespaces/shop/imagestreamimages"),
        ("DELETE", "/namespaces/shop/imagestreams/app/status"),
        ("DELETE", "/namespaces/shop/imagestreamtags"),
        ("OPTIONS", "/namespaces/shop/imagestreams"),
    ],
)
def test_a_verb_that_a_resource_has_not_is_405(method: str, path: str) -> None:
    """So clients, oc among them, tell it from a resource that is not there."""
    with pytest.raises(StatusError) as refused:
        route(method, ROOT + path, {})
    assert (405, "MethodNotAllowed") == (refused.value.code, refused.value.reason)


def test_tags_are_not_watched() -> None:
    """As in the original: a watch of imagestreamtags is no verb of theirs."""
    with pytest.raises(StatusError):
        route("GET", f"{ROOT}/namespaces/shop/imagestreamtags", {"watch": "1"})


def test_the_names_of_versions_are_those_that_the_rest_uses() -> None:
    """The group is written down twice, for the pure modules and for the others."""
    assert f"/apis/{kube.GROUP}/{kube.SERVED_VERSION}" == ROOT
    assert f"{kube.GROUP}/{kube.OWN_VERSION}" == STORED_VERSION


def test_the_table_is_in_order_and_says_each_once() -> None:
    """Discovery lists resources in the order of their names, a subresource behind its resource."""
    paths = [resource.path for resource in RESOURCES]
    assert sorted(set(paths)) == paths
