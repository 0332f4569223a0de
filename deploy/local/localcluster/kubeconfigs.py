"""Kubeconfig files: one cluster, one user, readable by their owner only.

Written as JSON, which is YAML too. Used by the control plane (each part has its own client certificate), by
the administrator, and for service accounts (a token).
"""

import base64
import json
from pathlib import Path
from typing import Any

from localcluster.certificates import Pair, write_private


def with_certificate(path: Path, *, server: str, authority: Path, client: Pair) -> Path:
    """Write a kubeconfig that proves itself by a client certificate; everything is inside the one file."""
    user = {"client-certificate-data": _data(client.certificate), "client-key-data": _data(client.key)}
    cluster = {"server": server, "certificate-authority-data": _data(authority)}
    return write(path, cluster=cluster, user=user)


def write(path: Path, *, cluster: dict[str, Any], user: dict[str, Any], namespace: str = "default") -> Path:
    """Write a kubeconfig of these entries as they stand in a kubeconfig; returns its path."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [
            {"name": "local", "context": {"cluster": "local", "user": "user", "namespace": namespace}}
        ],
        "current-context": "local",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps(content, indent=2).encode())
    return path


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
