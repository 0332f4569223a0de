"""Free TCP ports on loopback.

Ports are looked for below the kernel's ephemeral range, so that a component that is stopped for a while
finds its port still free when it comes back: no outgoing connection is ever given one of these.
"""

import random
import socket
from collections.abc import Iterable

from localcluster.errors import LocalClusterError

LOOPBACK = "127.0.0.1"
# Under 32768 (ephemeral) and under 30000 (node ports of Services), above the well-known services.
_FIRST, _LAST = 22000, 29999


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections linger in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(taken: Iterable[int] = ()) -> int:
    """Return a port that is free now and not among `taken`.

    Raises LocalClusterError when a thousand tries find none.
    """
    avoid = set(taken)
    for _ in range(1000):
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - a port number is no secret
        if port not in avoid and is_free(port):
            return port
    raise LocalClusterError(f"no free TCP port between {_FIRST} and {_LAST} on {LOOPBACK}")


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a free port for each name, all different."""
    chosen: dict[str, int] = {}
    for name in names:
        chosen[name] = free_port(chosen.values())
    return chosen
