"""When a rollout is done: the rules of `kubectl rollout status`, and of kstatus for other kinds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from imagestreams.triggering.rollouts import DONE, Phase, Rollout, read_rollout
from unit.model.arbitrary import anything, nearly, several, words

DEPLOYMENT, SET, DAEMON = ("apps", "deployments"), ("apps", "statefulsets"), ("apps", "daemonsets")
OTHER = ("argoproj.io", "rollouts")


def body(spec: dict[str, Any], status: dict[str, Any], generation: int = 2) -> dict[str, Any]:
    """Make a body whose status is up to date unless it says otherwise."""
    seen = {"observedGeneration": generation} | status
    return {"metadata": {"generation": generation}, "spec": spec, "status": seen}


def counts(replicas: int, updated: int, available: int, reason: str = "ReplicaSetUpdated") -> dict[str, Any]:
    """Write the status of a Deployment."""
    return {
        "replicas": replicas,
        "updatedReplicas": updated,
        "availableReplicas": available,
        "conditions": [{"type": "Progressing", "reason": reason}],
    }


def conditions(**statuses: str) -> dict[str, Any]:
    """Write a status of conditions."""
    return {"conditions": [{"type": name, "status": status} for name, status in statuses.items()]}


DEADLINE, AVAILABLE = "ProgressDeadlineExceeded", "NewReplicaSetAvailable"
OLD_SEEN = {"observedGeneration": 1}
REVISIONS = {"currentRevision": "a", "updateRevision": "b"}
PARTITION = {"updateStrategy": {"rollingUpdate": {"partition": 2}}}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "phase", "words"),
    [
        (DEPLOYMENT, {"replicas": 3}, counts(3, 3, 3), "done", ""),
        (DEPLOYMENT, {"replicas": 3}, counts(3, 3, 3) | OLD_SEEN, "running", "not been taken up"),
        (DEPLOYMENT, {"replicas": 3}, counts(4, 1, 3), "running", "1 of 3 pods are new"),
        (DEPLOYMENT, {"replicas": 3}, counts(4, 3, 3), "running", "1 old pods are still there"),
        (DEPLOYMENT, {"replicas": 3}, counts(3, 3, 2), "running", "2 of 3 new pods are available"),
        (DEPLOYMENT, {"replicas": 3}, counts(3, 3, 2, AVAILABLE), "done", ""),
        (DEPLOYMENT, {"replicas": 3}, counts(3, 1, 3, AVAILABLE), "running", "1 of 3 pods are new"),
        (DEPLOYMENT, {"replicas": 3}, counts(4, 1, 3, DEADLINE), "stuck", "progress deadline"),
        (DEPLOYMENT, {"replicas": 3}, counts(4, 1, 3, DEADLINE) | OLD_SEEN, "running", "taken up"),
        (DEPLOYMENT, {"replicas": 3, "paused": True}, counts(3, 1, 3) | OLD_SEEN, "done", ""),
        (DEPLOYMENT, {"replicas": 0}, counts(0, 0, 0), "done", ""),
        (DEPLOYMENT, {}, counts(0, 0, 0), "running", "0 of 1 pods are new"),
        (SET, {"replicas": 3}, {"readyReplicas": 3, "updatedReplicas": 3}, "done", ""),
        (
            SET,
            {"replicas": 3},
            {"readyReplicas": 2, "updatedReplicas": 3},
            "running",
            "2 of 3 pods are ready",
        ),
        (SET, {"replicas": 3}, {"readyReplicas": 3, "updatedReplicas": 1} | REVISIONS, "running", "1 of 3"),
        (
            SET,
            {"replicas": 3} | PARTITION,
            {"readyReplicas": 3, "updatedReplicas": 1} | REVISIONS,
            "done",
            "",
        ),
        (
            SET,
            {"replicas": 3} | PARTITION,
            {"readyReplicas": 3} | REVISIONS,
            "running",
            "0 of 1 pods are new",
        ),
        (SET, {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}, REVISIONS, "done", ""),
        (SET, {"replicas": 0}, {}, "done", ""),
        (
            DAEMON,
            {},
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2},
            "done",
            "",
        ),
        (
            DAEMON,
            {},
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 1},
            "running",
            "1 of 2 pods are new",
        ),
        (
            DAEMON,
            {},
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2},
            "running",
            "0 of 2 pods are av",
        ),
        (DAEMON, {"updateStrategy": {"type": "OnDelete"}}, {"desiredNumberScheduled": 2}, "done", ""),
        (OTHER, {}, {}, "done", ""),
        (OTHER, {}, {"observedGeneration": "1"}, "running", "taken up"),
        (OTHER, {}, {"observedGeneration": "2"}, "done", ""),
        (OTHER, {}, {"observedGeneration": "6cbf7d9"}, "done", ""),
        (OTHER, {}, conditions(Ready="True"), "done", ""),
        (OTHER, {}, conditions(Ready="False"), "running", "not ready"),
        (OTHER, {}, conditions(Ready="Unknown"), "running", "not ready"),
        (OTHER, {}, conditions(Reconciling="True", Ready="True"), "running", "reconciling"),
        (OTHER, {}, conditions(Stalled="True", Ready="False"), "stuck", "stalled"),
        (("batch", "cronjobs"), {}, {"active": [{}]}, "done", ""),
    ],
)
def test_a_rollout_is_judged_by_the_status(
    kind: tuple[str, str], spec: dict[str, Any], status: dict[str, Any], phase: str, words: str
) -> None:
    """Each state of each kind is done, running or stuck, and says what it waits for."""
    found = read_rollout(*kind, body(spec, status))

    assert Phase(phase) is found.phase
    assert words in found.words
    assert bool(words) == bool(found.words)


def test_a_kind_without_a_generation_that_is_observed_is_not_waited_for() -> None:
    """A status that says nothing at all, and none, mean that nothing is known to roll out."""
    assert DONE == read_rollout(*OTHER, {"metadata": {"generation": 7}, "spec": {}})


def test_progress_is_another_whenever_a_count_is() -> None:
    """Two looks at the same state agree; a pod more, or another generation, is progress."""
    one, same, more = (
        read_rollout(*DEPLOYMENT, body({"replicas": 9}, counts(9, updated, 0))) for updated in (1, 1, 2)
    )
    other = read_rollout(*DEPLOYMENT, body({"replicas": 9}, counts(9, 1, 0), generation=3))

    assert one == same
    assert 3 == len({one.progress, more.progress, other.progress})


def test_only_a_controller_with_a_deadline_tells_when_it_is_stuck() -> None:
    """A Deployment under its deadline is waited for until that is over; without, our own patience counts."""

    def timed(status: dict[str, Any]) -> bool:
        found: Rollout = read_rollout(*DEPLOYMENT, body({"replicas": 3}, status))
        assert Phase.RUNNING is found.phase
        return found.timed

    assert [True, False, False] == [
        timed(counts(4, 1, 3)),
        timed(counts(4, 1, 3, AVAILABLE)),
        timed(counts(4, 1, 3) | {"conditions": []}),
    ]


@given(nearly(metadata=nearly(generation=anything), spec=anything, status=several(words) | anything))
def test_no_body_breaks_judging(raw: Any) -> None:
    """Whatever the API server sends, there is a judgement."""
    for kind in (DEPLOYMENT, SET, DAEMON, OTHER):
        assert isinstance(read_rollout(*kind, raw), Rollout)
