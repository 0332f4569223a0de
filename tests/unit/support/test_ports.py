"""Hosts that are no registry."""

import pytest
import requests

from support.faults import ClosedPort, SilentPort


def test_closed_port_refuses() -> None:
    """A connection to a closed port is refused at once."""
    with ClosedPort() as closed, pytest.raises(requests.ConnectionError, match="Connection refused"):
        requests.get(f"http://{closed.host}/v2/", timeout=2)


def test_silent_port_accepts_and_says_nothing() -> None:
    """A silent port lets the client connect and then wait for its read timeout, with TLS too."""
    with SilentPort() as silent:
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"http://{silent.host}/v2/", timeout=(2, 0.2))
        with pytest.raises(requests.Timeout):
            requests.get(f"https://{silent.host}/v2/", timeout=(0.2, 0.2))
