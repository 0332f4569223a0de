"""Runs the benchmarks, all or those named on the command line; exits 1 where a bar is missed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

from bench import (
    dedup,
    edit,
    first_import,
    image_api,
    latency,
    limits,
    moved,
    outage,
    reaction,
    scale,
    startup,
    throughput,
    triggers,
    unchanged,
    watching,
    webhook,
)
from bench.bench import BUILD, Bench
from bench.report import show, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.report import Figure

BENCHES: dict[str, Callable[[Bench], list[Figure]]] = {
    "startup": startup.measure,
    "requests": unchanged.measure,
    "dedup": dedup.measure,
    "moved": moved.measure,
    "first-import": first_import.measure,
    "throughput": throughput.measure,
    "latency": latency.measure,
    "edit": edit.measure,
    "outage": outage.measure,
    "limits": limits.measure,
    "scale": scale.measure,
    "triggers": triggers.measure,
    "reaction": reaction.measure,
    "webhook": webhook.measure,
    "watching": watching.measure,
    "image-api": image_api.measure,
}


def main(names: list[str]) -> int:
    """Measure, show, write build/bench.json."""
    if unknown := [name for name in names if name not in BENCHES]:
        print(f"no benchmark {', '.join(unknown)}; there is {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 140)
    bench = Bench(lambda text: console.print(text, highlight=False))
    figures: list[Figure] = []
    try:
        for name in names or BENCHES:
            console.print(f"{name} ...", style="bold")
            figures += BENCHES[name](bench)
    finally:
        bench.close()
    show(figures, console)
    write(figures, BUILD / "bench.json")
    missed = [figure for figure in figures if figure.missed]
    for figure in missed:
        console.print(
            f"missed: {figure.bench}, {figure.measure}: {figure.value:.3g} {figure.unit}", style="red"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
