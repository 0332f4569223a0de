"""Manifests that tests apply, as a user would write them."""

from __future__ import annotations

import json
from typing import Any

Manifest = dict[str, Any]


def tag(
    name: str,
    source: str,
    *,
    insecure: bool = True,
    scheduled: bool = False,
    mode: str = "",
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """Write a spec tag of kind DockerImage; insecure by default: the tests' registries speak plain HTTP."""
    policy: Manifest = {"insecure": insecure, "scheduled": scheduled}
    if mode:
        policy["importMode"] = mode
    written: Manifest = {
        "name": name,
        "from": {"kind": "DockerImage", "name": source},
        "importPolicy": policy,
    }
    if annotations:
        written["annotations"] = annotations
    return written


def stream(
    name: str, *tags: Manifest, interval: str = "", annotations: dict[str, str] | None = None
) -> Manifest:
    """Write an ImageStream."""
    notes = {**({"imagestreams.dev/interval": interval} if interval else {}), **(annotations or {})}
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {"name": name, "annotations": notes},
        "spec": {"tags": list(tags)},
    }


POD_SPEC = "spec.template.spec"
"""Where most kinds have their pod spec."""


def trigger(container: str, stream_tag: str, *, pod_spec: str = POD_SPEC, **more: Any) -> Manifest:
    """Write one entry of the trigger annotation."""
    return {
        "from": {"kind": "ImageStreamTag", "name": stream_tag},
        "fieldPath": f'{pod_spec}.containers[?(@.name=="{container}")].image',
        **more,
    }


def deployment(name: str, follows: dict[str, str], *, replicas: int = 1, image: str = " ") -> Manifest:
    """Write a Deployment whose containers follow tags: {container: "stream:tag"}."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "annotations": {
                "image.openshift.io/triggers": json.dumps([trigger(*item) for item in follows.items()])
            },
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": container, "image": image} for container in follows],
                },
            },
        },
    }


def stateful_set(name: str, follows: dict[str, str]) -> Manifest:
    """Write a StatefulSet whose containers follow tags."""
    written = deployment(name, follows)
    written["kind"] = "StatefulSet"
    written["spec"]["serviceName"] = name
    return written


def daemon_set(name: str, follows: dict[str, str]) -> Manifest:
    """Write a DaemonSet whose containers follow tags."""
    written = deployment(name, follows)
    written["kind"] = "DaemonSet"
    del written["spec"]["replicas"]
    return written


def cron_job(name: str, follows: dict[str, str]) -> Manifest:
    """Write a CronJob whose containers follow tags; its time comes once a year."""
    template = deployment(name, follows)["spec"]["template"]
    template["spec"]["restartPolicy"] = "Never"
    pod_spec = "spec.jobTemplate.spec.template.spec"
    entries = [trigger(*item, pod_spec=pod_spec) for item in follows.items()]
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "annotations": {"image.openshift.io/triggers": json.dumps(entries)}},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}},
    }


def pull_secret(name: str, host: str, username: str, password: str) -> Manifest:
    """Write a pull secret for one host, as `kubectl create secret docker-registry` does."""
    auths = {"auths": {host: {"username": username, "password": password}}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps(auths)},
    }
