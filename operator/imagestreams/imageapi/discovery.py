"""What the image API says of itself: its group, version and resources, in the plain and the aggregated form.

Pure. The documents are those of Kubernetes (meta/v1 APIGroup, APIResourceList; apidiscovery.k8s.io/v2), which
the API server in front of us reads and passes on.
"""

from __future__ import annotations

from typing import Any

from imagestreams.imageapi.resources import API_VERSION, GROUP, RESOURCES, VERSION, Resource
from imagestreams.model import border

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_VERSION = {"groupVersion": API_VERSION, "version": VERSION}


def group() -> dict[str, Any]:
    """Describe the group, for /apis/image.openshift.io."""
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": [_VERSION],
        "preferredVersion": _VERSION,
    }


def groups() -> dict[str, Any]:
    """List the group, for /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]}


def resource_list() -> dict[str, Any]:
    """List the resources, for /apis/image.openshift.io/v1."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": API_VERSION,
        "resources": [_resource(resource) for resource in RESOURCES],
    }


def aggregated() -> dict[str, Any]:
    """Describe it all in one document, for /apis where a client asks for that form."""
    main = [resource for resource in RESOURCES if not resource.subresource]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": GROUP, "creationTimestamp": None},
                "versions": [
                    {
                        "version": VERSION,
                        "freshness": "Current",
                        "resources": [_described(resource) for resource in main],
                    }
                ],
            }
        ],
    }


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.path,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
        **border.without_empty(shortNames=list(resource.short_names), categories=list(resource.categories)),
    }


def _described(resource: Resource) -> dict[str, Any]:
    below = [each for each in RESOURCES if each.subresource and each.plural == resource.plural]
    subresources = [
        {"subresource": each.subresource, "responseKind": _kind(each), "verbs": list(each.verbs)}
        for each in below
    ]
    return {
        "resource": resource.path,
        "responseKind": _kind(resource),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
        **border.without_empty(
            shortNames=list(resource.short_names),
            categories=list(resource.categories),
            subresources=subresources,
        ),
    }


def _kind(resource: Resource) -> dict[str, str]:
    return {"group": GROUP, "version": VERSION, "kind": resource.kind}
