"""What a namespace has to ask registries with: its pull secrets, the CAs it trusts, and the cluster's rules.

A value, given by watching.store and used by importing.asking; two that are equal ask alike.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.registry.credentials import choose
from imagestreams.registry.rules import NO_RULES, Rules

if TYPE_CHECKING:
    from imagestreams.registry.authorities import CaBundle
    from imagestreams.registry.credentials import Credential, Login
    from imagestreams.registry.names import Place


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """How a namespace may ask."""

    logins: tuple[Login, ...] = ()
    """What its pull secrets hold: those linked to its default service account first, else by name."""
    unread: tuple[str, ...] = ()
    """What is wrong with those of its pull secrets that are not used, each named."""
    bundles: tuple[CaBundle, ...] = ()
    rules: Rules = NO_RULES

    def credentials(self, place: Place) -> tuple[Credential, ...]:
        """Choose the credentials for a repository, the first to be tried first."""
        return choose(self.logins, place)

    def authorities(self, place: Place) -> str:
        """Give the CAs that are trusted for a repository's host besides the operator's own, as PEM."""
        return "\n".join(pem for bundle in self.bundles if (pem := bundle.of(place)))
