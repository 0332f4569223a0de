"""One measured figure, the table people see, and build/bench.json."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """What was measured. `bar` is the most it may be, None where it is told only; `baseline` says of what.

    With `at_least` the bar is the least it may be.
    """

    bench: str
    measure: str
    value: float
    unit: str
    bar: float | None = None
    baseline: str = ""
    n: int = 1
    at_least: bool = False

    @property
    def missed(self) -> bool:
        """Tell whether the bar is missed."""
        if self.bar is None:
            return False
        return self.value < self.bar if self.at_least else self.value > self.bar

    @property
    def bar_text(self) -> str:
        """Spell the bar as the table shows it."""
        return "" if self.bar is None else f"{'>=' if self.at_least else '<='} {self.bar:g}"


def show(figures: list[Figure], console: Console) -> None:
    """Print the figures as a table."""
    table = Table()
    for column in ("bench", "measure"):
        table.add_column(column)
    for column in ("value", "bar"):
        table.add_column(column, justify="right")
    for column in ("unit", "compared with", "n"):
        table.add_column(column)
    for figure in figures:
        value = f"{figure.value:.3g}" if figure.value < 1000 else f"{figure.value:.0f}"
        style = "bold red" if figure.missed else None
        table.add_row(
            figure.bench,
            figure.measure,
            value,
            figure.bar_text,
            figure.unit,
            figure.baseline,
            str(figure.n),
            style=style,
        )
    console.print(table)


def write(figures: list[Figure], path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([dataclasses.asdict(figure) for figure in figures], indent=1) + "\n")
