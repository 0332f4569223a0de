"""Takes in what was seen in the cluster, from Kopf's watches and from the sweep alike.

Each method parses one body, updates the store and wakes who has to look; it decides nothing, and what it
is given twice, or too late, changes nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.model import border
from imagestreams.model.stream import Stream, StreamKey
from imagestreams.registry.credentials import TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON, parse_secret
from imagestreams.triggering.workload import Workload, WorkloadKey

if TYPE_CHECKING:
    from imagestreams.importing.work import Importer
    from imagestreams.metrics import Metrics
    from imagestreams.triggering.follow import Follower
    from imagestreams.triggering.targets import Target
    from imagestreams.watching.store import Store

_log = logging.getLogger(__name__)


class Intake:
    """The way in for everything that was seen."""

    def __init__(self, *, store: Store, importer: Importer, follower: Follower, metrics: Metrics) -> None:
        self.store = store
        self.follower = follower
        self._importer = importer
        self._metrics = metrics

    def stream_seen(self, body: Any) -> None:
        """Take in an ImageStream as it is now."""
        stream = Stream.parse(body)
        if self.store.put(stream):
            self._metrics.streams.set(len(self.store))
            self._importer.changed(stream.key)
            self.follower.stream_changed(stream.key)

    def stream_gone(self, key: StreamKey, uid: str) -> None:
        """Take in that an ImageStream is deleted; what followed it stays as it is, as in the original."""
        if self.store.drop(key, uid):
            self._metrics.streams.set(len(self.store))
            self._importer.forget(key)

    def secret_seen(self, body: Any) -> None:
        """Take in a Secret; only what a pull secret says of hosts and credentials is kept."""
        raw = border.mapping(body)
        type_ = border.text(raw.get("type"))
        if type_ not in {TYPE_DOCKERCONFIGJSON, TYPE_DOCKERCFG}:
            return
        meta = border.mapping(raw.get("metadata"))
        namespace, name = border.text(meta.get("namespace")), border.text(meta.get("name"))
        try:
            logins = parse_secret(name, type_, border.mapping(raw.get("data")))
        except InvalidError as error:
            _log.warning("namespace %s: %s; it is not used", namespace, error)
            logins = ()
        uid, version = border.text(meta.get("uid")), border.text(meta.get("resourceVersion"))
        if self.store.put_secret(namespace, name, logins, uid=uid, version=version):
            self._importer.credentials_changed(namespace)

    def secret_gone(self, namespace: str, name: str) -> None:
        """Take in that a Secret is deleted."""
        if self.store.drop_secret(namespace, name):
            self._importer.credentials_changed(namespace)

    def workload_seen(self, target: Target, body: Any) -> None:
        """Take in a workload; one without the trigger annotation is let go."""
        workload = Workload.parse(target, body)
        if workload is not None:
            self.follower.put(workload)
        else:
            meta = border.mapping(border.mapping(body).get("metadata"))
            namespace, name = border.text(meta.get("namespace")), border.text(meta.get("name"))
            self.workload_gone(WorkloadKey(target.plural, namespace, name))

    def workload_gone(self, key: WorkloadKey) -> None:
        """Take in that a workload is deleted."""
        self.follower.drop(key)
