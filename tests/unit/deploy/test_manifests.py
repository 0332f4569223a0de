"""The shape of the shipped manifests: what a reader of crds/, deploy/base/ and the overlay may rely on.

What an API server makes of them is proved in tests/integration (test_crds, test_rights).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagestreams.kube.resources import SHARED_CERTIFICATE
from imagestreams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[3]
CRDS = PROJECT / "crds"
BASE = PROJECT / "deploy" / "base"
IMAGE_API = PROJECT / "deploy" / "overlays" / "openshift-api"
PART_OF = "app.kubernetes.io/part-of"

RESOURCES = {path.stem: yaml.load(path.read_text(), yaml.CSafeLoader) for path in sorted(CRDS.glob("*.yaml"))}
SHIPPED = [
    document
    for path in sorted([*CRDS.glob("*.yaml"), *BASE.rglob("*.yaml"), *IMAGE_API.glob("*.yaml")])
    for document in yaml.load_all(path.read_text(), yaml.CSafeLoader)
    if document["kind"] != "Kustomization"
]


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field below a schema, by its path."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")


def schema(resource: str, version: int = 0) -> dict[str, Any]:
    """The schema of a resource."""
    found: dict[str, Any] = RESOURCES[resource]["spec"]["versions"][version]["schema"]["openAPIV3Schema"]
    return found


def rules(resource: str) -> Iterator[dict[str, Any]]:
    """Every CEL rule of a resource."""
    top = schema(resource)
    for part in [top, *(field for _, field in fields(top))]:
        yield from part.get("x-kubernetes-validations", [])
        yield from part.get("items", {}).get("x-kubernetes-validations", [])


@pytest.mark.parametrize("resource", RESOURCES)
def test_no_field_has_a_default(resource: str) -> None:
    """Nothing is filled in at admission, so that GitOps sees no drift."""
    text = yaml.safe_dump(RESOURCES[resource], default_flow_style=False)

    assert re.findall(r"^\s*-?\s*default:", text, re.MULTILINE) == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_field_says_what_it_is(resource: str) -> None:
    """`kubectl explain` has a sentence for every field of ours."""
    silent = [
        path
        for path, field in fields(schema(resource))
        if not re.search(r"\.\)?$", field.get("description", "")) and not re.match(r"\.metadata\b", path)
    ]

    assert silent == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_list_says_how_it_is_merged(resource: str) -> None:
    """Server-side apply knows for each list whether it is one value or many."""
    lists = {path: field for path, field in fields(schema(resource)) if field["type"] == "array"}

    assert [path for path, field in lists.items() if "x-kubernetes-list-type" not in field] == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_two_versions_are_one(resource: str) -> None:
    """v1 is stored, v1alpha1 is served beside it, and both have the same schema, columns and subresources."""
    spec = RESOURCES[resource]["spec"]
    own = ("name", "served", "storage")

    assert [tuple(version[key] for key in own) for version in spec["versions"]] == [
        ("v1", True, True),
        ("v1alpha1", True, False),
    ]
    first, second = ({key: version[key] for key in version.keys() - own} for version in spec["versions"])
    assert first == second
    assert spec["conversion"] == {"strategy": "None"}


def test_every_rule_has_words_for_people() -> None:
    """A CEL rule says what is wrong, also where the expression that would say it fails."""
    found = list(rules("imagestreams"))

    assert len(found) > 10
    assert [
        rule["rule"] for rule in found if not rule.get("message") or "messageExpression" not in rule
    ] == []
    assert [rule["rule"] for rule in found if "\n" in rule["messageExpression"] or "\n" in rule["rule"]] == []


def test_what_is_shipped_belongs_to_the_project() -> None:
    """Everything in crds/, deploy/base and the overlay has the label by which it is known as ours."""
    kinds = [document["kind"] for document in SHIPPED]

    assert {"CustomResourceDefinition", "Deployment", "ClusterRole", "Namespace"} <= set(kinds)
    strangers = [
        document["metadata"]["name"]
        for document in SHIPPED
        if document["metadata"].get("labels", {}).get(PART_OF) != "imagestreams"
    ]
    assert strangers == []


def test_every_file_is_listed_for_kustomize() -> None:
    """No manifest is forgotten: what lies in a folder is in its kustomization."""
    for folder, name in (
        (CRDS, "Kustomization"),
        (BASE, "kustomization.yaml"),
        (BASE / "rights", "kustomization.yaml"),
        (IMAGE_API, "kustomization.yaml"),
    ):
        listed = yaml.load((folder / name).read_text(), yaml.CSafeLoader)["resources"]
        found = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert found == {entry for entry in listed if entry.endswith(".yaml")}


def test_the_folder_of_the_resources_can_be_applied_as_it_is() -> None:
    """`kubectl apply -f crds/` meets nothing but custom resource definitions."""
    kinds = [
        yaml.load(path.read_text(), yaml.CSafeLoader)["kind"]
        for path in CRDS.iterdir()
        if path.suffix in {".yaml", ".yml", ".json"}
    ]

    assert kinds == ["CustomResourceDefinition"] * 2


@pytest.mark.parametrize("name", ["imagestreams-operator", "imagestreams-api"])
def test_both_programs_run_with_as_little_as_they_can(name: str) -> None:
    """The pods meet the restricted pod security standard, and nothing is writable but /tmp."""
    deployment = next(
        document
        for document in SHIPPED
        if (document["kind"], document["metadata"]["name"]) == ("Deployment", name)
    )
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]  # noqa: S108  # the pod's own
    assert container["resources"]["limits"].keys() == {"memory"}
    assert {"livenessProbe", "readinessProbe"} <= container.keys()


def shipped(kind: str, name: str) -> dict[str, Any]:
    """What is shipped of a kind under a name."""
    (found,) = [each for each in SHIPPED if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return dict(found)


def test_there_is_one_operator_and_never_less_than_one_image_api() -> None:
    """The operator's new pod waits for the old one's end; of the image API one is there at any time."""
    operator, api = (shipped("Deployment", f"imagestreams-{name}")["spec"] for name in ("operator", "api"))
    budget = shipped("PodDisruptionBudget", "imagestreams-api")["spec"]

    assert {"type": "Recreate"} == operator["strategy"]
    assert 1 == operator["replicas"]
    assert 2 == api["replicas"]
    assert {"maxUnavailable": 0, "maxSurge": 1} == api["strategy"]["rollingUpdate"]
    assert api["selector"] == budget["selector"]
    assert api["replicas"] > budget["minAvailable"] >= 1
    (apart,) = api["template"]["spec"]["affinity"]["podAntiAffinity"].values()
    assert api["selector"] == apart[0]["podAffinityTerm"]["labelSelector"]


def test_both_programs_go_by_the_same_settings() -> None:
    """Each reads the ConfigMap in which they are kept, and starts where there is none."""
    for name in ("operator", "api"):
        (container,) = shipped("Deployment", f"imagestreams-{name}")["spec"]["template"]["spec"]["containers"]
        assert [{"configMapRef": {"name": "imagestreams-settings", "optional": True}}] == container["envFrom"]


def test_the_image_api_has_the_right_to_its_certificate_alone() -> None:
    """The Secret of the rights is the one that the program writes, where it writes it."""
    (rule,) = shipped("Role", "imagestreams-api")["rules"]

    assert [SHARED_CERTIFICATE] == rule["resourceNames"]
    assert ["secrets"] == rule["resources"]
    assert Settings().namespace == shipped("Role", "imagestreams-api")["metadata"]["namespace"]
