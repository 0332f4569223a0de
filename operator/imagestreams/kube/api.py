"""One request to the API server, in plain dicts, with errors of our tree.

The only module that imports `kubernetes`: its configuration, credentials and connection pool, none of
its models, which are slow to build. Its neighbours in this package know what to ask.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

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

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PAGE = 500
_TIMEOUT = (5.0, 30.0)


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
        configuration = Configuration()
        try:
            _configure(configuration)
        except (config.ConfigException, OSError) as error:
            raise StartError(f"no cluster: {error}; run in a pod, or point KUBECONFIG at a file") from error
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
        prepared = self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": accept, "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._client.call_api(*prepared, _request_timeout=_TIMEOUT)
            content = answer.read()
        except ApiException as error:
            # TLS trouble comes out of this client as an ApiException without a status.
            raise ClusterError(f"the API server did not answer: {error.reason}") from error
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(f"the API server did not answer ({type(error).__name__})") from error
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

    def pages(
        self, path: str, *, accept: str = JSON, query: Mapping[str, str] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """List a collection, in pages of 500 objects. Raises ClusterError, also when the list expires."""
        token = ""
        while True:
            page = self.request(
                "GET", path, accept=accept, query={**(query or {}), "limit": str(_PAGE), "continue": token}
            )
            yield page.get("items") or []
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return


def _configure(configuration: Configuration) -> None:
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        config.load_kube_config(client_configuration=configuration)


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
