"""The operator's switch: where the image API does not answer, v1 is handed back to the CRD.

An aggregated API that is down makes Kubernetes hold every namespace that is being deleted, and keeps the
operator itself from starting. So this looks before Kopf starts, and every few seconds after; the image API
takes v1 over again by itself when it is well (imageapi.registering). Started by app.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from imagestreams.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.kube.apiservices import Registration
    from imagestreams.metrics import Metrics

_log = logging.getLogger(__name__)

EVERY = 5.0
"""How often it is looked at, in seconds."""
PATIENCE = 60.0
"""For how many seconds the image API may not answer."""


class Registrations(Protocol):
    """The registration of v1 (kube.apiservices). Every call may raise a ClusterError."""

    async def read(self) -> Registration | None:
        """Read it; None where v1 is the CRD's."""

    async def answers(self) -> bool:
        """Tell whether v1 is answered now."""

    async def hand_back(self, registration: Registration) -> bool:
        """Delete it; tells whether it did so."""


class Outage:
    """For how long the image API has not answered. No clock of its own."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._uid = ""

    def lasted(self, found: Registration | None, now: float) -> float:
        """Note what was seen at a time, in seconds; tell for how many seconds it has not answered."""
        if found is None or found.available:
            self._since = None
            return 0.0
        if self._since is None or self._uid != found.uid:
            self._since, self._uid = now, found.uid
        return now - self._since


class HandBack:
    """Looks, and hands v1 back where it has to."""

    def __init__(
        self, registrations: Registrations, metrics: Metrics, *, tell: Callable[[str, str], None]
    ) -> None:
        """`tell` posts an Event: reason, message."""
        self._registrations = registrations
        self._metrics = metrics
        self._tell = tell

    async def before_start(self) -> None:
        """Hand v1 back at once where nobody answers for it: nothing else can start. Raises ClusterError."""
        found = await self._registrations.read()
        # What the condition says is what was so a while ago, and of a new registration nothing yet.
        if found is not None and not await self._registrations.answers():
            await self._hand_back(found, "when the operator started")

    async def run(self) -> None:
        """Look, for ever."""
        outage = Outage()
        while True:
            try:
                found = await self._registrations.read()
                lasted = outage.lasted(found, asyncio.get_running_loop().time())
                if found is not None and lasted >= PATIENCE:
                    await self._hand_back(found, f"for {PATIENCE:.0f} s")
            except ClusterError as error:
                _log.warning("whether the image API answers is not known: %s; looked at again", error)
            await asyncio.sleep(EVERY)

    async def _hand_back(self, found: Registration, when: str) -> None:
        if await self._registrations.hand_back(found):
            self._metrics.handed_back.inc()
            message = (
                f"the image API did not answer {when} ({found.why or 'no reason is told'}): "
                "image.openshift.io/v1 is served from the custom resources again, until it is well"
            )
            _log.warning("%s", message)
            self._tell("HandedBack", message)
