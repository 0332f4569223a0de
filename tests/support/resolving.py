"""Host names that resolve or not as a test says, for one process and its children alone.

The process runs in a mount namespace of its own, where /etc/hosts and /etc/resolv.conf are files of the test.
A name in the hosts file resolves. Every other is asked of a name server where nobody answers, which is what
a process sees when DNS is down. Nothing of the machine changes, and no name leaves it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SERVER_OF_NOBODY = "127.255.255.254"
_BIND = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


class Resolving:
    """What one process resolves; `becoming` are the first words of the command that starts it.

    Needs unshare of util-linux, and the rights of root or a kernel that gives them in a user namespace.
    """

    def __init__(self, folder: Path) -> None:
        """The two files are kept in a folder that exists."""
        self._hosts, self._servers = folder / "hosts", folder / "resolv.conf"
        self._servers.write_text(f"nameserver {_SERVER_OF_NOBODY}\noptions timeout:1 attempts:1\n")
        self._names: set[str] = set()
        self._write()

    @property
    def becoming(self) -> tuple[str, ...]:
        """Command words that, put before a program, run it with these files in the same process."""
        as_root = () if os.geteuid() == 0 else ("--map-root-user",)
        files = (str(self._hosts), str(self._servers))
        return ("unshare", "--mount", *as_root, "sh", "-c", _BIND, *files)

    def resolve(self, name: str) -> None:
        """Let a name mean 127.0.0.1, from now on."""
        self._names.add(name)
        self._write()

    def fail(self, name: str) -> None:
        """Let a name not resolve, from now on."""
        self._names.discard(name)
        self._write()

    def _write(self) -> None:
        # In place: another file under this name would not be the one that is mounted.
        self._hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ["localhost", *sorted(self._names)]))
