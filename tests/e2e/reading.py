"""What kubectl and other clients show of a stream, for the tests of the whole path.

Each function asks once, now; `support.waiting.eventually` does the waiting.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess


def history(kubectl: Kubectl, stream: str, tag: str) -> list[str]:
    """Give the digests that a tag stood for, the newest first."""
    return [item["image"] for item in _tag(kubectl, stream, tag).get("items") or []]


def current(kubectl: Kubectl, stream: str, tag: str) -> str:
    """Give the digest that a tag stands for, "" while there is none."""
    return next(iter(history(kubectl, stream, tag)), "")


def failure(kubectl: Kubectl, stream: str, tag: str) -> dict[str, str]:
    """Give the condition ImportSuccess=False of a tag, empty when it has none."""
    return _failure(_tag(kubectl, stream, tag))


def failures(kubectl: Kubectl, stream: str) -> dict[str, dict[str, str]]:
    """Give the condition ImportSuccess=False of every tag that has one."""
    tags = kubectl.get("is", stream).get("status", {}).get("tags", [])
    return {tag["tag"]: found for tag in tags if (found := _failure(tag))}


def held(kubectl: Kubectl, stream: str, tag: str) -> tuple[str, str]:
    """Give status and reason of the condition Held of a tag, two times "" when it has none."""
    for condition in _tag(kubectl, stream, tag).get("conditions") or []:
        if condition["type"] == "Held":
            return condition["status"], condition["reason"]
    return "", ""


def available(kubectl: Kubectl, stream: str, tag: str) -> str:
    """Give the digest that is available while a tag is held at another, "" if none is."""
    return str(_tag(kubectl, stream, tag).get("available", {}).get("image", ""))


def running(kubectl: Kubectl, deployment: str) -> set[str]:
    """Give the digests that the containers of a Deployment's one pod run; empty while it has more or none.

    Of an image that it pulled by several names the runtime tells any; the digest is the same.
    """
    pods = kubectl.get("pods", f"--selector=app={deployment}")["items"]
    if len(pods) != 1:
        return set()
    statuses = pods[0]["status"].get("containerStatuses", [])
    return {status["imageID"].rpartition("@")[2] for status in statuses if status.get("started")}


def images(kubectl: Kubectl, deployment: str) -> list[str]:
    """Give the images of a Deployment's pod template, in the order of its containers."""
    template = kubectl.get("deployment", deployment)["spec"]["template"]
    return [container["image"] for container in template["spec"]["containers"]]


def events(kubectl: Kubectl, name: str, reason: str) -> list[str]:
    """Give the messages of the Events of a reason on an object."""
    selector = f"involvedObject.name={name},reason={reason}"
    return [event["message"] for event in kubectl.get("events", f"--field-selector={selector}")["items"]]


def counted(operator: OperatorProcess, host: str, outcome: str) -> int:
    """Count the operator's questions to a registry that came out so, by its metrics."""
    pattern = rf'imagestreams_imports_total{{outcome="{outcome}",registry="{host}"}} (\S+)'
    found = re.search(pattern, operator.metrics())
    return int(float(found[1])) if found else 0


def crane_digest(
    cluster: Cluster, reference: str, *options: str, environment: Mapping[str, str] | None = None
) -> str:
    """Give the digest that crane, a client by other hands, finds for a reference."""
    done = subprocess.run(
        [str(cluster.crane), "digest", *options, reference],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"crane digest {reference}: {done.stderr}"
    return done.stdout.strip()


def _tag(kubectl: Kubectl, stream: str, tag: str) -> dict[str, Any]:
    tags = kubectl.get("is", stream).get("status", {}).get("tags", [])
    return next((item for item in tags if item["tag"] == tag), {})


def _failure(tag: dict[str, Any]) -> dict[str, str]:
    conditions: list[dict[str, str]] = tag.get("conditions") or []
    return next(
        (item for item in conditions if (item["type"], item["status"]) == ("ImportSuccess", "False")), {}
    )
