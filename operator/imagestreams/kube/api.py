"""One request to the API server, in plain dicts, with errors of our tree.

The only module that imports `kubernetes`: its configuration, credentials and connection pool, none of
its models, which are slow to build. Its neighbours in this package know what to ask.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import should_bypass_proxies

from imagestreams.errors import (
    ClusterError,
    ConflictError,
    GoneError,
    RefusedError,
    StartError,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubernetes.client.rest import RESTResponse

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PAGE = 500
_TIMEOUT = (5.0, 30.0)
_SHORT = (1.0, 1.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Resource:
    """A resource that the API serves; the core group is ""."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Give the path of a collection, an object or its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(("namespaces", namespace) if namespace else ()), self.plural, name, subresource]
        return "/".join(part for part in parts if part)


class Api:
    """The API server. Thread-safe; every call blocks, at most 30 s between two bytes."""

    def __init__(self, *, threads: int, user_agent: str) -> None:
        """Find the cluster as kubectl does: the pod's service account, else $KUBECONFIG.

        Raises StartError when there is neither.
        """
        configuration = cluster_configuration()
        configuration.connection_pool_maxsize = threads
        configuration.retries = urllib3.Retry(0)
        self._client = ApiClient(configuration)
        self._client.user_agent = user_agent

    def close(self) -> None:
        """Close the idle connections; a later request opens new ones."""
        self._client.rest_client.pool_manager.clear()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> dict[str, Any]:
        """Make a request and read the answer.

        Raises ConflictError, GoneError, RefusedError, and ClusterError for all else.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        with _as_cluster_errors():
            answer = self._call(method, path, query or {}, headers, body=body)
            content = answer.read()
        if answer.status >= 400:
            raise _error(answer.status, content)
        try:
            loaded = json.loads(content)
        except ValueError:
            loaded = None
        if not isinstance(loaded, dict):
            # A proxy in between may answer for the API server, with a page of its own.
            raise ClusterError("the API server answered what is no JSON object", status=answer.status)
        return loaded

    def header(self, path: str, name: str) -> str:
        """Give a header of what is answered at a path within seconds, "" where it has none.

        Raises ClusterError.
        """
        with _as_cluster_errors():
            answer = self._call("GET", path, {}, {"Accept": JSON}, timeout=_SHORT)
            content = answer.read()
        if answer.status >= 400:
            raise _error(answer.status, content)
        return str(answer.headers.get(name) or "")

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: dict[str, str],
        *,
        body: Any = None,
        timeout: tuple[float, float] = _TIMEOUT,
    ) -> RESTResponse:
        prepared = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        return self._client.call_api(*prepared, _request_timeout=timeout)

    def pages(
        self, path: str, *, accept: str = JSON, query: Mapping[str, str] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """List a collection, in pages of 500 objects. Raises ClusterError, also when the list expires."""
        for page in self.lists(path, accept=accept, query=query):
            yield page.get("items") or []

    def lists(
        self, path: str, *, accept: str = JSON, query: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """List a collection as `pages` does, with the metadata of the lists."""
        token = ""
        while True:
            page = self.request(
                "GET", path, accept=accept, query={**(query or {}), "limit": str(_PAGE), "continue": token}
            )
            yield page
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return

    def watch(self, path: str, *, since: str, seconds: int) -> Iterator[list[dict[str, Any]]]:
        """Tell what changes in a collection after a resourceVersion, for so many seconds at most.

        Each item is the events that came at once, bookmarks among them. Raises ClusterError, with status 410
        where that version is too long ago and the collection has to be listed again.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(seconds),
        }
        with _as_cluster_errors():
            answer = self._call("GET", path, query, {"Accept": JSON}, timeout=(_TIMEOUT[0], seconds + 10.0))
            if answer.status >= 400:
                raise _error(answer.status, answer.read())
            rest = b""
            try:
                for chunk in answer.response.stream():
                    *lines, rest = (rest + chunk).split(b"\n")
                    if events := [_event(line) for line in lines if line]:
                        yield events
            finally:
                # What was not read to its end cannot be asked anything else.
                answer.response.close()


def cluster_configuration() -> Configuration:
    """Find the cluster, and how we prove who we are; the token in it renews itself when it is asked for.

    Raises StartError when there is none.
    """
    configuration = Configuration()
    try:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            config.load_kube_config(client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise StartError(f"no cluster: {error}; run in a pod, or point KUBECONFIG at a file") from error
    return configuration


def proxy_of(configuration: Configuration) -> str:
    """Say by which HTTP proxy the cluster is reached, "" for none: the kubeconfig's, else the environment's.

    The rules are those of `Api`, whose NO_PROXY may name networks; others do not read them.
    """
    proxy = configuration.proxy
    if not proxy or should_bypass_proxies(configuration.host, configuration.no_proxy or ""):
        return ""
    return str(proxy)


@contextlib.contextmanager
def _as_cluster_errors() -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        # TLS trouble comes out of this client as an ApiException without a status.
        raise ClusterError(f"the API server did not answer: {error.reason}") from error
    except urllib3.exceptions.HTTPError as error:
        raise ClusterError(f"the API server did not answer ({type(error).__name__})") from error


def _event(line: bytes) -> dict[str, Any]:
    """Read an event of a watch; raises ClusterError for one that says that the watch failed."""
    try:
        event = json.loads(line)
        body = event["object"]
        if event["type"] == "ERROR":
            raise ClusterError(str(body.get("message")), status=int(body.get("code") or 0))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClusterError("the API server sent what is no event") from error
    found: dict[str, Any] = event
    return found


def _error(status: int, content: bytes) -> ClusterError:
    try:
        message = str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        message = content[:200].decode(errors="replace")
    if status == 413 or "request is too large" in message:
        return TooLargeError(message, status=status)
    kind = {404: GoneError, 409: ConflictError, 401: RefusedError, 403: RefusedError, 422: RefusedError}.get(
        status, ClusterError
    )
    return kind(message, status=status)
