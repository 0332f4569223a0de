"""Whether the rollout of a workload is done, as its own status says. Pure.

The kinds of apps/v1 are judged as `kubectl rollout status` does, every other as kstatus does: by its
observedGeneration and its conditions Reconciling, Stalled and Ready; one that has none of them has no rollout
that could be waited for. Read into triggering.workload, obeyed by triggering.order.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Any

from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Callable

_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
_COMPLETE = "NewReplicaSetAvailable"


class Phase(enum.Enum):
    """How far a rollout is: STUCK is one that its own controller has given up."""

    DONE = "done"
    RUNNING = "running"
    STUCK = "stuck"


@dataclasses.dataclass(frozen=True, slots=True)
class Rollout:
    """The state of a rollout."""

    phase: Phase
    words: str = ""
    """What it waits for."""
    progress: tuple[int, ...] = ()
    """Another as soon as it gets on."""
    timed: bool = False
    """Whether its own controller tells when it does not get on."""


DONE = Rollout(Phase.DONE)


def read_rollout(group: str, plural: str, body: Any) -> Rollout:
    """Judge a workload of this kind (as "apps", "deployments") by its body."""
    raw = border.mapping(body)
    spec, status = border.mapping(raw.get("spec")), border.mapping(raw.get("status"))
    if _starts_none(spec):
        return DONE
    generation = border.integer(border.mapping(raw.get("metadata")).get("generation"))
    if (observed := _observed(status)) is not None and observed < generation:
        found = Rollout(Phase.RUNNING, "its last change has not been taken up yet")
    else:
        found = _KINDS.get((group, plural), _any)(spec, status)
    if found.phase is not Phase.RUNNING:
        return found
    counts = (value for _, value in sorted(status.items()) if isinstance(value, int))
    return dataclasses.replace(found, progress=(generation, *counts))


def _starts_none(spec: dict[str, Any]) -> bool:
    # Of a paused Deployment, and with OnDelete, a new image starts nothing until somebody acts.
    return spec.get("paused") is True or border.mapping(spec.get("updateStrategy")).get("type") == "OnDelete"


def _observed(status: dict[str, Any]) -> int | None:
    found = status.get("observedGeneration")
    # Argo's Rollout has it as text; that of a kind which counts otherwise says nothing.
    return int(found) if isinstance(found, int) or (isinstance(found, str) and found.isdecimal()) else None


def _deployment(spec: dict[str, Any], status: dict[str, Any]) -> Rollout:
    wanted = _replicas(spec)
    total, updated, available = _counts(status, "replicas", "updatedReplicas", "availableReplicas")
    reason = border.text(_conditions(status).get("Progressing", {}).get("reason"))
    # A complete one stays so when a pod fails later, and its deadline counts no more.
    complete, timed = reason == _COMPLETE, reason not in {"", _COMPLETE}
    if reason == _DEADLINE_EXCEEDED:
        return Rollout(Phase.STUCK, "it has exceeded its progress deadline")
    if updated < wanted:
        return Rollout(Phase.RUNNING, f"{updated} of {wanted} pods are new", timed=timed)
    if total > updated:
        return Rollout(Phase.RUNNING, f"{total - updated} old pods are still there", timed=timed)
    if available < updated and not complete:
        return Rollout(Phase.RUNNING, f"{available} of {updated} new pods are available", timed=timed)
    return DONE


def _stateful_set(spec: dict[str, Any], status: dict[str, Any]) -> Rollout:
    ready, updated = _counts(status, "readyReplicas", "updatedReplicas")
    strategy = border.mapping(spec.get("updateStrategy"))
    partition = border.integer(border.mapping(strategy.get("rollingUpdate")).get("partition"))
    wanted = _replicas(spec)
    to_update = max(0, wanted - partition)
    if ready < wanted:
        return Rollout(Phase.RUNNING, f"{ready} of {wanted} pods are ready")
    all_new = status.get("currentRevision") == status.get("updateRevision")
    new = updated >= to_update if partition else all_new
    return DONE if new else Rollout(Phase.RUNNING, f"{updated} of {to_update} pods are new")


def _daemon_set(_spec: dict[str, Any], status: dict[str, Any]) -> Rollout:
    wanted, updated, available = _counts(
        status, "desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"
    )
    if updated < wanted:
        return Rollout(Phase.RUNNING, f"{updated} of {wanted} pods are new")
    if available < wanted:
        return Rollout(Phase.RUNNING, f"{available} of {wanted} pods are available")
    return DONE


def _any(_spec: dict[str, Any], status: dict[str, Any]) -> Rollout:
    found = _conditions(status)
    if found.get("Stalled", {}).get("status") == "True":
        return Rollout(Phase.STUCK, "it is stalled")
    if found.get("Reconciling", {}).get("status") == "True":
        return Rollout(Phase.RUNNING, "it is reconciling")
    if found.get("Ready", {}).get("status") in {"False", "Unknown"}:
        return Rollout(Phase.RUNNING, "it is not ready")
    return DONE


_KINDS: dict[tuple[str, str], Callable[[dict[str, Any], dict[str, Any]], Rollout]] = {
    ("apps", "deployments"): _deployment,
    ("apps", "statefulsets"): _stateful_set,
    ("apps", "daemonsets"): _daemon_set,
}


def _replicas(spec: dict[str, Any]) -> int:
    return border.integer(spec.get("replicas", 1))


def _counts(status: dict[str, Any], *names: str) -> list[int]:
    return [border.integer(status.get(name)) for name in names]


def _conditions(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    conditions = map(border.mapping, border.items(status.get("conditions")))
    return {border.text(condition.get("type")): condition for condition in conditions}
