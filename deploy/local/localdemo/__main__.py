"""`make demo`: a cluster (the running one, else one of its own), the operator, and the story."""

import os
import sys
from pathlib import Path

from rich.console import Console

from localcluster import Cluster, LocalClusterError
from localcluster.progress import Progress
from localdemo.story import Story, StoryError
from localdemo.watch import NotSeenError
from localrun import OperatorProcess, account_kubeconfig, install

_BUILD = Path(__file__).resolve().parents[3] / "build"


def main() -> int:
    """Tell the story; 0 only when all of it was seen."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    name = os.environ.get("DEMO_CLUSTER", "local")
    try:
        cluster, ours = _cluster(name, lambda line: console.print(line, markup=False, highlight=False))
    except LocalClusterError as error:
        console.print(f"demo: {error}", markup=False, style="bold red")
        return 1
    try:
        return _tell(cluster, console)
    finally:
        if ours:
            cluster.down()
            console.print(f"cluster {name} is down again")


def _cluster(name: str, progress: Progress) -> tuple[Cluster, bool]:
    try:
        found = Cluster.find(name)
    except LocalClusterError:
        return Cluster.up(name, progress=progress), True
    return Cluster.up(found.name, progress=progress), False


def _tell(cluster: Cluster, console: Console) -> int:
    if cluster.nodes == "kwok":
        console.print("demo: this cluster's nodes are fake, its pods run nothing", style="bold red")
        return 1
    install(cluster.kubectl, cluster.kubeconfig)
    kubeconfig = account_kubeconfig(cluster.kubectl, cluster.kubeconfig, _BUILD / "demo" / "kubeconfig")
    log = _BUILD / "demo" / "operator.log"
    log.unlink(missing_ok=True)
    operator = OperatorProcess(kubeconfig, log)
    try:
        operator.start()
        console.print(f"the operator runs outside the cluster as its own service account; its log: {log}")
        Story(cluster, console).tell()
    except (StoryError, NotSeenError, RuntimeError) as error:
        console.print(f"demo: {error}", markup=False, style="bold red")
        console.print(log.read_text()[-3000:] if log.exists() else "", markup=False, highlight=False)
        return 1
    finally:
        if operator.alive:
            operator.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
