"""What a request asks for, read from its method, path and query, as Kubernetes reads them. Pure.

The rules are those of k8s.io/apiserver's RequestInfo. Used by imageapi.server; what is served is in
imageapi.resources.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from imagestreams.imageapi import answers
from imagestreams.imageapi.resources import ROOT, Resource, find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.imageapi.asking import Answer, Ask, Listing, Watch

_ON_ONE = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ON_ALL = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
_TRUE = frozenset({"", "1", "t", "T", "true", "TRUE", "True"})


class Handler(Protocol):
    """Answers what is asked of one resource."""

    async def answer(self, ask: Ask) -> Answer | Listing | Watch:
        """Do it. Raises StatusError where it is not done."""


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """What is asked for."""

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""


def route(method: str, path: str, query: Mapping[str, str]) -> Route | None:
    """Read what a request of our group asks for; `path` is decoded. None for a path that is none of ours.

    Raises StatusError (405) for a verb that the resource does not have.
    """
    if not path.startswith(f"{ROOT}/"):
        return None
    parts = path[len(ROOT) + 1 :].rstrip("/").split("/")
    if not {".", ".."}.isdisjoint(parts):
        # On the way to the API server they would lead to another path than the one that was authorized.
        return None
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    if not 1 <= len(parts) <= 3 or not all(parts):
        return None
    plural, name, subresource = (*parts, "", "")[:3]
    resource = find(plural, subresource)
    # A name without a namespace is asked of a resource that has none, and the other way round.
    if resource is None or (namespace and not resource.namespaced):
        return None
    if resource.namespaced and not namespace and (name or method not in {"GET", "HEAD"}):
        return None
    verb = (_ON_ONE if name else _ON_ALL).get(method, "")
    if verb in {"list", "get"} and _is_watch(query):
        verb = "watch"
    if verb not in resource.verbs:
        raise answers.method_not_supported(plural, verb or method)
    return Route(verb, resource, namespace, name)


def _is_watch(query: Mapping[str, str]) -> bool:
    return "watch" in query and query["watch"] in _TRUE
