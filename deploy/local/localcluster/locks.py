"""File locks, so that two commands started at the same moment take turns.

Used around everything that writes a shared place: the cache of built binaries (binaries), the machine's
cluster slots (slots) and the folder of one cluster (cluster).
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster.progress import Progress, silent


@contextmanager
def exclusive(path: Path, what: str = "", progress: Progress = silent) -> Iterator[None]:
    """Hold the lock file `path` for the block, waiting for whoever holds it; made when missing.

    When it has to wait it tells `progress` that another command is at `what`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"another command is at {what or path}: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
