"""Applies what the operator needs in a cluster, as an administrator, and gets its account's kubeconfig."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from localcluster.accounts import write_kubeconfig
from localcluster.ports import LOOPBACK

NAMESPACE = "imagestreams-system"
ACCOUNT = "imagestreams-operator"
_ROOT = Path(__file__).resolve().parents[3]
_CRDS = ("imagestreams.image.openshift.io", "images.image.openshift.io")


def install(kubectl: Path, admin: Path) -> None:
    """Apply the CRDs and the rights, and wait until the API serves them.

    Raises subprocess.CalledProcessError after kubectl printed why.
    """
    _kubectl(kubectl, admin, "apply", "--server-side", "--force-conflicts", "-f", str(_ROOT / "crds"))
    _kubectl(kubectl, admin, "apply", "-k", str(_ROOT / "deploy" / "base" / "rights"))
    for name in _CRDS:
        _kubectl(kubectl, admin, "wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}")


def install_webhook(kubectl: Path, admin: Path, port: int) -> None:
    """Apply the shipped webhook, for an operator on this machine that serves it at a port of loopback.

    Only an API server on this machine can call it there.
    """
    configuration = yaml.safe_load((_ROOT / "deploy" / "base" / "webhook.yaml").read_text())
    for webhook in configuration["webhooks"]:
        path = webhook["clientConfig"].pop("service")["path"]
        webhook["clientConfig"]["url"] = f"https://{LOOPBACK}:{port}{path}"
    _kubectl(kubectl, admin, "apply", "-f", "-", stdin=configuration)


def remove_webhook(kubectl: Path, admin: Path) -> None:
    """Delete it, where it is."""
    _kubectl(kubectl, admin, "delete", "--ignore-not-found", "-f", str(_ROOT / "deploy/base/webhook.yaml"))


def install_image_api(kubectl: Path, admin: Path) -> None:
    """Apply what the image API needs, and a Service that leads to this machine (FacadeProcess)."""
    overlay = _ROOT / "deploy" / "overlays" / "openshift-api"
    for file in ("described.yaml", "rights.yaml"):
        _kubectl(kubectl, admin, "apply", "-f", str(overlay / file))
    service = yaml.safe_load((overlay / "service.yaml").read_text())
    service["spec"] = {"type": "ExternalName", "externalName": "localhost"}
    _kubectl(kubectl, admin, "apply", "-f", "-", stdin=service)


def account_kubeconfig(kubectl: Path, admin: Path, path: Path, *, account: str = ACCOUNT) -> Path:
    """Write a kubeconfig with the rights of the operator's service account, or another, and no others."""
    return write_kubeconfig(kubectl, admin, NAMESPACE, account, path)


def _kubectl(kubectl: Path, admin: Path, *arguments: str, stdin: Any = None) -> None:
    command = [str(kubectl), f"--kubeconfig={admin}", *arguments]
    text = None if stdin is None else json.dumps(stdin).encode()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, input=text)
