"""The admission webhook as a whole: the server, its certificates, and the API server's trust in them.

Built, started and stopped by app.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from imagestreams.kube.resources import WEBHOOK_SERVICE
from imagestreams.serving.admission import AdmissionServer
from imagestreams.serving.trust import Trust

if TYPE_CHECKING:
    from imagestreams.metrics import Metrics
    from imagestreams.serving.certificates import Certificates
    from imagestreams.serving.trust import Configuration
    from imagestreams.triggering.admit import Admitter


class Webhook:
    """Serves at HOST:PORT, or nowhere where that is empty."""

    def __init__(
        self,
        listen: str,
        *,
        namespace: str,
        admitter: Admitter,
        configuration: Configuration,
        metrics: Metrics,
    ) -> None:
        """`namespace` is the operator's own, in which the Service is that calls the webhook."""
        self._listen = listen
        self._certificates = _certificates(namespace, listen) if listen else None
        self._configuration = configuration
        self._server = AdmissionServer(admitter, metrics)

    async def start(self) -> None:
        """Listen. Raises StartError when that cannot be had."""
        if self._certificates is not None:
            await self._server.start(self._listen, self._certificates.context)

    async def run(self) -> None:
        """Make the API server trust what is served, for ever."""
        if self._certificates is not None:
            await Trust(self._certificates, self._configuration, now=_now).run()

    async def close(self) -> None:
        """Stop serving."""
        await self._server.close()


def _certificates(namespace: str, listen: str) -> Certificates:
    # An operator without the webhook need not have the 8 MiB that making certificates takes.
    from imagestreams.serving.certificates import Certificates, names_of  # noqa: PLC0415

    return Certificates(names_of(WEBHOOK_SERVICE, namespace, listen), _now())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
