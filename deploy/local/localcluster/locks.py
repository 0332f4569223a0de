"""File locks, so that two commands started at the same moment take turns.

Used around everything that writes a shared place: the cache of built binaries (binaries), the machine's
cluster slots (slots) and the folder of one cluster (cluster).
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path` for the block, waiting for whoever holds it; made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
