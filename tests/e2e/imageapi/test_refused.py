"""Writes of the image API that somebody refuses on the way: nothing of them is left half done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.imageapi.test_imports import STORED, image, imported, importing
from e2e.reading import current
from support.faults import FaultRegistry
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Kubectl
    from localrun import FacadeProcess, OperatorProcess

_ADMISSION = {"apiVersion": "admissionregistration.k8s.io/v1"}
WHY = "the tag forbidden is not for this cluster"


@pytest.fixture
def forbidden(kubectl: Kubectl) -> Iterator[str]:
    """A policy of the cluster's owner: no stream of this namespace may ask for the tag `forbidden`."""
    name = f"no-such-tag-{kubectl.namespace}"
    rule = {"apiGroups": ["image.openshift.io"], "apiVersions": ["*"], "resources": ["imagestreams"]}
    space = {"matchLabels": {"kubernetes.io/metadata.name": kubectl.namespace}}
    policy: dict[str, Any] = {
        **_ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{**rule, "operations": ["CREATE", "UPDATE"]}]},
            "validations": [
                {
                    "expression": "object.spec.?tags.orValue([]).all(tag, tag.name != 'forbidden')",
                    "message": WHY,
                }
            ],
        },
    }
    binding = {
        **_ADMISSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": space},
        },
    }
    kubectl.apply(policy, binding)
    tried = stream("tried", tag("forbidden", "registry.example/app:1"))
    eventually(
        lambda: WHY in kubectl.run("create", "--dry-run=server", "-f", "-", stdin=tried).stderr,
        within=30,
        what="the policy in force",
    )
    yield name
    kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name)


def test_an_import_that_a_policy_refuses_leaves_the_stream_as_it_is(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl, forbidden: str
) -> None:
    """Who imports is told why; neither spec nor status has anything of it, and what is allowed goes on."""
    assert operator.alive
    assert facade.alive
    assert forbidden
    with FaultRegistry() as registry:
        first = registry.put_image("team/app", "1")
        second = registry.put_image("team/app", "2", "other")
        kubectl.apply(stream("app", tag("1", f"{registry.host}/team/app:1")))
        eventually(lambda: current(kubectl, "app", "1") == first, within=20, what="the first import")
        before = kubectl.get(STORED, "app")
        refused = kubectl.run(
            "create", "-f", "-", stdin=importing("app", image(f"{registry.host}/team/app:2", "forbidden"))
        )
        assert 1 == refused.returncode
        assert WHY in refused.stderr
        assert before == kubectl.get(STORED, "app")
        imported(kubectl, importing("app", image(f"{registry.host}/team/app:2", "allowed")))
        assert second == current(kubectl, "app", "allowed")


def test_more_than_can_be_imported_at_once_is_refused_as_a_whole(
    facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """2,000 images are the most: no registry is asked for one of 2,001, and no stream is made."""
    assert facade.alive
    with FaultRegistry() as registry:
        many = [image(f"{registry.host}/team/app:{number}") for number in range(2001)]
        refused = kubectl.run("create", "-f", "-", stdin=importing("app", *many))
        assert "spec.images: Invalid value: 2001: at most 2000 images are imported at once" in refused.stderr
        assert [] == list(registry.requests)
    assert [] == json.loads(kubectl("get", STORED, "-o", "json"))["items"]
