"""Who asks, as the API server in front of us says: only its own client certificate is believed. Pure.

The rules are those of Kubernetes' request-header authentication: the certificate is signed by the CA, and has
one of the names, that the ConfigMap kube-system/extension-apiserver-authentication tells; then the headers
that it tells name the user. TLS has checked the signature (imageapi.server); names and headers are read here.
"""

from __future__ import annotations

import dataclasses
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.imageapi.asking import User
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG_NAMESPACE = "kube-system"
CONFIG_NAME = "extension-apiserver-authentication"


@dataclasses.dataclass(frozen=True, slots=True)
class FrontProxy:
    """By whom and how we are told who asks."""

    authority: str
    """The CA of its client certificates, PEM."""
    names: frozenset[str]
    """The common names that are believed; none: any that the CA signed."""
    user_headers: tuple[str, ...]
    group_headers: tuple[str, ...]
    extra_prefixes: tuple[str, ...]
    uid_headers: tuple[str, ...] = ()


def read_config(config_map: Mapping[str, Any]) -> FrontProxy:
    """Read the ConfigMap.

    Raises InvalidError where it does not say which CA is to be believed: such an API server cannot delegate.
    """
    data = border.mapping(config_map.get("data"))
    authority = border.text(data.get("requestheader-client-ca-file"))
    if "BEGIN CERTIFICATE" not in authority:
        raise InvalidError(
            f"ConfigMap {CONFIG_NAMESPACE}/{CONFIG_NAME} has no requestheader-client-ca-file; the API server "
            "must be started with --requestheader-client-ca-file for its aggregation layer"
        )
    return FrontProxy(
        authority=authority,
        names=frozenset(_texts(data.get("requestheader-allowed-names"))),
        user_headers=_texts(data.get("requestheader-username-headers")) or ("X-Remote-User",),
        group_headers=_texts(data.get("requestheader-group-headers")) or ("X-Remote-Group",),
        extra_prefixes=_texts(data.get("requestheader-extra-headers-prefix")) or ("X-Remote-Extra-",),
        uid_headers=_texts(data.get("requestheader-uid-headers")),
    )


def authenticate(
    proxy: FrontProxy, common_name: str | None, headers: Iterable[tuple[str, str]]
) -> User | None:
    """Say who asks; None for nobody that is believed.

    `common_name` is that of the client certificate which TLS has verified, None where there was none.
    """
    if common_name is None or (proxy.names and common_name not in proxy.names):
        return None
    found = list(headers)
    name = next(iter(_values(found, proxy.user_headers)), "")
    if not name:
        return None
    return User(
        name=name,
        groups=tuple(_values(found, proxy.group_headers)),
        extra=_extra(found, proxy.extra_prefixes),
        uid=next(iter(_values(found, proxy.uid_headers)), ""),
    )


def common_name(certificate: Mapping[str, Any] | None) -> str | None:
    """Find the common name in what `ssl` tells of a verified client certificate (getpeercert)."""
    for part in (certificate or {}).get("subject", ()):
        for field, value in part:
            if field == "commonName":
                return str(value)
    return None


def _values(headers: Iterable[tuple[str, str]], names: Iterable[str]) -> list[str]:
    wanted = {name.lower() for name in names}
    return [value for header, value in headers if header.lower() in wanted and value]


def _extra(
    headers: Iterable[tuple[str, str]], prefixes: Iterable[str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    for header, value in headers:
        for prefix in prefixes:
            if header.lower().startswith(prefix.lower()):
                key = urllib.parse.unquote(header[len(prefix) :].lower())
                found.setdefault(key, []).append(value)
    return tuple((key, tuple(values)) for key, values in sorted(found.items()))


def _texts(raw: Any) -> tuple[str, ...]:
    """Read a JSON list of texts; else nothing."""
    try:
        listed = json.loads(border.text(raw) or "[]")
    except ValueError:
        return ()
    return tuple(item for item in border.items(listed) if isinstance(item, str))
