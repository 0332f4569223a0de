"""Kopf's part: it watches all but workloads, we take in. A handler is a line or two, and never waits.

`on.event` only, with storages that store nothing: Kopf itself then writes nothing, sets no finalizer
and keeps no annotation (measured; its other handlers cost a write an object). Registered by app.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import kopf

from imagestreams.kube.resources import CONFIG_MAPS, IMAGESTREAMS, SECRETS, SERVICE_ACCOUNTS
from imagestreams.model import border
from imagestreams.model.stream import StreamKey
from imagestreams.registry.authorities import CONFIG_MAP
from imagestreams.watching.access_reading import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagestreams.kube.api import Resource
    from imagestreams.watching.intake import Intake

# Neither "Opaque" nor any other type that is common but no pull secret; a field selector has no "or".
_NO_PULL_SECRETS = ",".join(
    f"type!={name}"
    for name in (
        "Opaque",
        "bootstrap.kubernetes.io/token",
        "helm.sh/release.v1",
        "kubernetes.io/basic-auth",
        "kubernetes.io/service-account-token",
        "kubernetes.io/ssh-auth",
        "kubernetes.io/tls",
    )
)


class _Patience:
    """How long to wait before the API server is asked again, in seconds: soon at first, and without end.

    Kopf's own list ends after 54 s, and the operator with it if it was starting; its last steps are so
    long that a server that is back is found 21 s later.
    """

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1.0, 2.0, 3.0), itertools.repeat(5.0))


class _NoDiffBase(kopf.DiffBaseStorage):
    """Remembers no last-handled state: without it Kopf neither copies nor compares bodies."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    """Remembers no progress: there is none to an event that is only noted."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


def kopf_settings() -> kopf.OperatorSettings:
    """Give the settings under which Kopf only watches."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = "imagestreams.dev/none"
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.chunk_size = 500
    # A worker that waits for more of its object keeps the body it had: at a start all of them, for 5 s.
    settings.queueing.idle_timeout = 0.1
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 15
    selectors = settings.watching.field_selectors
    selectors[SECRETS.version, SECRETS.plural] = _NO_PULL_SECRETS
    # Rights are for these names alone; a watch of one name needs no more.
    selectors[SERVICE_ACCOUNTS.version, SERVICE_ACCOUNTS.plural] = f"metadata.name={DEFAULT_ACCOUNT}"
    selectors[CONFIG_MAPS.version, CONFIG_MAPS.plural] = f"metadata.name={CONFIG_MAP}"
    settings.networking.request_timeout = 60
    settings.networking.error_backoffs = _Patience()
    return settings


def kopf_registry(intake: Intake) -> kopf.OperatorRegistry:
    """Register the handlers, on a registry of their own."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_via_client)

    @kopf.on.event(IMAGESTREAMS.group, IMAGESTREAMS.version, IMAGESTREAMS.plural, registry=registry)
    async def stream_event(event: kopf.RawEvent, **_: Any) -> None:
        body = event["object"]
        if event["type"] == "DELETED":
            intake.stream_gone(StreamKey(*_names(body)), body["metadata"].get("uid", ""))
        else:
            intake.stream_seen(body)

    for resource, seen, gone in (
        (SECRETS, intake.secret_seen, intake.secret_gone),
        (SERVICE_ACCOUNTS, intake.account_seen, intake.account_gone),
        (CONFIG_MAPS, intake.config_seen, intake.config_gone),
    ):
        _register(registry, resource, seen, gone)
    return registry


def _register(
    registry: kopf.OperatorRegistry,
    resource: Resource,
    seen: Callable[[Any], None],
    gone: Callable[[str, str], None],
) -> None:
    @kopf.on.event(resource.version, resource.plural, registry=registry)
    async def event(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] == "DELETED":
            gone(*_names(event["object"]))
        else:
            seen(event["object"])


def _names(body: Any) -> tuple[str, str]:
    meta = border.mapping(body.get("metadata"))
    return border.text(meta.get("namespace")), border.text(meta.get("name"))
