"""The table of kinds."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import StartError
from imagestreams.triggering.targets import TARGETS, Target, read_targets
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
    rows = [target.resource for target in TARGETS]

    assert sorted(set(rows)) == sorted(rows)


def test_kubernetes_own_kinds_are_there_without_a_setting() -> None:
    """Deployment, StatefulSet, DaemonSet and CronJob, each with the path of its pod spec."""
    expected = {
        ("apps/v1", "Deployment", "spec.template.spec"),
        ("apps/v1", "StatefulSet", "spec.template.spec"),
        ("apps/v1", "DaemonSet", "spec.template.spec"),
        ("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec"),
    }

    assert TARGETS == read_targets("")
    assert expected == {(row.api_version, row.kind, row.pod_spec_path) for row in TARGETS}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (" ", []),
        (",", []),
        ("argoproj.io/v1alpha1/rollouts", [Target("argoproj.io", "v1alpha1", "rollouts")]),
        (
            "argoproj.io/v1alpha1/rollouts:spec.template.spec",
            [Target("argoproj.io", "v1alpha1", "rollouts")],
        ),
        (
            "example.com/v1/apps:spec.workload.podSpec",
            [Target("example.com", "v1", "apps", ("spec", "workload", "podSpec"))],
        ),
        ("v1/replicationcontrollers", [Target("", "v1", "replicationcontrollers")]),
        ("apps.kruise.io/v1beta1/statefulsets", [Target("apps.kruise.io", "v1beta1", "statefulsets")]),
        (
            "serving.knative.dev/v1/services,\n  argoproj.io/v1alpha1/rollouts,",
            [Target("serving.knative.dev", "v1", "services"), Target("argoproj.io", "v1alpha1", "rollouts")],
        ),
    ],
)
def test_further_kinds_are_told_in_a_setting(text: str, rows: list[Target]) -> None:
    """Group, version and plural, the path where it is another; commas, blanks or lines between them."""
    assert (*TARGETS, *rows) == read_targets(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rollouts", '"rollouts" is not understood; write GROUP/VERSION/PLURAL'),
        ("a/b/c/d", '"a/b/c/d" is not understood'),
        ("argoproj.io/v1alpha1/rollouts:", 'rollouts:" is not understood'),
        ("argoproj.io/v1alpha1/rollouts:spec..spec", 'spec..spec" is not understood'),
        ("argoproj.io/v1alpha1/rollouts:spec.templates[0].spec", "is not understood"),
        ("argoproj.io/v1alpha1/rollouts:spec/template", "is not understood"),
        ("argoproj.io:v1alpha1:rollouts", "is not understood"),
        ("x" * 5000 + "/", "is not understood"),
        (
            "argoproj.io/v1alpha1/Rollout",
            "names a kind; write its plural as `kubectl api-resources` shows it",
        ),
        ("apps/v1/deployments", '"apps/v1/deployments": deployments follow tags already; remove it'),
        ("apps/v1beta2/deployments:spec.x", "deployments follow tags already; remove it"),
        ("a.b/v1/xs, a.b/v2/xs", '"a.b/v2/xs": xs.a.b follow tags already; remove it'),
    ],
)
def test_a_kind_that_cannot_be_read_is_told_at_the_start(text: str, why: str) -> None:
    """What is wrong, in which variable, and how to write it."""
    with pytest.raises(StartError) as refused:
        read_targets(text)

    assert str(refused.value).startswith("IMAGESTREAMS_KINDS: ")
    assert why in str(refused.value)
    assert len(str(refused.value)) < 400


def test_kinds_of_one_plural_are_told_apart() -> None:
    """Kubernetes' StatefulSets and somebody else's of the same plural have names of their own."""
    (other,) = read_targets("apps.kruise.io/v1beta1/statefulsets")[len(TARGETS) :]

    assert "statefulsets.apps.kruise.io" == other.resource
    assert "statefulsets" in {row.resource for row in TARGETS}


@pytest.mark.parametrize(
    "body", [{}, {"spec": None}, {"spec": {"template": []}}, {"spec": {"template": {"spec": "x"}}}]
)
def test_a_body_without_a_pod_spec_has_an_empty_one(body: dict[str, Any]) -> None:
    """What is missing or of another shape on the way reads as nothing."""
    assert {} == DEPLOYMENT.pod_spec_of(body)
