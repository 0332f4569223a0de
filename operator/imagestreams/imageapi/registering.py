"""Has the API server ask us for v1, as long as we are well; hands v1 back to the CRD at our end.

The configuration that serving.trust keeps up to date: an APIService that trusts our certificate. Where the
operator handed v1 back because the API server could not reach us, we wait ever longer before the next try:
each one may hold up the deletion of namespaces for a minute. Whoever was well for an hour begins anew; and if
the API server reached us a moment ago another replica was mistaken, which is mended at once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.kube.apiservices import ApiServices

_log = logging.getLogger(__name__)
_FIRST_WAIT = 60.0
_LAST_WAIT = 3600.0
_TRIES = 5
"""Kubernetes writes the state of a registration at any time, and it is deleted as it was read."""
_REACHED_WITHIN = 60.0
"""The API server looks every 30 s whether it reaches us."""


class Registering:
    """Registers one server, by the Service that leads to it."""

    def __init__(
        self, services: ApiServices, *, namespace: str, service: str, asked: Callable[[], float]
    ) -> None:
        """`service` is NAME:PORT, in `namespace`; `asked` tells when the API server last reached us."""
        self._services = services
        self._namespace = namespace
        self._service = service
        self._asked = asked
        self._registered = False
        self._wait = 0.0
        self._not_before = 0.0
        self._since = 0.0

    async def trust(self, bundle: bytes) -> bool:
        """Be registered, trusted by these CAs (PEM); tells whether that was news. Raises ClusterError."""
        now = asyncio.get_running_loop().time()
        if self._registered and await self._services.read() is None:
            self._registered = False
            first = not self._wait or now - self._since >= _LAST_WAIT
            self._wait = _FIRST_WAIT if first else min(self._wait * 2, _LAST_WAIT)
            mistaken = first and now - self._asked() < _REACHED_WITHIN
            self._not_before = now if mistaken else now + self._wait
            _log.warning("v1 was handed back to the CRD; taken again in %.0f s", self._not_before - now)
        if now < self._not_before:
            return False
        written = await self._services.apply(bundle, namespace=self._namespace, service=self._service)
        if not self._registered:
            self._registered, self._since = True, now
        return written

    async def leave(self) -> None:
        """Hand v1 back. Raises ClusterError."""
        for _ in range(_TRIES):
            found = await self._services.read()
            if found is None:
                return
            if await self._services.hand_back(found):
                _log.info("v1 is handed back to the CRD")
                return
