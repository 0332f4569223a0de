"""`make run`: the operator, and the image API beside it, outside the cluster of $KUBECONFIG.

Each has the rights of its own service account. Where the API server could not call this machine, the operator
runs alone.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from localcluster import aggregated
from localcluster.errors import LocalClusterError
from localcluster.ports import LOOPBACK, free_port
from localrun.child import tell
from localrun.install import (
    ACCOUNT,
    NAMESPACE,
    account_kubeconfig,
    install,
    install_image_api,
    install_webhook,
)
from localrun.process import API_ACCOUNT, image_api_settings
from localrun.together import Admin, run_together

_FOLDER = Path(__file__).resolve().parents[3] / "build" / "run"
_LISTEN = "IMAGESTREAMS_LISTEN"


def main() -> int:
    """Install, get the accounts' tokens, run until told to stop; the answer is the operator's exit code."""
    kubeconfig = os.environ.get("KUBECONFIG", "")
    kubectl = shutil.which("kubectl") or os.environ.get("KUBECTL", "")
    if not kubeconfig or not Path(kubeconfig).is_file() or not kubectl:
        print(
            "run: KUBECONFIG must name the kubeconfig of a cluster (and kubectl must be on PATH).\n"
            "     `make cluster` starts one; then: export $(grep -v '^#' build/cluster/env)",
            file=sys.stderr,
        )
        return 2
    admin = Admin(Path(kubectl), Path(kubeconfig))
    try:
        operator, image_api = _prepare(admin)
    except (subprocess.CalledProcessError, LocalClusterError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    _say(f"the operator runs as {NAMESPACE}/{ACCOUNT}; end it with Ctrl-C")
    if image_api is not None:
        _say(f"the image API runs beside it, as {NAMESPACE}/{API_ACCOUNT}")
    return asyncio.run(run_together(operator, image_api, admin, health=_health(operator)))


def _prepare(admin: Admin) -> tuple[dict[str, str], dict[str, str] | None]:
    """Install everything; the answer is the environment of the operator, and of the image API, if any."""
    answered = aggregated.hand_back(admin.kubectl, admin.kubeconfig, _say)
    install(admin.kubectl, admin.kubeconfig)
    mine = account_kubeconfig(admin.kubectl, admin.kubeconfig, _FOLDER / "kubeconfig")
    operator = {"KUBECONFIG": str(mine)}
    if not os.environ.get(_LISTEN, "x"):
        # Whether it is ready is asked there.
        operator[_LISTEN] = f"{LOOPBACK}:{free_port()}"
    if not _is_here(mine):
        _say("without admission webhook and image API: the API server, elsewhere, could not call them here")
        return operator, None
    port = free_port()
    install_webhook(admin.kubectl, admin.kubeconfig, port)
    operator["IMAGESTREAMS_WEBHOOK_LISTEN"] = f"{LOOPBACK}:{port}"
    if answered:
        _say("without an image API of its own: one serves v1 already")
        return operator, None
    install_image_api(admin.kubectl, admin.kubeconfig)
    rights = account_kubeconfig(
        admin.kubectl, admin.kubeconfig, _FOLDER / "kubeconfig-api", account=API_ACCOUNT
    )
    mine_too = {"KUBECONFIG": str(rights), _LISTEN: f"{LOOPBACK}:{free_port()}"}
    return operator, {**mine_too, **image_api_settings(free_port())}


def _health(operator: dict[str, str]) -> str:
    listen = operator.get(_LISTEN) or os.environ.get(_LISTEN) or "0.0.0.0:8080"  # the default
    return listen.replace("0.0.0.0", LOOPBACK)  # noqa: S104  # where it is asked, not where it listens


def _is_here(kubeconfig: Path) -> bool:
    """Tell whether the API server is on this machine."""
    server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return urlsplit(server).hostname in {LOOPBACK, "::1", "localhost"}


def _say(line: str) -> None:
    tell("run", line)


if __name__ == "__main__":
    sys.exit(main())
