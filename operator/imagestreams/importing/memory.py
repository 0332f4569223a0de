"""What the importer remembers of one stream while this process lives; nothing that a restart would miss.

Kept and changed by importing.work alone. Times are seconds on the event loop's clock.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.importing.budget import BUDGET

if TYPE_CHECKING:
    from imagestreams.importing.plan import Ask, Attempt
    from imagestreams.importing.record import Outcome


@dataclasses.dataclass(slots=True)
class Memory:
    """What is remembered of one stream, which `uid` tells from others of its name."""

    uid: str
    since: float
    attempts: dict[str, Attempt] = dataclasses.field(default_factory=dict)
    outcomes: dict[str, Outcome] = dataclasses.field(default_factory=dict)
    asking: dict[str, Ask] = dataclasses.field(default_factory=dict)
    hold_until: float = 0.0
    budget: int = BUDGET
    write_failures: int = 0
    settling: bool = False
    unsettled: bool = False
