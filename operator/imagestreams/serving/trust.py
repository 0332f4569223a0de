"""Keeps the API server trusting what we serve: the caBundle of our own webhook configuration, or APIService.

Looked at every few seconds, so that a configuration that is applied anew, or deleted and made again, is
mended by itself. Of a new certificate the CA is written beside the old one's before it is served, so there is
no gap. Nothing else of a webhook configuration is touched. Run by app and facade; the writing is done by
kube.webhooks and imageapi.registering.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from imagestreams.errors import ClusterError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

_log = logging.getLogger(__name__)

EVERY = 15.0
"""How often the configuration is looked at, in seconds."""
KNOWN_AFTER = 60.0
"""How long a new CA is in the configuration before it is relied on: each API server has heard of it then."""


class Kept(Protocol):
    """The certificates of what is served (serving.certificates, serving.sharing)."""

    @property
    def bundle(self) -> bytes:
        """The CAs that have to be trusted, PEM."""

    @property
    def renewing(self) -> bool:
        """Tell whether something waits until the bundle is known."""

    async def renew(self, now: dt.datetime) -> bool:
        """Do what is due; tells whether that is news, of which one waits anew. Raises ClusterError."""

    async def go_on(self) -> bool:
        """Do what waited; tells whether another certificate is served now. Raises ClusterError."""


class Configuration(Protocol):
    """The configuration as it is stored (kube.webhooks, imageapi.registering)."""

    async def trust(self, bundle: bytes) -> bool:
        """Let it trust these CAs; tells whether it had to be written. Raises ClusterError."""


class Trust:
    """Makes the API server trust our certificates, for as long as it runs."""

    def __init__(
        self,
        certificates: Kept,
        configuration: Configuration,
        *,
        now: Callable[[], dt.datetime],
        what: str = "our admission webhook",
    ) -> None:
        """`now` tells the wall clock's time, with its zone; `what` is served."""
        self._what = what
        self._certificates = certificates
        self._configuration = configuration
        self._now = now
        self._trusted_since: float | None = None
        self._told = ""

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await self._look()
            await asyncio.sleep(EVERY)

    async def _look(self) -> None:
        try:
            if await self._certificates.renew(self._now()):
                self._trusted_since = None
            written = await self._trust()
            await self._go_on(written=written)
        except ClusterError as error:
            self._tell(f"whether the API server trusts {self._what} is not known: {error}; looked at again")

    async def _trust(self) -> bool:
        try:
            written = await self._configuration.trust(self._certificates.bundle)
        except ClusterError as error:
            if error.status not in {403, 404}:
                raise
            self._tell(f"the API server does not ask {self._what}: {error}; all else works on")
            # Who is not asked need not be trusted.
            return False
        self._told = ""
        return written

    async def _go_on(self, *, written: bool) -> None:
        time = asyncio.get_running_loop().time()
        if written:
            _log.info("the API server trusts %s now", self._what)
        if written or self._trusted_since is None:
            self._trusted_since = time
        if self._certificates.renewing and time >= self._trusted_since + KNOWN_AFTER:
            if await self._certificates.go_on():
                _log.info("%s has a new certificate", self._what)
            self._trusted_since = None

    def _tell(self, problem: str) -> None:
        if problem != self._told:
            self._told = problem
            _log.warning("%s", problem)
