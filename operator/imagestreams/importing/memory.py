"""What the importer remembers of one stream while this process lives; nothing that a restart would miss.

Kept and changed by importing.work alone. Times are seconds on the event loop's clock.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.importing.budget import BUDGET
from imagestreams.importing.repository import NOTHING_KNOWN, Known

if TYPE_CHECKING:
    from imagestreams.importing.plan import Ask, Attempt
    from imagestreams.importing.record import Outcome
    from imagestreams.importing.repository import Wanted


@dataclasses.dataclass(slots=True)
class Memory:
    """What is remembered of one stream, which `uid` tells from others of its name."""

    uid: str
    since: float
    attempts: dict[str, Attempt] = dataclasses.field(default_factory=dict)
    outcomes: dict[str, Outcome] = dataclasses.field(default_factory=dict)
    asking: dict[str, Ask] = dataclasses.field(default_factory=dict)
    repository: Known = NOTHING_KNOWN
    listed: Attempt | None = None
    """The last attempt to list the repository."""
    listing: Wanted | None = None
    """What is being listed."""
    hold_until: float = 0.0
    budget: int = BUDGET
    write_failures: int = 0
    settling: bool = False
    unsettled: bool = False

    @property
    def waiting(self) -> bool:
        """Whether any answer of a registry is awaited."""
        return bool(self.asking) or self.listing is not None
