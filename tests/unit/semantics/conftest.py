"""Registries and clients, as the tests of the registry client have them."""

from unit.registry.conftest import client, registry, stranger

__all__ = ["client", "registry", "stranger"]
