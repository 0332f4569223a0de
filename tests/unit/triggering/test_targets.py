"""The table of kinds."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.triggering.targets import TARGETS
from unit.triggering.deployments import DEPLOYMENT, deployment


def test_deployments_are_served_and_found() -> None:
    """The row of Deployment says where the API serves it and where its pod spec is."""
    assert ("apps/v1", "deployments", "spec.template.spec") == (
        DEPLOYMENT.api_version,
        DEPLOYMENT.plural,
        DEPLOYMENT.pod_spec_path,
    )
    body = deployment()
    assert body["spec"]["template"]["spec"] is DEPLOYMENT.pod_spec_of(body)


def test_no_kind_is_in_the_table_twice() -> None:
    """Each resource has one row."""
    rows = [(target.group, target.plural) for target in TARGETS]

    assert sorted(set(rows)) == sorted(rows)


@pytest.mark.parametrize(
    "body", [{}, {"spec": None}, {"spec": {"template": []}}, {"spec": {"template": {"spec": "x"}}}]
)
def test_a_body_without_a_pod_spec_has_an_empty_one(body: dict[str, Any]) -> None:
    """What is missing or of another shape on the way reads as nothing."""
    assert {} == DEPLOYMENT.pod_spec_of(body)
