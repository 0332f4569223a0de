"""Asking a token realm for a token: by user and password, by identity token, or for nobody.

The flow of the distribution project's token specification. What the realm is and answers comes from the
registry, so it is bounded and checked here. Used by registry.auth, which says when; below is
registry.transport.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlencode, urlsplit

from imagestreams.errors import (
    LimitedError,
    PasswordError,
    ProtocolError,
    UnauthorizedError,
    UnreachableError,
    UnwellError,
)
from imagestreams.registry.failures import TlsError
from imagestreams.registry.transport import Request
from imagestreams.registry.wording import shown

if TYPE_CHECKING:
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.transport import Answer, Transport

_CLIENT = "imagestreams"
_ANSWER_LIMIT = 64 * 1024
_TOKEN_LIMIT = 16 * 1024
_LIFE_LEAST = 60.0
"""The specification's default, and the least that a client may count on."""
_LIFE_MOST = 24 * 3600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Which token is wanted: of which realm, for what, for whom."""

    realm: str
    service: str
    scope: str
    credential: Credential | None
    insecure: bool
    """The realm may be asked over plain HTTP, and its certificate is not verified."""
    authorities: str = ""
    """CAs to trust besides the operator's own, as PEM."""

    @property
    def key(self) -> tuple[str, str, str, str, bool, str]:
        """What to keep the token by; holds no secret."""
        whose = self.credential.key if self.credential else ""
        return self.realm, self.service, self.scope, whose, self.insecure, self.authorities


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A token, and for how many seconds from now it is good."""

    value: str = dataclasses.field(repr=False)
    life: float


def fetch_token(transport: Transport, wanted: Wanted, *, deadline: float = math.inf) -> Token:
    """Ask the realm for a token.

    Raises PasswordError when the realm refuses the credential (UnauthorizedError where there was none),
    ProtocolError for a realm that cannot be
    asked or answers no token, UnreachableError and UnwellError when it does not answer. All name the realm.
    """
    parts = _split_realm(wanted)
    host = shown(parts.netloc.rpartition("@")[2])
    request = dataclasses.replace(_request(wanted, parts), deadline=deadline)
    try:
        answer = transport.send(request)
    except TlsError as error:
        told = f"the token realm {host}: {error}"
        # Not as an error of TLS that is not spoken: it would be taken for the registry's own.
        raise (UnreachableError if error.not_tls else TlsError)(told) from error
    except (UnreachableError, ProtocolError) as error:
        raise type(error)(f"the token realm {host}: {error}") from error
    except LimitedError as error:
        raise LimitedError(f"the token realm {host}: {error}", error.wait) from error
    return _read(answer, host, wanted)


def _split_realm(wanted: Wanted) -> SplitResult:
    try:
        parts = urlsplit(wanted.realm)
        # The port is read only when asked for.
        named = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named:
        raise ProtocolError("its challenge names no token realm that can be asked")
    if parts.scheme == "http" and not wanted.insecure:
        raise ProtocolError(
            f"it names a token realm over plain HTTP ({shown(parts.netloc.rpartition('@')[2])}); "
            "a credential is not sent there unless importPolicy.insecure is set"
        )
    return parts


def _request(wanted: Wanted, parts: SplitResult) -> Request:
    asked = {"service": wanted.service, "scope": wanted.scope}
    credential = wanted.credential
    if credential is not None and credential.identity_token:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credential.identity_token,
            "client_id": _CLIENT,
        } | asked
        return Request(
            "POST",
            wanted.realm,
            form=form,
            insecure=wanted.insecure,
            authorities=wanted.authorities,
            limit=_ANSWER_LIMIT,
        )
    query = urlencode({name: value for name, value in asked.items() if value})
    url = f"{wanted.realm}{'&' if parts.query else '?'}{query}"
    basic = credential.basic if credential else None
    return Request(
        "GET", url, basic, insecure=wanted.insecure, authorities=wanted.authorities, limit=_ANSWER_LIMIT
    )


def _read(answer: Answer, host: str, wanted: Wanted) -> Token:
    if answer.status in {400, 401, 403}:
        # 401 is about who asks; 403 (and 400 from some) may be about the one repository.
        kind = PasswordError if wanted.credential and answer.status == 401 else UnauthorizedError
        raise kind(f"the token realm {host} refused ({answer.status})")
    if answer.status >= 500:
        raise UnwellError(f"the token realm {host} answered {answer.status}")
    try:
        content: Any = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        content = None
    body = content if isinstance(content, dict) else {}
    value = body.get("token") or body.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ProtocolError(f"the token realm {host} answered {answer.status} without a token")
    if len(value) > _TOKEN_LIMIT:
        raise ProtocolError(f"the token realm {host} gave a token longer than {_TOKEN_LIMIT // 1024} KiB")
    return Token(value, _life(body.get("expires_in")))


def _life(told: Any) -> float:
    # JSON also holds true, 1e400 (read as infinity), NaN and numbers that no float can be.
    if isinstance(told, bool) or not isinstance(told, int | float):
        return _LIFE_LEAST
    if not told > _LIFE_LEAST:
        return _LIFE_LEAST
    return float(min(told, _LIFE_MOST))
