"""A part of a running cluster, as all who describe one (controlplane, node, kwok, registries) hand it over.

The cluster starts parts by phase, all of a phase at once, and waits for each to be ready before the next.
"""

from collections.abc import Callable
from dataclasses import dataclass

from localcluster.processes import Program


@dataclass(frozen=True, slots=True)
class Component:
    """What runs, how it tells that it is ready, in which phase it starts and how many seconds it may take."""

    program: Program
    ready: Callable[[], bool]
    phase: int
    deadline: float = 60.0

    @property
    def name(self) -> str:
        """The name people call it by, "kube-apiserver" for one."""
        return self.program.name
