"""The shipped CRDs, as the API server publishes them in OpenAPI v3 at v1alpha1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_CRDS = Path(__file__).resolve().parents[3] / "crds"


def crd_source() -> dict[str, Any]:
    """Write the API server's document, with the little of the metadata's schemas that is referred to."""
    name = {"type": "string", "default": ""}
    schemas: dict[str, Any] = {
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "properties": {"name": name}}
    }
    for file in ("imagestreams", "images"):
        crd = yaml.load((_CRDS / f"{file}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)["spec"]
        kind = crd["names"]["kind"]
        door = next(each for each in crd["versions"] if each["name"] == "v1alpha1")
        schemas[f"io.openshift.image.v1alpha1.{kind}"] = {
            **door["schema"]["openAPIV3Schema"],
            "x-kubernetes-group-version-kind": [
                {"group": "image.openshift.io", "kind": kind, "version": "v1alpha1"}
            ],
        }
        schemas[f"io.openshift.image.v1alpha1.{kind}List"] = {"type": "object"}
    return {"components": {"schemas": schemas}}
