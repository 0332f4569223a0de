"""Free ports on loopback."""

import socket
from pathlib import Path

from localcluster.ports import LOOPBACK, free_port, free_ports, is_free


def test_a_port_somebody_listens_on_is_not_free() -> None:
    """A port that is listened on counts as taken, and as free again once the listener is gone."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]

        assert not is_free(port)

    assert is_free(port)


def test_ports_for_several_names_are_all_different() -> None:
    """Every name gets a port of its own."""
    chosen = free_ports([f"part-{number}" for number in range(50)])

    assert 50 == len(set(chosen.values()))


def test_no_port_is_one_the_kernel_may_give_to_an_outgoing_connection() -> None:
    """A stopped server finds its port again: it is below the ephemeral range."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert free_port() < first
