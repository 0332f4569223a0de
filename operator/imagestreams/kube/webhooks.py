"""The caBundle of our own MutatingWebhookConfiguration: read, and written where it is another.

Called by serving.trust. What else the configuration says is its owner's.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from imagestreams.errors import ClusterError
from imagestreams.kube.api import JSON_PATCH
from imagestreams.kube.resources import MUTATING_WEBHOOKS, WEBHOOK_CONFIGURATION
from imagestreams.kube.streams import outcome_of
from imagestreams.model import border

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.metrics import Metrics


class WebhookConfiguration:
    """Reads and writes it, in threads of its own."""

    def __init__(self, api: Api, threads: Executor, metrics: Metrics) -> None:
        self._api = api
        self._threads = threads
        self._metrics = metrics

    async def trust(self, bundle: bytes) -> bool:
        """Let every webhook of the configuration trust these CAs (PEM); tells whether it had to be written.

        Raises GoneError when the configuration is not there, RefusedError when the right is missing or
        somebody changed it at the same time, ClusterError for all else.
        """
        path = MUTATING_WEBHOOKS.path(name=WEBHOOK_CONFIGURATION)
        found = await self._call("GET", path, None)
        operations = _operations(found, base64.b64encode(bundle).decode())
        if not operations:
            return False
        outcome = "ok"
        try:
            await self._call("PATCH", path, operations)
        except ClusterError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._metrics.writes.labels("webhook", outcome).inc()
        return True

    async def _call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads,
            lambda: self._api.request(method, path, body=body, content_type=JSON_PATCH),
        )


def _operations(configuration: dict[str, Any], bundle: str) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    for index, webhook in enumerate(map(border.mapping, border.items(configuration.get("webhooks")))):
        if border.mapping(webhook.get("clientConfig")).get("caBundle") != bundle:
            path = f"/webhooks/{index}"
            operations += (
                # Of another one at this place the write is refused, and decided anew.
                {"op": "test", "path": f"{path}/name", "value": webhook.get("name")},
                {"op": "add", "path": f"{path}/clientConfig/caBundle", "value": bundle},
            )
    return operations
