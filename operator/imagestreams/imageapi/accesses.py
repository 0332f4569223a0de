"""What a namespace has to ask registries with, read for one import: Secrets, a service account, ConfigMaps.

An edge. The operator watches all of these (watching.intake); here they are read when they are wanted, and
what they say is read by the same rules (watching.access_reading).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from imagestreams.errors import StatusError
from imagestreams.imageapi.pull_secrets import stored_secrets
from imagestreams.kube.resources import CONFIG_MAPS, SERVICE_ACCOUNTS
from imagestreams.model import border
from imagestreams.registry.authorities import CONFIG_MAP
from imagestreams.watching.access_reading import (
    DEFAULT_ACCOUNT,
    RegistriesConfig,
    assemble,
    read_config,
    read_linked,
    read_pull_secret,
)

if TYPE_CHECKING:
    from imagestreams.imageapi.stream_store import Server
    from imagestreams.registry.access import Access

_log = logging.getLogger(__name__)


class Accesses:
    """Reads what is to be asked with."""

    def __init__(self, server: Server, *, own_namespace: str) -> None:
        """`own_namespace` is the operator's: the rules of its ConfigMap count for all."""
        self._server = server
        self._own = own_namespace
        self._before: RegistriesConfig | None = None
        """What the ConfigMap of our own namespace said when it was last read."""

    async def of(self, namespace: str) -> Access:
        """Read what a namespace has. Raises StatusError."""
        spaces = list(dict.fromkeys((self._own, namespace)))
        (secrets, _), account, *configs = await asyncio.gather(
            stored_secrets(self._server, namespace),
            self._find(SERVICE_ACCOUNTS.path(namespace, DEFAULT_ACCOUNT)),
            *(self._find(CONFIG_MAPS.path(space, CONFIG_MAP)) for space in spaces),
        )
        read = {_name(secret): read_pull_secret(secret) for secret in secrets}
        return assemble(
            {name: secret for name, secret in read.items() if secret is not None},
            read_linked(account),
            {space: self._read(space, body) for space, body in zip(spaces, configs, strict=True) if body},
            own_namespace=self._own,
        )

    def _read(self, namespace: str, body: dict[str, Any]) -> RegistriesConfig:
        own = namespace == self._own
        config, told = read_config(body, own_namespace=self._own, before=self._before if own else None)
        if own:
            self._before = config
        if told:
            _log.warning("ConfigMap %s/%s: %s", namespace, CONFIG_MAP, "; ".join(told))
        return config

    async def _find(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._server.request("GET", path)
        except StatusError as error:
            if error.code == 404:
                return None
            raise


def _name(body: dict[str, Any]) -> str:
    return border.text(border.mapping(body.get("metadata")).get("name"))
