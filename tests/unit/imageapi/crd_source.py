"""The shipped CRDs, and what the API server publishes of them in OpenAPI v3 at v1alpha1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from imagestreams.imageapi.described import published

_CRDS = Path(__file__).resolve().parents[3] / "crds"


def shipped_crds() -> list[dict[str, Any]]:
    """Read them."""
    return [
        yaml.load((_CRDS / f"{file}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
        for file in ("imagestreams", "images")
    ]


def crd_source() -> dict[str, Any]:
    """Write the API server's document, with the little of the metadata's schemas that is referred to."""
    source = published(shipped_crds())
    source["components"]["schemas"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"] = {
        "type": "object",
        "properties": {"name": {"type": "string", "default": ""}},
    }
    return source
