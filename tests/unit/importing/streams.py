"""Streams to plan and record with, as the API server would send them."""

from __future__ import annotations

from typing import Any

from imagestreams.model.stream import Stream

NOW = "2026-03-03T03:03:03Z"
EARLIER = "2026-01-01T01:01:01Z"


def digest(letter: str) -> str:
    """Make a digest."""
    return "sha256:" + letter * 64


def tag(
    name: str = "v1", image: str = "", *, notes: dict[str, str] | None = None, **policy: Any
) -> dict[str, Any]:
    """Make a spec tag of an image at registry r.io; `policy` is its importPolicy."""
    return {
        "name": name,
        "from": {"kind": "DockerImage", "name": image or f"r.io/app:{name}"},
        "importPolicy": policy,
        "annotations": notes or {},
    }


def body(
    *tags: dict[str, Any],
    name: str = "app",
    uid: str = "u-1",
    generation: int = 1,
    notes: dict[str, str] | None = None,
    status: dict[str, Any] | None = None,
    repository: str = "",
) -> dict[str, Any]:
    """Make the body of a stream in namespace shop."""
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": uid,
            "resourceVersion": "1",
            "generation": generation,
            "annotations": notes or {},
        },
        "spec": {"tags": list(tags), "dockerImageRepository": repository},
        "status": status or {},
    }


def stream(*tags: dict[str, Any], **parts: Any) -> Stream:
    """Make a stream of these tags."""
    return Stream.parse(body(*tags, **parts))
