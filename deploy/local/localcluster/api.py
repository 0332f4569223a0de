"""A few questions to the API server with the administrator's certificate.

Only what starting a cluster needs (is it ready, are nodes Ready, make the fake ones); everything else is
for kubectl and for clients of people's choice.
"""

from pathlib import Path
from typing import Any

import requests

from localcluster.certificates import Pair
from localcluster.errors import LocalClusterError

_TIMEOUT = 5


class Api:
    """The API server at `server` (https://host:port), asked as the administrator."""

    def __init__(self, server: str, *, authority: Path, client: Pair) -> None:
        self._server = server
        self._authority = str(authority)
        self._certificate = (str(client.certificate), str(client.key))

    def ready(self) -> bool:
        """Tell whether the API server says it is ready."""
        try:
            return self._request("GET", "/readyz").ok
        except requests.RequestException:
            return False

    def node_ready(self) -> bool:
        """Tell whether pods can be made and placed: a node is Ready, the default service account is there."""
        try:
            nodes = self._request("GET", "/api/v1/nodes")
            account = self._request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
        except requests.RequestException:
            return False
        return nodes.ok and account.ok and any(_usable(node) for node in nodes.json()["items"])

    def create(self, path: str, content: dict[str, Any]) -> None:
        """Create an object, or leave the one of that name as it is."""
        answer = self._request("POST", path, content)
        if not answer.ok and answer.status_code != requests.codes.conflict:
            raise LocalClusterError(f"POST {path}: {answer.status_code} {answer.text[:500]}")

    def _request(self, method: str, path: str, content: dict[str, Any] | None = None) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self._server + path,
                json=content,
                cert=self._certificate,
                verify=self._authority,
                timeout=_TIMEOUT,
            )


def _usable(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and not node["spec"].get("taints")
