"""Takes in what was seen in the cluster, from Kopf's watches and from the sweep alike.

Each method parses one body, updates the store and wakes who has to look; it decides nothing, and what it
is given twice, or too late, changes nothing.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from imagestreams.kube.events import Subject
from imagestreams.model import border
from imagestreams.model.stream import Stream, StreamKey
from imagestreams.registry.authorities import CONFIG_MAP
from imagestreams.triggering.workload import Workload, WorkloadKey
from imagestreams.watching.access_reading import DEFAULT_ACCOUNT, read_config, read_linked, read_pull_secret
from imagestreams.watching.store import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.importing.work import Importer
    from imagestreams.metrics import Metrics
    from imagestreams.triggering.follow import Follower
    from imagestreams.triggering.targets import Target
    from imagestreams.watching.store import Store

_log = logging.getLogger(__name__)
_Content = TypeVar("_Content")


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """Which object was seen, at which version."""

    namespace: str
    name: str
    uid: str
    version: str

    @classmethod
    def of(cls, body: Any) -> _Found:
        meta = border.mapping(border.mapping(body).get("metadata"))
        return cls(
            *(border.text(meta.get(field)) for field in ("namespace", "name", "uid", "resourceVersion"))
        )

    @property
    def names(self) -> tuple[str, str]:
        return self.namespace, self.name

    def saying(self, content: _Content) -> Seen[_Content]:
        return Seen(content, self.uid, self.version)


class Intake:
    """The way in for everything that was seen."""

    def __init__(
        self,
        *,
        store: Store,
        importer: Importer,
        follower: Follower,
        metrics: Metrics,
        tell: Callable[[Subject, str, str, bool], None],
    ) -> None:
        """`tell` posts an Event about an object: reason, message, whether it is a warning."""
        self.store = store
        self._tell = tell
        self.follower = follower
        self._importer = importer
        self._metrics = metrics

    def stream_seen(self, body: Any) -> None:
        """Take in an ImageStream as it is now."""
        if self._is_known(_Found.of(body)):
            # As at a start, when Kopf lists what was read before: to parse it costs more than all else here.
            return
        stream = Stream.parse(body)
        if self.store.put(stream):
            self._metrics.streams.set(len(self.store))
            self._importer.changed(stream.key)
            self.follower.stream_changed(stream.key)

    def _is_known(self, found: _Found) -> bool:
        known = self.store.stream(StreamKey(*found.names))
        return known is not None and (known.uid, known.resource_version) == (found.uid, found.version)

    def stream_gone(self, key: StreamKey, uid: str) -> None:
        """Take in that an ImageStream is deleted; what followed it stays as it is, as in the original."""
        if self.store.drop(key, uid):
            self._metrics.streams.set(len(self.store))
            self._importer.forget(key)

    def secret_seen(self, body: Any) -> None:
        """Take in a Secret; only what a pull secret says of hosts and credentials is kept."""
        secret = read_pull_secret(body)
        if secret is None:
            return
        found = _Found.of(body)
        if self.store.secrets.put(found.names, found.saying(secret)):
            if secret.problem:
                self._complain("Secret", found, f"{secret.problem}; it is not used")
            self._importer.access_changed(found.namespace)

    def secret_gone(self, namespace: str, name: str) -> None:
        """Take in that a Secret is deleted."""
        if self.store.secrets.drop((namespace, name)):
            self._importer.access_changed(namespace)

    def account_seen(self, body: Any) -> None:
        """Take in a ServiceAccount; of the default one is kept which pull secrets are linked to it."""
        found = _Found.of(body)
        if found.name != DEFAULT_ACCOUNT:
            return
        if self.store.linked.put(found.names, found.saying(read_linked(body))):
            self._importer.access_changed(found.namespace)

    def account_gone(self, namespace: str, name: str) -> None:
        """Take in that a ServiceAccount is deleted."""
        if self.store.linked.drop((namespace, name)):
            self._importer.access_changed(namespace)

    def config_seen(self, body: Any) -> None:
        """Take in a ConfigMap of CAs and, in the operator's own namespace, rules."""
        found = _Found.of(body)
        if found.name != CONFIG_MAP:
            return
        before = self.store.configs.of(found.namespace).get(found.name)
        config, told = read_config(body, own_namespace=self.store.own_namespace, before=before)
        if self.store.configs.put(found.names, found.saying(config)):
            self._config_changed(found.namespace)
        if told:
            self._complain("ConfigMap", found, "; ".join(told))

    def config_gone(self, namespace: str, name: str) -> None:
        """Take in that a ConfigMap is deleted."""
        if self.store.configs.drop((namespace, name)):
            self._config_changed(namespace)

    def _config_changed(self, namespace: str) -> None:
        self._importer.access_changed(None if namespace == self.store.own_namespace else namespace)

    def _complain(self, kind: str, found: _Found, message: str) -> None:
        _log.warning("namespace %s: %s %s: %s", found.namespace, kind, found.name, message)
        self._tell(Subject("v1", kind, found.namespace, found.name, found.uid), "NotUsed", message, True)

    def workload_seen(self, target: Target, body: Any) -> None:
        """Take in a workload; one without the trigger annotation is let go."""
        workload = Workload.parse(target, body)
        if workload is not None:
            self.follower.put(workload)
        else:
            self.workload_gone(WorkloadKey(target.resource, *_Found.of(body).names))

    def workload_gone(self, key: WorkloadKey) -> None:
        """Take in that a workload is deleted."""
        self.follower.drop(key)
