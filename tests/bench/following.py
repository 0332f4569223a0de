"""Deployments that follow streams, and streams whose tags the benchmark itself moves.

The streams have no tag in spec, as one that images are pushed to: what their status says is all there is to
follow, and whoever writes it moves the tag. Used by the benchmarks of triggers.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bench.reading import path_of
from support.manifests import deployment
from support.quick import manifest_of
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.populate import Admin

_THREADS = 4
TAG = "v1"


def digest(version: int) -> str:
    """Give the digest of the tag after so many moves."""
    return manifest_of(TAG, version)[0]


def image(stream: str, version: int) -> str:
    """Give the image that the tag of a stream stands for after so many moves."""
    return f"registry.test/team/{stream}@{digest(version)}"


def make_streams(admin: Admin, namespace: str, names: Iterable[str]) -> None:
    """Make streams whose tag stands for its image before all moves."""
    for name in names:
        body = {
            "apiVersion": "image.openshift.io/v1alpha1",
            "kind": "ImageStream",
            "metadata": {"name": name},
            "spec": {},
        }
        admin.request("POST", path_of(namespace), body)
        move(admin, namespace, name, 0)


def move(admin: Admin, namespace: str, name: str, version: int) -> None:
    """Write the status of a stream, so that its tag stands for another image."""
    item = {
        "created": "2026-01-01T00:00:00Z",
        "dockerImageReference": image(name, version),
        "image": digest(version),
        "generation": 1,
    }
    patch = {"status": {"tags": [{"tag": TAG, "items": [item]}]}}
    admin.session().patch(
        f"{admin.server}{path_of(namespace, name)}/status",
        data=json.dumps(patch),
        headers={"Content-Type": "application/merge-patch+json"},
        timeout=30,
    ).raise_for_status()


def make_deployments(admin: Admin, namespace: str, follows: dict[str, str], *, triggers: bool = True) -> None:
    """Make Deployments without replicas, each at the image of its stream; `follows` is stream by name.

    Without triggers they have an annotation of the same size that nobody reads.
    """

    def one(item: tuple[str, str]) -> None:
        name, stream = item
        body = deployment(name, {"web": f"{stream}:{TAG}"}, replicas=0, image=image(stream, 0))
        notes: dict[str, Any] = body["metadata"]["annotations"]
        notes["imagestreams.dev/resolved"] = f"web={stream}:{TAG}@{digest(0)}"
        if not triggers:
            notes["bench.test/of-the-same-size"] = notes.pop("image.openshift.io/triggers")
        body["spec"]["revisionHistoryLimit"] = 1
        admin.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body)

    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(one, follows.items()):
            pass


def wait_rolled_out(admin: Admin, *namespaces: str) -> None:
    """Wait until the Deployments' own controller has nothing to do any more."""

    def all_seen() -> bool:
        return all(
            found["metadata"]["generation"] == found.get("status", {}).get("observedGeneration")
            for namespace in namespaces
            for found in admin.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
        )

    eventually(all_seen, within=240, every=1.0, what="every Deployment seen by its controller")
