"""Places for clusters on one machine: a number, a run folder, a bridge and a pod range of one's own.

A cluster claims the lowest free number. Its run folder has a short path, because the path of a unix socket
may have 107 bytes at most; it holds sockets and pid files and, like everything in /run, does not survive a
reboot. The `owner` file in it names the cluster's state folder, so that a cluster is found, and can be ended,
even when that folder was deleted under it.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.locks import exclusive
from localcluster.processes import running

_COUNT = 64


@dataclass(frozen=True, slots=True)
class Slot:
    """A claimed place: `number` is from 0 on, `run` is the short folder for sockets and pid files."""

    number: int
    run: Path

    @property
    def bridge(self) -> str:
        """Name of the network bridge the pods hang on."""
        return f"is-pods{self.number}"

    @property
    def network(self) -> str:
        """Name of the CNI network."""
        return f"imagestreams-{self.number}"

    @property
    def pod_range(self) -> str:
        """The addresses of the pods, a CIDR of 254 hosts."""
        return f"10.199.{self.number}.0/24"


def root() -> Path:
    """Return the folder of all slots of this user on this machine."""
    user = os.geteuid()
    return Path("/run/imagestreams") if user == 0 else Path(f"/tmp/imagestreams-{user}")  # noqa: S108 - short path


def _owner(run: Path) -> str | None:
    try:
        return (run / "owner").read_text()
    except FileNotFoundError:
        return None


def _abandoned(run: Path) -> bool:
    home = _owner(run)
    if home is not None and Path(home).is_dir():
        return False
    return not any(running(pid_file) for pid_file in run.glob("pids/*"))


def find(home: Path) -> Slot | None:
    """Return the slot that the cluster with this state folder has claimed, if it has."""
    for number in range(_COUNT):
        run = root() / str(number)
        if _owner(run) == str(home):
            return Slot(number, run)
    return None


def claim(home: Path) -> Slot:
    """Claim the lowest free slot for the cluster with this state folder.

    Raises LocalClusterError when all are taken.
    """
    root().mkdir(mode=0o700, parents=True, exist_ok=True)
    if root().stat().st_uid != os.geteuid():
        raise LocalClusterError(f"{root()} belongs to another user; remove it")
    with exclusive(root() / "lock"):
        for number in range(_COUNT):
            run = root() / str(number)
            if run.exists() and not _abandoned(run):
                continue
            shutil.rmtree(run, ignore_errors=True)
            (run / "pids").mkdir(parents=True)
            (run / "owner").write_text(str(home))
            return Slot(number, run)
    raise LocalClusterError(f"all {_COUNT} places for clusters in {root()} are taken")


def release(slot: Slot) -> None:
    """Give the slot back and delete its run folder."""
    with exclusive(root() / "lock"):
        shutil.rmtree(slot.run, ignore_errors=True)
