"""Kubernetes Events on streams and workloads: posted in the background, bounded, never in anybody's way.

While workloads are patched they wait: a tag that a thousand follow is told of a thousand times, and the API
server would else be as busy with the telling as with the doing.
Called through app by importing.work and triggering.follow. An Event that cannot be posted is logged
and dropped: the condition or the log says the same.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import logging
import time
from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError, ConflictError
from imagestreams.kube.resources import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from imagestreams.kube.api import Api

_log = logging.getLogger(__name__)
_WAITING = 2000
_MESSAGE_LIMIT = 1024
_PATIENCE = 1.0
"""How long an Event waits for writes that matter more, in seconds."""
_LOOK = 0.02


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """The object an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class EventPoster:
    """Posts Events in threads of its own. Not thread-safe: called from the event loop."""

    def __init__(self, api: Api, threads: Executor, *, busy: Callable[[], bool] = lambda: False) -> None:
        """`busy`, asked from these threads, tells whether writes are under way that matter more."""
        self._api = api
        self._threads = threads
        self._busy = busy
        self._waiting: set[Future[None]] = set()

    def post(self, subject: Subject, reason: str, message: str, *, warning: bool = False) -> None:
        """Post an Event. The same thing said again within one object's life is one Event, not many."""
        if len(self._waiting) >= _WAITING:
            _log.warning("too many events; dropped %s on %s/%s", reason, subject.namespace, subject.name)
            return
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # A move back and forth is news each time, a problem told again after a restart is not.
        said = f"{subject.uid} {reason} {message} {'' if warning else now}"
        name = f"{subject.name[:200]}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": subject.namespace, "name": name},
            "involvedObject": {
                "apiVersion": subject.api_version,
                "kind": subject.kind,
                "namespace": subject.namespace,
                "name": subject.name,
                "uid": subject.uid,
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message[:_MESSAGE_LIMIT],
            "source": {"component": "imagestreams"},
            "reportingComponent": "imagestreams.dev/operator",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        posting = self._threads.submit(self._post, subject, event)
        # In this order: it may be done already, and is then discarded at once.
        self._waiting.add(posting)
        posting.add_done_callback(self._waiting.discard)

    def _post(self, subject: Subject, event: dict[str, object]) -> None:
        until = time.monotonic() + _PATIENCE
        while self._busy() and time.monotonic() < until:
            time.sleep(_LOOK)
        try:
            self._api.request("POST", EVENTS.path(subject.namespace), body=event)
        except ConflictError:
            return
        except ClusterError as error:
            _log.warning(
                "the event %s on %s/%s is lost: %s", event["reason"], subject.namespace, subject.name, error
            )
