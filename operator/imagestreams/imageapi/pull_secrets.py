"""The handler of imagestreams/secrets: the pull secrets of the stream's namespace.

Those that an import may use: of the two types that hold credentials of registries, and without those that
their owner keeps back (openshift.io/image.excludeSecret). No other Secret is read. As in the original it is
not looked whether there is such a stream: who may ask is decided by the right on imagestreams/secrets, which
the roles edit and admin have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi.asking import Answer
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.kube.resources import SECRETS
from imagestreams.model import border
from imagestreams.watching.access_reading import PULL_SECRETS, is_excluded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagestreams.imageapi.asking import Ask
    from imagestreams.imageapi.stream_store import Server

_PAGE = "500"


class PullSecrets:
    """Answers for imagestreams/secrets."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def answer(self, ask: Ask) -> Answer:
        """List the pull secrets of a namespace. Raises StatusError."""
        return Answer(secret_list(*await stored_secrets(self._server, ask.namespace)))


async def stored_secrets(server: Server, namespace: str) -> tuple[list[dict[str, Any]], str]:
    """List the Secrets of a namespace that are of a pull secret's type, and at which version.

    Raises StatusError.
    """
    found: list[dict[str, Any]] = []
    version = ""
    for type_ in PULL_SECRETS:
        query = {"fieldSelector": f"type={type_}", "limit": _PAGE}
        while True:
            page = await server.request("GET", SECRETS.path(namespace), query=query)
            found += map(border.mapping, border.items(page.get("items")))
            metadata = border.mapping(page.get("metadata"))
            version = version or border.text(metadata.get("resourceVersion"))
            if not (more := border.text(metadata.get("continue"))):
                break
            query["continue"] = more
    return found, version


def secret_list(found: Iterable[Mapping[str, Any]], version: str) -> dict[str, Any]:
    """Spell the list of those that may be used, in the order of their names; of our group, as there."""
    usable = {_name(secret): secret for secret in found if not is_excluded(secret)}
    return {
        "kind": "SecretList",
        "apiVersion": API_VERSION,
        "metadata": border.without_empty(resourceVersion=version),
        "items": [usable[name] for name in sorted(usable)],
    }


def _name(secret: Mapping[str, Any]) -> str:
    return border.text(border.mapping(secret.get("metadata")).get("name"))
