"""CAs that a namespace, or the whole cluster, trusts for registries besides the operator's own. Pure.

Keys of the ConfigMap `imagestreams-registries`: what ends in .crt or .pem is trusted for every registry; any
other key is a host, its port after "..", as in the original's additionalTrustedCA. Read by watching.intake.
"""

from __future__ import annotations

import dataclasses
import ssl
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.registry.names import canonical_host
from imagestreams.registry.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.registry.names import Place

CONFIG_MAP = "imagestreams-registries"
"""The name of the ConfigMap, in any namespace for that one, in the operator's own for all."""

_FOR_ALL = (".crt", ".pem")
_PORT = ".."


@dataclasses.dataclass(frozen=True, slots=True)
class CaBundle:
    """PEM texts: for every registry under "", for one under its host."""

    by_host: tuple[tuple[str, str], ...] = ()

    def of(self, place: Place) -> str:
        """Give what is trusted for a repository's host, as one PEM text; "" for nothing more."""
        return "\n".join(pem for host, pem in self.by_host if host in {"", place.host})


NO_BUNDLE = CaBundle()


def parse_bundle(data: Mapping[str, Any]) -> tuple[CaBundle, tuple[str, ...]]:
    """Read the CAs of a ConfigMap's `data`: what can be read, and what is wrong with the rest."""
    found: list[tuple[str, str]] = []
    problems: list[str] = []
    for key in sorted(data):
        try:
            found.append((_host_of(key), _checked(data[key])))
        except InvalidError as error:
            problems.append(f'key "{shown(key)}": {error}')
    return CaBundle(tuple(found)), tuple(problems)


def _host_of(key: str) -> str:
    if key.endswith(_FOR_ALL):
        return ""
    return canonical_host(key.replace(_PORT, ":"))


def _checked(pem: Any) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, TypeError, ValueError):
        raise InvalidError("it holds no certificate; it must be CAs in PEM") from None
    return str(pem)
