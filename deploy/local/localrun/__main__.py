"""`make run`: the operator outside the cluster of $KUBECONFIG, with its service account's rights."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from localcluster.errors import LocalClusterError
from localcluster.ports import LOOPBACK, free_port
from localrun.install import ACCOUNT, NAMESPACE, account_kubeconfig, install, install_webhook

_ROOT = Path(__file__).resolve().parents[3]


def main() -> int:
    """Install, get the account's token, and become the operator; returns only what is wrong before."""
    admin = os.environ.get("KUBECONFIG", "")
    kubectl = shutil.which("kubectl") or os.environ.get("KUBECTL", "")
    if not admin or not Path(admin).is_file() or not kubectl:
        print(
            "run: KUBECONFIG must name the kubeconfig of a cluster (and kubectl must be on PATH).\n"
            "     `make cluster` starts one; then: export $(grep -v '^#' build/cluster/env)",
            file=sys.stderr,
        )
        return 2
    settings: dict[str, str] = {}
    try:
        install(Path(kubectl), Path(admin))
        if _is_here(Path(admin)):
            port = free_port()
            install_webhook(Path(kubectl), Path(admin), port)
            settings["IMAGESTREAMS_WEBHOOK_LISTEN"] = f"{LOOPBACK}:{port}"
        else:
            print(
                "without the admission webhook: the API server, elsewhere, could not call it here", flush=True
            )
        mine = account_kubeconfig(Path(kubectl), Path(admin), _ROOT / "build" / "run" / "kubeconfig")
    except (subprocess.CalledProcessError, LocalClusterError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    print(f"the operator runs as {NAMESPACE}/{ACCOUNT}; end it with Ctrl-C", flush=True)
    return os.execve(  # noqa: S606  # no shell is wanted
        sys.executable,
        [sys.executable, "-m", "imagestreams", "run"],
        {**os.environ, **settings, "KUBECONFIG": str(mine)},
    )


def _is_here(kubeconfig: Path) -> bool:
    """Tell whether the API server is on this machine."""
    server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return urlsplit(server).hostname in {LOOPBACK, "localhost"}


if __name__ == "__main__":
    sys.exit(main())
