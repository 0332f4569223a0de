"""Asking a repository for a path: by TLS or not, with its challenge met, redirects followed with care.

Between registry.client, which knows what to ask, and registry.transport, which sends one request.
Credentials and tokens never follow a redirect to another host.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from imagestreams.errors import (
    LimitedError,
    PasswordError,
    ProtocolError,
    RegistryError,
    UnauthorizedError,
    UnreachableError,
)
from imagestreams.registry.auth import Authenticator, Door
from imagestreams.registry.failures import CLOSED_EARLY, TlsError
from imagestreams.registry.manifests import ACCEPT
from imagestreams.registry.memory import Memory
from imagestreams.registry.transport import MANIFEST_LIMIT, Answer, Request
from imagestreams.registry.wording import shown

if TYPE_CHECKING:
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.names import Place
    from imagestreams.registry.transport import Transport

_REDIRECTS = 3
_NOT_HERE = 400
_HOSTS = 4096
_PORTS = {"https": 443, "http": 80}


class ForeignChallengeError(UnauthorizedError):
    """The host that a registry redirects to wants a credential; no credential of the registry's is for it."""

    another_may_see = False


@dataclasses.dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks and how: which repository, with which credential, whom to trust, whether to do without TLS."""

    place: Place
    credential: Credential | None = None
    insecure: bool = False
    authorities: str = ""
    """CAs to trust besides the operator's own, as PEM."""
    deadline: float = math.inf
    """When the whole question's time is over (of time.monotonic)."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked for."""

    method: str
    path: str
    limit: int
    unless: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept": ACCEPT} | ({"If-None-Match": self.unless} if self.unless else {})


class Exchange:
    """Asks repositories. Thread-safe; remembers whether insecure hosts speak TLS or plain HTTP."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._auth = Authenticator(transport)
        self._schemes: Memory[str, str] = Memory(_HOSTS)

    def ask(
        self, visitor: Visitor, method: str, path: str, *, limit: int = MANIFEST_LIMIT, unless: str = ""
    ) -> Answer:
        """Ask for a path below the repository, such as "manifests/latest".

        With `unless`, an entity tag, what still has that tag is answered by 304, without a body.
        Raises UnreachableError, ProtocolError, ForeignChallengeError, and from the token realm
        UnauthorizedError and UnwellError. A 401 that cannot be met is an answer like any other.
        """
        contact, wish = visitor.place.contact, _Wish(method, path, limit, unless)
        if not visitor.insecure:
            return self._ask(visitor, "https", wish)
        known = self._schemes.get(contact)
        if known == "http":
            return self._ask_plain(visitor, wish)
        try:
            answer = self._ask(visitor, "https", wish)
        except UnreachableError as error:
            if not _may_be_plain(error, speaks_tls=known == "https"):
                raise
        else:
            self._schemes.put(contact, "https")
            return answer
        # As the original does: an insecure host is tried by TLS first, then by plain HTTP.
        self._schemes.forget(contact)
        try:
            answer = self._ask(visitor, "http", wish)
        except LimitedError:
            # Who wants to be left alone in plain HTTP speaks it.
            self._schemes.put(contact, "http")
            raise
        if answer.status != _NOT_HERE:
            self._schemes.put(contact, "http")
        return answer

    def _ask_plain(self, visitor: Visitor, wish: _Wish) -> Answer:
        """Ask a host that spoke plain HTTP before, and by TLS once where it seems to have moved there."""
        contact = visitor.place.contact
        seen: Answer | RegistryError
        try:
            seen = self._ask(visitor, "http", wish)
        except (ProtocolError, UnreachableError) as error:
            seen = error
        if isinstance(seen, Answer) and seen.status != _NOT_HERE:
            return seen
        self._schemes.forget(contact)
        # What a TLS server answers to plain HTTP: 400, an alert that is not HTTP, or nothing.
        if not isinstance(seen, UnreachableError) or str(seen) == CLOSED_EARLY:
            try:
                answer = self._ask(visitor, "https", wish)
            except UnreachableError as error:
                if isinstance(seen, Answer) and not _may_be_plain(error, speaks_tls=False):
                    raise
            else:
                self._schemes.put(contact, "https")
                return answer
        if isinstance(seen, Answer):
            return seen
        raise seen

    def _ask(self, visitor: Visitor, scheme: str, wish: _Wish) -> Answer:
        place = visitor.place
        door = Door(f"{scheme}://{place.contact}", place.repository, visitor.insecure, visitor.authorities)
        authorization = self._known_authorization(door, visitor)
        request = Request(
            wish.method,
            f"{door.base}/v2/{place.repository}/{wish.path}",
            authorization,
            wish.headers,
            insecure=visitor.insecure,
            authorities=visitor.authorities,
            limit=wish.limit,
            deadline=visitor.deadline,
        )
        answer = self._follow(request)
        if answer.status != 401:
            return answer if authorization is None else dataclasses.replace(answer, authorized=True)
        renewed = self._auth.challenged(
            answer, door, visitor.credential, refused=authorization, deadline=visitor.deadline
        )
        if renewed is None or renewed == authorization:
            return answer
        answer = self._follow(dataclasses.replace(request, authorization=renewed))
        return dataclasses.replace(answer, authorized=True)

    def _known_authorization(self, door: Door, visitor: Visitor) -> str | None:
        try:
            return self._auth.authorization(door, visitor.credential, deadline=visitor.deadline)
        except PasswordError:
            # A password is not sent twice to find out whether the registry names another realm by now; who
            # asks next will see.
            self._auth.forget(door)
            raise
        except RegistryError:
            # The registry may name another realm by now. Asked bare it says which, and that one's failure,
            # if it fails too, is told.
            self._auth.forget(door)
            return None

    def _follow(self, request: Request) -> Answer:
        """Send a request and follow redirects.

        A 401 that comes back is the first host's own: raises ForeignChallengeError for another's, for who is
        redirected to gets no credential by asking for one.
        """
        at_home = True
        for _ in range(_REDIRECTS + 1):
            answer = self._transport.send(request)
            if answer.status == 401 and not at_home:
                host = shown(urlsplit(request.url).netloc.rpartition("@")[2])
                raise ForeignChallengeError(f"it redirects to {host}, which wants a credential of its own")
            if answer.status not in {301, 302, 303, 307, 308}:
                return answer
            target = _redirect_target(request.url, answer.headers.get("Location", ""))
            if _origin(request.url) != _origin(target):
                request = dataclasses.replace(request, authorization=None)
                at_home = False
            request = dataclasses.replace(request, url=target)
        raise ProtocolError(f"it redirects more than {_REDIRECTS} times")


def _redirect_target(url: str, location: str) -> str:
    if not location:
        raise ProtocolError("it redirects without saying where to")
    try:
        target = urljoin(url, location)
        before, after = _origin(url), _origin(target)
    except ValueError:
        raise ProtocolError("it redirects to what is no address") from None
    if after[0] not in {"https", before[0]}:
        raise ProtocolError("it redirects from TLS to something that is not")
    if not after[1]:
        raise ProtocolError("it redirects to what is no address")
    return target


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _may_be_plain(error: UnreachableError, *, speaks_tls: bool) -> bool:
    if isinstance(error, TlsError):
        return error.not_tls
    # Some hosts hang up on TLS; one that has spoken it was only interrupted.
    return not speaks_tls and str(error) == CLOSED_EARLY
