"""How many malformed things of a kind are made: 300, or $FUZZ."""

from __future__ import annotations

import os

COUNT = int(os.environ.get("FUZZ", "300"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


def seeds() -> range:
    """Give the seeds of one kind."""
    return range(SEED, SEED + COUNT)
