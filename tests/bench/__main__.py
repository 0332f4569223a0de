"""Runs every benchmark; exits 1 where a bar is missed."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from bench import startup
from bench.report import show, write
from localcluster import Cluster
from localrun import account_kubeconfig, install

_BUILD = Path(__file__).resolve().parents[2] / "build"
_CLUSTER = "bench"


def main() -> int:
    """Measure, show, write build/bench.json."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print("imports ...")
    figures = startup.imports()
    console.print("modules that take longest to import, ms: ", end="")
    console.print(", ".join(f"{name} {cost:.0f}" for name, cost in startup.slowest(8)), highlight=False)
    cluster = Cluster.up(_CLUSTER, nodes="kwok", progress=console.print)
    try:
        install(cluster.kubectl, cluster.kubeconfig)
        kubeconfig = account_kubeconfig(cluster.kubectl, cluster.kubeconfig, _BUILD / "bench" / "kubeconfig")
        console.print("memory after start ...")
        figures += startup.memory(kubeconfig, _BUILD)
    finally:
        cluster.down()
    show(figures, console)
    write(figures, _BUILD / "bench.json")
    missed = [figure for figure in figures if figure.missed]
    for figure in missed:
        console.print(
            f"missed: {figure.bench}, {figure.measure}: {figure.value:.3g} {figure.unit}", style="red"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
