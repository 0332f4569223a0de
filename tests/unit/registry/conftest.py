"""Registries and clients for the tests of the registry client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.faults import Authority, FaultRegistry
from unit.registry.asking import HASTY, Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the clients of `trusting` trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def client() -> Iterator[Client]:
    """A client that trusts the system's authorities."""
    made = Client()
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[Client]:
    """A client that waits less than a second."""
    made = Client(limits=HASTY)
    yield made
    made.close()


@pytest.fixture
def trusting(authority: Authority) -> Iterator[Client]:
    """A client that trusts the test's authority."""
    made = Client(authority.ca_file)
    yield made
    made.close()


@pytest.fixture
def registry() -> Iterator[FaultRegistry]:
    """A registry for all, over plain HTTP."""
    with FaultRegistry() as made:
        yield made


@pytest.fixture
def secure(authority: Authority) -> Iterator[FaultRegistry]:
    """A registry for all, over TLS."""
    with FaultRegistry(tls=authority.good()) as made:
        yield made


@pytest.fixture
def two_registries(authority: Authority) -> Iterator[tuple[FaultRegistry, FaultRegistry]]:
    """Two registries over TLS."""
    with FaultRegistry(tls=authority.good()) as first, FaultRegistry(tls=authority.good()) as second:
        yield first, second
