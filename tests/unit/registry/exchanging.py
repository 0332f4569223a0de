"""Single exchanges with a registry, for the tests of the transport with and without TLS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import ProtocolError, UnreachableError
from imagestreams.registry.transport import Request

if TYPE_CHECKING:
    from imagestreams.errors import RegistryError
    from imagestreams.registry.transport import Answer
    from support.faults import FaultRegistry
    from unit.registry.asking import Client


def url(registry: FaultRegistry, path: str = "manifests/v1") -> str:
    """Name a path of repository a/b."""
    return f"{registry.url}/v2/a/b/{path}"


def get(client: Client, address: str, method: str = "GET") -> Answer:
    """Send a request."""
    return client.transport.send(Request(method, address, headers={"Accept": "*/*"}))


def trouble(client: Client, address: str, method: str = "GET") -> RegistryError:
    """Send a request that fails, twice, and give what was raised, the same both times."""
    told = []
    for _ in range(2):
        with pytest.raises((UnreachableError, ProtocolError)) as error:
            get(client, address, method)
        told.append(error.value)
    assert (type(told[0]), str(told[0])) == (type(told[1]), str(told[1]))
    assert re.search(r"0x[0-9a-f]+|object at|HTTPSConnection", str(told[0])) is None
    return told[0]
