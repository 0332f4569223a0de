"""The paths of the image API in OpenAPI v3, and the same in v2. Pure; imageapi.openapi adds the schemas.

Which parameters a verb takes matters to clients: kubectl asks the document whether `dryRun` and
`fieldValidation` are known before it sends them, and which media types PATCH takes before it chooses one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from imagestreams.imageapi.patches import ACCEPTED
from imagestreams.imageapi.resources import GROUP, ROOT
from imagestreams.imageapi.virtual_kinds import META, PREFIX, SECRETS, ref

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

META_KINDS = tuple(
    f"{META}.{kind}" for kind in ("ObjectMeta", "ListMeta", "Status", "DeleteOptions", "Patch")
)
"""What the documents refer to beside our own kinds."""

_JSON = "application/json"
_LIST = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch")
_WATCH = (*_LIST, "allowWatchBookmarks", "sendInitialEvents", "timeoutSeconds", "watch")
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_TYPES = {
    "limit": "integer", "timeoutSeconds": "integer", "gracePeriodSeconds": "integer", "watch": "boolean",
    "allowWatchBookmarks": "boolean", "sendInitialEvents": "boolean", "orphanDependents": "boolean",
    "force": "boolean",
}  # fmt: skip
_ON_ONE = (("get", "get"), ("put", "update"), ("patch", "patch"), ("delete", "delete"))
_ON_ALL = (("get", "list"), ("post", "create"), ("delete", "deletecollection"))


class Served(Protocol):
    """What is told of a resource: a row of what the image API serves."""

    @property
    def path(self) -> str:
        """Its plural, and its subresource behind a slash."""

    @property
    def kind(self) -> str:
        """The kind of what is sent and got."""

    @property
    def namespaced(self) -> bool:
        """Whether its objects are in namespaces."""

    @property
    def verbs(self) -> Collection[str]:
        """What can be done, in Kubernetes' words."""


def paths(resources: Iterable[Served]) -> dict[str, Any]:
    """Write every path of the group, as OpenAPI v3. A path that takes no verb is left out."""
    return dict(sorted((path, item) for resource in resources for path, item in _resource(resource) if item))


def swagger_path(item: Mapping[str, Any]) -> dict[str, Any]:
    """Write a path as OpenAPI v2 does: bodies are parameters, and media types are told beside the schemas."""
    return {
        key: _swagger_operation(value)
        if isinstance(value, dict)
        else [_swagger_parameter(each) for each in value]
        for key, value in item.items()
    }


def _resource(resource: Served) -> Iterator[tuple[str, dict[str, Any]]]:
    plural, _, subresource = resource.path.partition("/")
    whole = f"{ROOT}/namespaces/{{namespace}}/{plural}" if resource.namespaced else f"{ROOT}/{plural}"
    outer = ("namespace",) if resource.namespaced else ()
    one = f"{whole}/{{name}}" + (f"/{subresource}" if subresource else "")
    yield one, _item(resource, _ON_ONE, (*outer, "name"))
    if subresource:
        return
    yield whole, _item(resource, _ON_ALL, outer)
    if resource.namespaced and "list" in resource.verbs:
        yield f"{ROOT}/{plural}", _item(resource, (("get", "list"),), ())


def _item(resource: Served, methods: Iterable[tuple[str, str]], variables: tuple[str, ...]) -> dict[str, Any]:
    item: dict[str, Any] = {
        method: _operation(resource, method, verb, variables)
        for method, verb in methods
        if verb in resource.verbs
    }
    if item and variables:
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in variables
        ]
    return item


def _operation(resource: Served, method: str, verb: str, variables: tuple[str, ...]) -> dict[str, Any]:
    kind = SECRETS if resource.kind == "SecretList" else f"{PREFIX}.{resource.kind}"
    words = "".join(part[:1].upper() + part[1:] for part in resource.path.split("/"))
    scope = "Namespaced" if "namespace" in variables else "AllNamespaces" if resource.namespaced else ""
    operation: dict[str, Any] = {
        "operationId": f"{verb}ImageOpenshiftIoV1{scope}{words}",
        "description": f"{verb} {resource.path} of {GROUP}",
        "tags": ["imageOpenshiftIo_v1"],
        "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, verb),
        "x-kubernetes-group-version-kind": {"group": GROUP, "kind": resource.kind, "version": "v1"},
        "parameters": [_query(name) for name in _queries(resource, verb)],
        "responses": {
            code: {
                "description": "done",
                "content": {_JSON: {"schema": ref(_answered(kind, verb, resource))}},
            }
            for code in (("200", "201") if verb in {"create", "update", "patch"} else ("200",))
        },
    }
    if method in {"post", "put"}:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": ref(kind)}}}
    elif method == "patch":
        content = {each: {"schema": ref(f"{META}.Patch")} for each in ACCEPTED}
        operation["requestBody"] = {"required": True, "content": content}
    elif method == "delete":
        operation["requestBody"] = {"content": {_JSON: {"schema": ref(f"{META}.DeleteOptions")}}}
    return operation


def _queries(resource: Served, verb: str) -> tuple[str, ...]:
    if verb == "list":
        return _WATCH if "watch" in resource.verbs else _LIST
    named = {"create": _WRITE, "update": _WRITE, "patch": (*_WRITE, "force"), "delete": _DELETE}
    return named.get(verb, (*_DELETE, *_LIST) if verb == "deletecollection" else ())


def _answered(kind: str, verb: str, resource: Served) -> str:
    if verb == "list":
        return f"{kind}List"
    if verb in {"delete", "deletecollection"} or resource.kind == "ImageStreamMapping":
        return f"{META}.Status"
    return kind


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": _TYPES.get(name, "string"), "uniqueItems": True}}


def _swagger_parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter["schema"]}


def _swagger_operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in operation.items() if key != "requestBody"}
    made["parameters"] = [_swagger_parameter(each) for each in operation["parameters"]]
    made["consumes"] = [_JSON]
    if body := operation.get("requestBody"):
        made["consumes"] = list(body["content"])
        schema = next(iter(body["content"].values()))["schema"]
        required = {"required": True} if body.get("required") else {}
        made["parameters"].append({"name": "body", "in": "body", "schema": _definition(schema), **required})
    made["produces"] = [_JSON]
    made["schemes"] = ["https"]
    made["responses"] = {
        code: {"description": each["description"], "schema": _definition(each["content"][_JSON]["schema"])}
        for code, each in operation["responses"].items()
    }
    return made


def _definition(schema: Mapping[str, str]) -> dict[str, str]:
    return {"$ref": schema["$ref"].replace("#/components/schemas/", "#/definitions/")}
