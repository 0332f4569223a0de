"""Building a registry client as the settings say: one for each process that asks registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.registry.client import RegistryClient
from imagestreams.registry.transport import Limits, Transport

if TYPE_CHECKING:
    from imagestreams.metrics import Metrics
    from imagestreams.settings import Settings


def client_of(settings: Settings, metrics: Metrics, *, user_agent: str) -> RegistryClient:
    """Build the client of a process."""
    transport = Transport(
        user_agent=user_agent,
        limits=Limits(settings.connect_timeout, settings.read_timeout, settings.request_timeout),
        ca_file=settings.ca_file,
        quota=lambda host, left: metrics.quota.labels(metrics.host(host)).set(left),
    )
    return RegistryClient(transport)
