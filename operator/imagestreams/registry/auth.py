"""Answering a registry's challenge: Basic, or a Bearer token from the realm it names.

The flow of the distribution project's token specification. A credential goes to the host it is for, or
to the realm that this host itself names over TLS (plain HTTP only where the tag is insecure by policy);
a token goes only to the host whose challenge it answers. Above: registry.client; below: registry.transport.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from imagestreams.errors import ProtocolError, UnauthorizedError, UnwellError
from imagestreams.registry.challenge import parse_challenges
from imagestreams.registry.transport import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.registry.challenge import Challenge
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.transport import Answer, Transport

_CLIENT = "imagestreams"
_TOKEN_LIMIT = 1024 * 1024
_LIFETIME_DEFAULT = 60.0
_LIFETIME_MOST = 24 * 3600.0
_LIFETIME_SHARE = 0.8


@dataclasses.dataclass(frozen=True, slots=True)
class Door:
    """What an exchange is with: the base URL of a registry, a repository there, and how strict to be."""

    base: str
    repository: str
    insecure: bool

    @property
    def scope(self) -> str:
        """The scope of a token that may pull from the repository."""
        return f"repository:{self.repository}:pull"


@dataclasses.dataclass(frozen=True, slots=True)
class _Token:
    value: str = dataclasses.field(repr=False)
    expires: float


class Authenticator:
    """Knows which doors want what, and keeps tokens until four fifths of their life. Thread-safe."""

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._challenges: dict[Door, Challenge] = {}
        self._tokens: dict[tuple[str, str, str, str], _Token] = {}

    def authorization(self, door: Door, credential: Credential | None) -> str | None:
        """Give the header value for a door as far as it is known what it wants; None to ask bare."""
        challenge = self._challenges.get(door)
        if challenge is None:
            return None
        return self._answer(challenge, door, credential, renew=False)

    def challenged(self, answer: Answer, door: Door, credential: Credential | None) -> str | None:
        """Give the header value that meets the challenge of a 401; None when there is nothing to give.

        Raises UnauthorizedError when the realm refuses the credential, ProtocolError for a challenge
        that cannot be met, UnreachableError and UnwellError when the realm does not answer.
        """
        known = {challenge.scheme: challenge for challenge in _read_challenges(answer)}
        challenge = known.get("bearer") or known.get("basic")
        if challenge is None:
            return None
        with self._lock:
            self._challenges[door] = challenge
        return self._answer(challenge, door, credential, renew=True)

    def _answer(
        self, challenge: Challenge, door: Door, credential: Credential | None, *, renew: bool
    ) -> str | None:
        if challenge.scheme == "basic":
            return credential.basic if credential else None
        realm = challenge.parameters.get("realm", "")
        service = challenge.parameters.get("service", "")
        scope = challenge.parameters.get("scope") or door.scope
        key = (realm, service, scope, credential.key if credential else "")
        token = self._tokens.get(key)
        if renew or token is None or token.expires <= self._clock():
            token = self._fetch(realm, service, scope, door, credential)
            with self._lock:
                self._tokens[key] = token
        return f"Bearer {token.value}"

    def _fetch(
        self, realm: str, service: str, scope: str, door: Door, credential: Credential | None
    ) -> _Token:
        try:
            parts = urlsplit(realm)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ProtocolError("its challenge names no token realm that can be asked")
        if parts.scheme == "http" and not door.insecure:
            raise ProtocolError(
                f"it names a token realm over plain HTTP ({parts.netloc.rpartition('@')[2]}); "
                "a credential is not sent there unless importPolicy.insecure is set"
            )
        asked = {"service": service, "scope": scope}
        if credential is not None and credential.identity_token:
            identity = {
                "grant_type": "refresh_token",
                "refresh_token": credential.identity_token,
                "client_id": _CLIENT,
            }
            request = Request(
                "POST", realm, form=identity | asked, insecure=door.insecure, limit=_TOKEN_LIMIT
            )
        else:
            query = urlencode({name: value for name, value in asked.items() if value})
            url = f"{realm}{'&' if parts.query else '?'}{query}"
            basic = credential.basic if credential else None
            request = Request("GET", url, basic, insecure=door.insecure, limit=_TOKEN_LIMIT)
        answer = self._transport.send(request)
        return self._read_token(answer, parts.netloc.rpartition("@")[2])

    def _read_token(self, answer: Answer, realm: str) -> _Token:
        if answer.status in {400, 401, 403}:
            raise UnauthorizedError(f"the token realm {realm} refused ({answer.status})")
        if answer.status == 429 or answer.status >= 500:
            raise UnwellError(f"the token realm {realm} answered {answer.status}")
        try:
            content: Any = json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            content = None
        body = content if isinstance(content, dict) else {}
        value = body.get("token") or body.get("access_token")
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise ProtocolError(f"the token realm {realm} answered {answer.status} without a token")
        lifetime = body.get("expires_in")
        seconds = min(lifetime, _LIFETIME_MOST) if isinstance(lifetime, int) else _LIFETIME_DEFAULT
        return _Token(value, self._clock() + max(seconds, _LIFETIME_DEFAULT) * _LIFETIME_SHARE)


def _read_challenges(answer: Answer) -> tuple[Challenge, ...]:
    return parse_challenges(answer.headers.get("WWW-Authenticate", ""))
