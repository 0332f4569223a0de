"""What is told where a right is missing."""

from __future__ import annotations

import pytest

from imagestreams.errors import ClusterError, RefusedError
from imagestreams.triggering.rights import missing_right
from imagestreams.triggering.targets import Target
from unit.triggering.deployments import DEPLOYMENT

ROLLOUT = Target("argoproj.io", "v1alpha1", "rollouts")


def test_a_missing_right_is_told_as_the_rule_that_gives_it() -> None:
    """Verb and resource as refused, and the rule to write, with the label of its ClusterRole."""
    refused = RefusedError(
        'rollouts.argoproj.io "web" is forbidden: User "system:serviceaccount:imagestreams-system:operator" '
        'cannot patch resource "rollouts" in API group "argoproj.io" in the namespace "shop"',
        status=403,
    )

    assert (
        "the operator has no right to patch rollouts.argoproj.io: it needs the rule "
        '{apiGroups: ["argoproj.io"], resources: ["rollouts"], verbs: [get, list, watch, patch]}, '
        'which a ClusterRole labelled imagestreams.dev/aggregate-to-operator: "true" gives it'
    ) == missing_right(ROLLOUT, refused)


@pytest.mark.parametrize(
    "error",
    [
        RefusedError('admission webhook "x" denied the request: no', status=403),
        RefusedError('cannot patch resource "rollouts"', status=422),
        ClusterError("the API server did not answer"),
        RefusedError('deployments.apps "web" is forbidden: exceeded quota', status=403),
    ],
)
def test_other_refusals_name_no_rule(error: ClusterError) -> None:
    """What no right would help is not taken for a missing one."""
    assert "" == missing_right(DEPLOYMENT, error)
