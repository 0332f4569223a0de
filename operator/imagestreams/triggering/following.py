"""Who follows what: the workloads with triggers, and by stream those that follow it. No loop, no cluster.

Kept by triggering.follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from imagestreams.model.versions import is_older

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from imagestreams.model.stream import StreamKey
    from imagestreams.triggering.workload import Workload, WorkloadKey

_Key = TypeVar("_Key")


class Following:
    """Workloads by key, and who follows which stream."""

    def __init__(self) -> None:
        self._workloads: dict[WorkloadKey, Workload] = {}
        self._followers: dict[StreamKey, set[WorkloadKey]] = {}
        self._foreign: dict[tuple[str, StreamKey], set[WorkloadKey]] = {}

    def __len__(self) -> int:
        return len(self._workloads)

    def get(self, key: WorkloadKey) -> Workload | None:
        """Look up a workload."""
        return self._workloads.get(key)

    def put(self, workload: Workload) -> bool:
        """Keep a workload as it is now; False, and nothing happens, if a newer one is known."""
        known = self._workloads.get(workload.key)
        if known is not None and is_older(workload.resource_version, known.resource_version):
            return False
        if known is None or known.triggers != workload.triggers:
            self.drop(workload.key)
            for stream in {trigger.stream for trigger in workload.triggers.entries}:
                self._followers.setdefault(stream, set()).add(workload.key)
                if stream.namespace != workload.key.namespace:
                    pair = workload.key.namespace, stream
                    self._foreign.setdefault(pair, set()).add(workload.key)
        self._workloads[workload.key] = workload
        return True

    def drop(self, key: WorkloadKey) -> None:
        """Forget a workload."""
        known = self._workloads.pop(key, None)
        for stream in {trigger.stream for trigger in known.triggers.entries} if known is not None else ():
            _discard(self._followers, stream, key)
            _discard(self._foreign, (key.namespace, stream), key)

    def of(self, stream: StreamKey) -> AbstractSet[WorkloadKey]:
        """Name the workloads that follow a stream."""
        return self._followers.get(stream, frozenset())

    def foreign(self) -> list[tuple[str, StreamKey]]:
        """Name each namespace with each stream of another that its workloads follow."""
        return list(self._foreign)

    def of_pair(self, namespace: str, stream: StreamKey) -> AbstractSet[WorkloadKey]:
        """Name the workloads of a namespace that follow a stream of another."""
        return self._foreign.get((namespace, stream), frozenset())

    def known(self) -> dict[WorkloadKey, tuple[str, str]]:
        """List what is known, with uid and resourceVersion, for the sweep."""
        return {key: (item.uid, item.resource_version) for key, item in self._workloads.items()}


def _discard(index: dict[_Key, set[WorkloadKey]], key: _Key, workload: WorkloadKey) -> None:
    if (found := index.get(key)) is not None:
        found.discard(workload)
        if not found:
            del index[key]
