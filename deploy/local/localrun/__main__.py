"""`make run`: the operator outside the cluster of $KUBECONFIG, with its service account's rights."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from localcluster.errors import LocalClusterError
from localrun.install import ACCOUNT, NAMESPACE, account_kubeconfig, install

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
    try:
        install(Path(kubectl), Path(admin))
        mine = account_kubeconfig(Path(kubectl), Path(admin), _ROOT / "build" / "run" / "kubeconfig")
    except (subprocess.CalledProcessError, LocalClusterError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    print(f"the operator runs as {NAMESPACE}/{ACCOUNT}; end it with Ctrl-C", flush=True)
    return os.execve(  # noqa: S606  # no shell is wanted
        sys.executable,
        [sys.executable, "-m", "imagestreams", "run"],
        {**os.environ, "KUBECONFIG": str(mine)},
    )


if __name__ == "__main__":
    sys.exit(main())
