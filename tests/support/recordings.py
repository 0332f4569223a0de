"""Recordings of the original: what its image API and its command line answered, step by step, as values.

tests/recorded/ holds them as text, one scenario a file: `$ COMMAND`, then the files it was given (`--- NAME`,
up to a line `---`), what it printed (`2> ` before a line of stderr), `[exit N]` unless 0, `[registry] ...`
for each request that a registry saw, and `[after: COMMAND]` with what that command printed then, where this
changed.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER = Path(__file__).resolve().parents[1] / "recorded"
_MARK = re.compile(r"\[(exit (?P<exit>\d+)|registry\] (?P<registry>.*)|after: (?P<after>[^\]]*)\])")
_GAP = re.compile(r" {2,}")


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One command and all that came of it."""

    number: int
    """Counted from 1 within its scenario."""
    command: str
    inputs: Mapping[str, str]
    """The files that the command was given, by name."""
    output: str
    error: str
    exit: int
    requests: tuple[str, ...]
    """The requests at the registries, as their logs wrote them."""
    after: Mapping[str, str]
    """What other commands printed afterwards, by command, where that changed."""

    @property
    def documents(self) -> list[Any]:
        """Read the output as YAML."""
        return list(yaml.load_all(self.output, yaml.CSafeLoader))


@dataclasses.dataclass(frozen=True, slots=True)
class Recording:
    """One scenario; each ran in a namespace of its own, sc-NAME."""

    name: str
    steps: tuple[Step, ...]

    @property
    def namespace(self) -> str:
        """Name the namespace that it ran in."""
        return f"sc-{self.name}"


def names() -> list[str]:
    """Name the recordings there are."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def read(name: str) -> Recording:
    """Read the recording of this name."""
    return parse((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))


def parse(text: str) -> Recording:
    """Read a recording. ValueError where it does not begin with its name."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("# "):
        raise ValueError("a recording begins with a line `# NAME`")
    starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
    parts = zip(starts, [*starts[1:], len(lines)], strict=True)
    steps = tuple(_step(number, lines[begin:end]) for number, (begin, end) in enumerate(parts, 1))
    return Recording(lines[0].removeprefix("# "), steps)


def table(text: str) -> list[dict[str, str]]:
    """Read a table as kubectl prints it, with the columns in the heading's places; none where it says so."""
    lines = text.splitlines()
    if not lines or lines[0].startswith("No resources found"):
        return []
    begins = [0, *(found.end() for found in _GAP.finditer(lines[0].rstrip()))]
    ends: list[int | None] = [*begins[1:], None]
    heads = [lines[0][begin:end].strip() for begin, end in zip(begins, ends, strict=True)]
    return [
        {head: line[begin:end].strip() for head, begin, end in zip(heads, begins, ends, strict=True)}
        for line in lines[1:]
        if line.strip()
    ]


def tables(text: str) -> list[list[dict[str, str]]]:
    """Read tables that stand below each other, with an empty line between them."""
    return [table(each) for each in text.strip("\n").split("\n\n")]


def _step(number: int, lines: Sequence[str]) -> Step:
    inputs, rest = _inputs(lines[1:])
    streams: dict[str, list[str]] = {"out": [], "err": []}
    requests: list[str] = []
    after: dict[str, list[str]] = {}
    code, goes_to = 0, streams["out"]
    for line in rest:
        marked = _MARK.match(line)
        if marked is None and line.startswith("2> "):
            streams["err"].append(line.removeprefix("2> "))
        elif marked is None:
            goes_to.append(line)
        elif marked["exit"]:
            code = int(marked["exit"])
        elif marked["after"]:
            goes_to = after.setdefault(marked["after"], [])
        else:
            requests.append(marked["registry"])
    return Step(
        number,
        lines[0].removeprefix("$ "),
        inputs,
        _text(streams["out"]),
        _text(streams["err"]),
        code,
        tuple(requests),
        {command: _text(printed) for command, printed in after.items()},
    )


def _inputs(lines: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    left: list[str] = []
    each: Iterator[str] = iter(lines)
    for line in each:
        if not line.startswith("--- "):
            left.append(line)
            continue
        content = []
        for inner in each:
            if inner == "---":
                break
            content.append(inner)
        found[line.removeprefix("--- ")] = _text(content)
    return found, left


def _text(lines: Sequence[str]) -> str:
    text = "\n".join(lines).strip("\n")
    return f"{text}\n" if text else ""
