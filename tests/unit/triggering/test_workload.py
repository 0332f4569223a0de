"""Workloads as values: what is read of a body, and of which bodies."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.stream import StreamKey
from imagestreams.triggering.targets import Target
from imagestreams.triggering.workload import Container, Workload, WorkloadKey
from unit.model.arbitrary import anything, nearly, several, words
from unit.triggering.deployments import DEPLOYMENT, deployment, trigger, workload


def test_a_body_is_read_as_a_workload() -> None:
    """Key, uid, version, triggers, containers and our annotation are read, init containers first."""
    body = deployment(
        trigger(),
        containers={"web": "old:1", "side": None},
        init={"setup": "tool:1"},
        notes={"imagestreams.dev/resolved": "web=app:v1"},
    )
    found = workload(body)

    assert WorkloadKey("deployments", "shop", "web") == found.key
    assert "deployments/shop/web" == str(found.key)
    assert ("d-1", "10", "web=app:v1") == (found.uid, found.resource_version, found.resolved)
    assert "Deployment" == found.kind
    assert (StreamKey("shop", "app"),) == tuple(entry.stream for entry in found.triggers.entries)
    assert (
        Container("initContainers", 0, "setup", "tool:1"),
        Container("containers", 0, "web", "old:1"),
        Container("containers", 1, "side", None),
    ) == found.containers


ROLLOUT = Target("argoproj.io", "v1alpha1", "rollouts")


def test_a_kind_that_settings_tell_is_read_from_its_own_path() -> None:
    """Its pod spec is where the table says, and its kind what the object itself says."""
    body = deployment(trigger(fieldPath="spec.workload.pod.containers[0].image"))
    body |= {"kind": "Widget", "spec": {"workload": {"pod": body["spec"]["template"]["spec"]}}}
    found = Workload.parse(dataclasses.replace(ROLLOUT, pod_spec=("spec", "workload", "pod")), body)

    assert found is not None
    assert () == found.triggers.problems
    assert (Container("containers", 0, "web", "old:1"),) == found.containers
    assert ("Widget", "rollouts.argoproj.io/shop/web") == (found.kind, str(found.key))


@pytest.mark.parametrize("annotations", [None, {}, {"other": "x"}, {"image.openshift.io/triggers": None}, []])
def test_a_body_without_the_annotation_is_none_of_ours(annotations: Any) -> None:
    """Only who asks to follow a tag is looked at."""
    body = deployment()
    body["metadata"]["annotations"] = annotations

    assert Workload.parse(DEPLOYMENT, body) is None


def test_an_annotation_that_cannot_be_read_is_ours_to_tell() -> None:
    """A workload with a bad annotation is kept, with its problems."""
    body = deployment(notes={"image.openshift.io/triggers": "{"})

    assert 1 == len(workload(body).triggers.problems)


_BODIES = nearly(
    metadata=nearly(
        namespace=words,
        name=words,
        uid=words,
        resourceVersion=words,
        annotations=nearly(
            **{
                "image.openshift.io/triggers": words | st.just('[{"from": {}}]'),
                "imagestreams.dev/resolved": words,
            }
        ),
    ),
    spec=nearly(
        template=nearly(
            spec=nearly(
                containers=several(nearly(name=words, image=words)),
                initContainers=several(nearly(name=words, image=words)),
            )
        )
    ),
)


@given(_BODIES | anything)
def test_no_body_breaks_reading(body: Any) -> None:
    """Whatever the API server sends is a workload or none."""
    assert isinstance(Workload.parse(DEPLOYMENT, body), Workload | None)
