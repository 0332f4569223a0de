"""Answering a registry's challenge: Basic, or a Bearer token from the realm it names.

A credential goes to the host it is for, or to the realm that this host itself names over TLS (plain HTTP only
where the tag is insecure by policy); a token goes only to the host whose challenge it answers. Above:
registry.exchange; below: registry.tokens, which fetches one token.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from imagestreams.errors import UnreachableError
from imagestreams.registry.challenge import parse_challenges
from imagestreams.registry.memory import Memory
from imagestreams.registry.tokens import Wanted, fetch_token
from imagestreams.registry.transport import TOO_SLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.transport import Answer, Transport

_LIFE_SHARE = 0.8
_SWEEP = 60.0
# In bytes, about: registries decide how many there are and how long. A usual token has 1 to 4 kB.
_TOKENS = 8 * 1024 * 1024
_CHALLENGES = 8 * 1024 * 1024
_OVERHEAD = 500

_Key = tuple[str, str, str, str, bool, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Door:
    """What an exchange is with: the base URL of a registry, a repository there, and whom to trust.

    What is learnt under one trust is not used under another: who trusts a CA of their own would else be
    able to name token realms for all.
    """

    base: str
    repository: str
    insecure: bool
    authorities: str = ""

    @property
    def scope(self) -> str:
        """The scope of a token that may pull from the repository."""
        return f"repository:{self.repository}:pull"


@dataclasses.dataclass(frozen=True, slots=True)
class _Challenge:
    """What is kept of a challenge that can be met."""

    scheme: str
    realm: str
    service: str
    scope: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Kept:
    header: str = dataclasses.field(repr=False)
    expires: float


class Authenticator:
    """Knows which doors want what, and keeps tokens until four fifths of their life. Thread-safe.

    Both memories are bounded. Who wants a token that another thread is fetching waits for that one.
    """

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._challenges: Memory[Door, _Challenge] = Memory(_CHALLENGES, _weigh_challenge)
        self._tokens: Memory[_Key, _Kept] = Memory(_TOKENS, _weigh_token)
        self._lock = threading.Lock()
        self._flights: dict[_Key, Future[_Kept]] = {}
        self._swept = clock()

    def authorization(
        self, door: Door, credential: Credential | None, *, deadline: float = math.inf
    ) -> str | None:
        """Give the header value for a door as far as it is known what it wants; None to ask bare.

        Raises what `challenged` does.
        """
        challenge = self._challenges.get(door)
        if challenge is None:
            return None
        return self._meet(challenge, door, credential, deadline)

    def challenged(
        self,
        answer: Answer,
        door: Door,
        credential: Credential | None,
        *,
        refused: str | None = None,
        deadline: float = math.inf,
    ) -> str | None:
        """Give the header value that meets the challenge of a 401; None when there is nothing to give.

        `refused` is what was sent and challenged; a token that came since then is given, and no new one
        fetched. The answer must be the door's own: what it names may see the credential.
        Raises UnauthorizedError when the realm refuses the credential, ProtocolError for a challenge that
        cannot be met, UnreachableError and UnwellError when the realm does not answer.
        """
        known = {challenge.scheme: challenge for challenge in _read_challenges(answer)}
        challenge = known.get("bearer") or known.get("basic")
        if challenge is None:
            return None
        self._challenges.put(door, challenge)
        return self._meet(challenge, door, credential, deadline, refused=refused)

    def forget(self, door: Door) -> None:
        """Forget what a door wants, so that it is asked bare and says so anew."""
        self._challenges.forget(door)

    def _meet(
        self,
        challenge: _Challenge,
        door: Door,
        credential: Credential | None,
        deadline: float,
        *,
        refused: str | None = None,
    ) -> str | None:
        if challenge.scheme == "basic":
            return credential.basic if credential else None
        scope = challenge.scope or door.scope
        wanted = Wanted(
            challenge.realm, challenge.service, scope, credential, door.insecure, door.authorities
        )
        kept = self._tokens.get(wanted.key)
        if kept is None or kept.header == refused or kept.expires <= self._clock():
            kept = self._fetch(wanted, deadline)
        return kept.header

    def _fetch(self, wanted: Wanted, deadline: float) -> _Kept:
        key = wanted.key
        with self._lock:
            under_way = self._flights.get(key)
            flight = under_way or self._flights.setdefault(key, Future())
        if under_way is not None:
            try:
                left = max(deadline - time.monotonic(), 0.0)
                return under_way.result(None if math.isinf(left) else left)
            except TimeoutError:
                raise UnreachableError(TOO_SLOW) from None
        try:
            token = fetch_token(self._transport, wanted, deadline=deadline)
            kept = _Kept(f"Bearer {token.value}", self._clock() + token.life * _LIFE_SHARE)
            self._keep(key, kept)
        except BaseException as error:
            # Whatever ends the flight ends it for those who wait for it, too.
            flight.set_exception(error)
            raise
        else:
            flight.set_result(kept)
            return kept
        finally:
            with self._lock:
                del self._flights[key]

    def _keep(self, key: _Key, kept: _Kept) -> None:
        now = self._clock()
        if now - self._swept >= _SWEEP:
            self._swept = now
            self._tokens.forget_where(lambda token: token.expires <= now)
        self._tokens.put(key, kept)


def _read_challenges(answer: Answer) -> list[_Challenge]:
    return [
        _Challenge(
            challenge.scheme,
            challenge.parameters.get("realm", "") if challenge.scheme == "bearer" else "",
            challenge.parameters.get("service", ""),
            challenge.parameters.get("scope", ""),
        )
        for challenge in parse_challenges(answer.headers.get("WWW-Authenticate", ""))
        if challenge.scheme in {"basic", "bearer"}
    ]


def _weigh_challenge(door: Door, challenge: _Challenge) -> int:
    texts = (door.base, door.repository, challenge.realm, challenge.service, challenge.scope)
    return _OVERHEAD + sum(map(len, texts))


def _weigh_token(key: _Key, kept: _Kept) -> int:
    return _OVERHEAD + sum(map(len, key[:4])) + len(kept.header)
