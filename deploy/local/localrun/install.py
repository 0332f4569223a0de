"""Applies what the operator needs in a cluster, as an administrator, and gets its account's kubeconfig."""

import subprocess
from pathlib import Path

from localcluster.accounts import write_kubeconfig

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


def account_kubeconfig(kubectl: Path, admin: Path, path: Path) -> Path:
    """Write a kubeconfig with the rights of the operator's service account, and no others."""
    return write_kubeconfig(kubectl, admin, NAMESPACE, ACCOUNT, path)


def _kubectl(kubectl: Path, admin: Path, *arguments: str) -> None:
    subprocess.run([str(kubectl), f"--kubeconfig={admin}", *arguments], check=True, stdout=subprocess.DEVNULL)
