"""Deployments that follow tags, and the streams they follow."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from imagestreams.model.status import StreamStatus, TagEvent, TagStatus
from imagestreams.model.stream import Stream, StreamKey
from imagestreams.triggering.targets import TARGETS
from imagestreams.triggering.workload import Workload

DEPLOYMENT = next(target for target in TARGETS if target.kind == "Deployment")
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def trigger(container: str = "web", source: str = "app:v1", **extra: Any) -> dict[str, Any]:
    """Make an entry of the annotation, as `oc set triggers` writes it."""
    return {
        "from": {"kind": "ImageStreamTag", "name": source},
        "fieldPath": f'spec.template.spec.containers[?(@.name=="{container}")].image',
        **extra,
    }


def deployment(
    *triggers: dict[str, Any],
    containers: dict[str, str | None] | None = None,
    init: dict[str, str | None] | None = None,
    name: str = "web",
    uid: str = "d-1",
    version: str = "10",
    notes: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Make the body of a Deployment in namespace shop; containers are names with their images."""

    def listed(given: dict[str, str | None]) -> list[dict[str, Any]]:
        return [
            {"name": one, "args": ["--image", "x"]} | ({} if image is None else {"image": image})
            for one, image in given.items()
        ]

    pod_spec: dict[str, Any] = {"containers": listed({"web": "old:1"} if containers is None else containers)}
    if init is not None:
        pod_spec["initContainers"] = listed(init)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": uid,
            "resourceVersion": version,
            "labels": {"a": "b"},
            "annotations": {"image.openshift.io/triggers": json.dumps(triggers), **(notes or {})},
        },
        "spec": {
            "replicas": 3,
            "paused": False,
            "template": {"metadata": {"annotations": {"keep": "me"}}, "spec": pod_spec},
        },
        "status": {"replicas": 3},
    }


def workload(body: dict[str, Any]) -> Workload:
    """Read a Deployment that has triggers."""
    found = Workload.parse(DEPLOYMENT, body)
    assert found is not None
    return found


def stream(
    name: str = "app", version: str = "1", *, namespace: str = "shop", limit: str = "", **tags: str
) -> Stream:
    """Make a stream whose tags stand for these images; "" is none, other text than a digest a reference."""
    known = []
    for tag, image in tags.items():
        reference = f"r.io/{name}@{image}" if image.startswith("sha256:") else image
        event = TagEvent("2026-01-01T00:00:00Z", reference, image if image.startswith("sha256:") else "")
        known.append(TagStatus(tag, (event,) if image else ()))
    return Stream(
        StreamKey(namespace, name),
        f"u-{name}",
        version,
        1,
        max_rollouts=limit,
        status=StreamStatus(tags=tuple(known)),
    )


def local(streamed: Stream) -> Stream:
    """Let local lookup find a stream."""
    return dataclasses.replace(streamed, local_lookup=True)


def image_of(body: dict[str, Any], container: str = "web") -> str | None:
    """Find a container's image in a body."""
    pod_spec = body["spec"]["template"]["spec"]
    for one in [*pod_spec.get("initContainers", []), *pod_spec["containers"]]:
        if one["name"] == container:
            image: str | None = one.get("image")
            return image
    raise AssertionError(f"no container {container}")
