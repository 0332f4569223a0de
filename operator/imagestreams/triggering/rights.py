"""What to tell where the operator lacks a right on a kind of workload. Pure.

Kinds that the settings tell come with rights of their own: a ClusterRole with the label below, which the
operator's aggregates. Said by triggering.follow (patch) and watching.kinds (get, list, watch).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagestreams.errors import ClusterError
    from imagestreams.triggering.targets import Target

AGGREGATE_LABEL = "imagestreams.dev/aggregate-to-operator"
"""The label of ClusterRoles whose rules the operator has (deploy/base/rights)."""

VERBS = ("get", "list", "watch", "patch")
"""All that the operator does to workloads."""

_REFUSAL = re.compile(r'cannot (\w+) resource "')


def missing_right(target: Target, error: ClusterError) -> str:
    """Say which rule would have allowed what was refused; "" where it was refused for another reason.

    An admission webhook refuses with 403, too; only the API server's authorizer says "cannot VERB resource".
    """
    refused = _REFUSAL.search(str(error)) if error.status == 403 else None
    if refused is None:
        return ""
    return (
        f"the operator has no right to {refused[1]} {target.resource}: it needs the rule "
        f'{{apiGroups: ["{target.group}"], resources: ["{target.plural}"], verbs: [{", ".join(VERBS)}]}}, '
        f'which a ClusterRole labelled {AGGREGATE_LABEL}: "true" gives it'
    )
