"""Kubeconfigs for service accounts: the same cluster, with exactly that account's rights."""

import json
import subprocess
from pathlib import Path

from localcluster import kubeconfigs
from localcluster.errors import LocalClusterError

_LIFETIME = "24h"


def write_kubeconfig(kubectl: Path, admin: Path, namespace: str, name: str, path: Path) -> Path:
    """Write a kubeconfig for a service account that exists, with a token good for 24 hours; returns its path.

    `admin` is the kubeconfig that may ask for tokens. Raises LocalClusterError with what kubectl said.
    """
    token = _run(kubectl, admin, "create", "token", name, "--namespace", namespace, "--duration", _LIFETIME)
    view = json.loads(_run(kubectl, admin, "config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    return kubeconfigs.write(
        path, cluster=view["clusters"][0]["cluster"], user={"token": token.strip()}, namespace=namespace
    )


def _run(kubectl: Path, admin: Path, *arguments: str) -> str:
    result = subprocess.run(
        [str(kubectl), f"--kubeconfig={admin}", *arguments], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise LocalClusterError(f"kubectl {arguments[0]} {arguments[1]} failed: {result.stderr.strip()}")
    return result.stdout
