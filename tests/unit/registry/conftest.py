"""Registries and clients for the tests of the registry client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.faults import Authority, FaultRegistry
from unit.registry.asking import HASTY, Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the clients of `trusting` trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CA of an authority that signed nothing here: hundreds of the system's take a tenth of a second."""
    return Authority(tmp_path_factory.mktemp("stranger")).ca_file


@pytest.fixture
def client(stranger: Path) -> Iterator[Client]:
    """A client that trusts no authority of the tests."""
    made = Client(stranger)
    yield made
    made.close()


@pytest.fixture
def hasty(stranger: Path) -> Iterator[Client]:
    """A client that waits less than a second."""
    made = Client(stranger, limits=HASTY)
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
