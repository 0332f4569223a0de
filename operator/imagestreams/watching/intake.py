"""Takes in what was seen in the cluster, from Kopf's watches and from the sweep alike.

Each method parses one body, updates the store and wakes who has to look; it decides nothing, and what it
is given twice, or too late, changes nothing.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from imagestreams.errors import InvalidError
from imagestreams.kube.events import Subject
from imagestreams.model import annotation_keys, border
from imagestreams.model.stream import Stream, StreamKey
from imagestreams.registry.authorities import CONFIG_MAP, parse_bundle
from imagestreams.registry.credentials import TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON, parse_secret
from imagestreams.registry.rules import NO_RULES, UNREAD_RULES, parse_rules
from imagestreams.triggering.workload import Workload, WorkloadKey
from imagestreams.watching.store import PullSecret, RegistriesConfig, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.importing.work import Importer
    from imagestreams.metrics import Metrics
    from imagestreams.triggering.follow import Follower
    from imagestreams.triggering.targets import Target
    from imagestreams.watching.store import Store

_log = logging.getLogger(__name__)
_Content = TypeVar("_Content")


DEFAULT_ACCOUNT = "default"
"""The service account whose linked pull secrets come first."""
RULES_KEY = "registries.yaml"


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
        raw = border.mapping(body)
        type_ = border.text(raw.get("type"))
        if type_ not in {TYPE_DOCKERCONFIGJSON, TYPE_DOCKERCFG}:
            return
        found = _Found.of(raw)
        secret = _pull_secret(found.name, type_, raw)
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
        links = border.items(border.mapping(body).get("imagePullSecrets"))
        linked = tuple(border.text(border.mapping(link).get("name")) for link in links)
        if self.store.linked.put(found.names, found.saying(linked)):
            self._importer.access_changed(found.namespace)

    def account_gone(self, namespace: str, name: str) -> None:
        """Take in that a ServiceAccount is deleted."""
        if self.store.linked.drop((namespace, name)):
            self._importer.access_changed(namespace)

    def config_seen(self, body: Any) -> None:
        """Take in a ConfigMap of CAs and, in the operator's own namespace, rules.

        Rules that cannot be read leave those in force that were read before; after a restart there are none,
        and then nothing is asked: nothing is allowed by a slip.
        """
        found = _Found.of(body)
        if found.name != CONFIG_MAP:
            return
        data = dict(border.mapping(border.mapping(body).get("data")))
        text = border.text(data.pop(RULES_KEY, ""))
        own = found.namespace == self.store.own_namespace
        bundle, problems = parse_bundle(data)
        known = self.store.configs.of(found.namespace).get(found.name)
        rules, told = known.rules if known is not None else UNREAD_RULES, list(problems)
        try:
            rules = parse_rules(text) if own else NO_RULES
        except InvalidError as error:
            held = (
                "no registry is asked until it can be"
                if rules.unread
                else "the rules from before stay in force"
            )
            told.append(f"key {RULES_KEY}: {error}; {held}")
        if text and not own:
            told.append(f"key {RULES_KEY} counts in namespace {self.store.own_namespace} only")
        if self.store.configs.put(found.names, found.saying(RegistriesConfig(bundle, rules))):
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


def _pull_secret(name: str, type_: str, body: dict[str, Any]) -> PullSecret:
    notes = border.mapping(border.mapping(body.get("metadata")).get("annotations"))
    if notes.get(annotation_keys.EXCLUDED) == "true":
        return PullSecret()
    try:
        return PullSecret(parse_secret(name, type_, border.mapping(body.get("data"))))
    except InvalidError as error:
        return PullSecret(problem=str(error))
