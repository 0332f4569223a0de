"""Asking a repository for a path: by TLS or not, with its challenge met, redirects followed with care.

Between registry.client, which knows what to ask, and registry.transport, which sends one request.
Credentials and tokens never follow a redirect to another host.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from imagestreams.errors import ProtocolError, UnreachableError
from imagestreams.registry.auth import Authenticator, Door
from imagestreams.registry.manifests import ACCEPT
from imagestreams.registry.transport import CLOSED_EARLY, MANIFEST_LIMIT, Request, TlsError

if TYPE_CHECKING:
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.names import Place
    from imagestreams.registry.transport import Answer, Transport

_REDIRECTS = 3
_NOT_HERE = 400


@dataclasses.dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks and how: which repository, with which credential, and whether TLS may be done without."""

    place: Place
    credential: Credential | None = None
    insecure: bool = False


class Exchange:
    """Asks repositories. Thread-safe; remembers whether insecure hosts speak TLS or plain HTTP."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._auth = Authenticator(transport)
        self._schemes: dict[str, str] = {}

    def ask(self, visitor: Visitor, method: str, path: str, *, limit: int = MANIFEST_LIMIT) -> Answer:
        """Ask for a path below the repository, such as "manifests/latest".

        Raises UnreachableError, ProtocolError, and from the token realm UnauthorizedError and UnwellError.
        A 401 that cannot be met is an answer like any other.
        """
        contact = visitor.place.contact
        if not visitor.insecure:
            return self._ask(visitor, "https", method, path, limit)
        known = self._schemes.get(contact)
        if known != "http":
            try:
                answer = self._ask(visitor, "https", method, path, limit)
            except UnreachableError as error:
                if not _may_be_plain(error, speaks_tls=known == "https"):
                    raise
            else:
                self._schemes[contact] = "https"
                return answer
        # As the original does: an insecure host is tried by TLS first, then by plain HTTP.
        self._schemes.pop(contact, None)
        answer = self._ask(visitor, "http", method, path, limit)
        # 400 is what a TLS server, too, answers to plain HTTP: no sign of what is spoken there.
        if answer.status != _NOT_HERE:
            self._schemes[contact] = "http"
        return answer

    def _ask(self, visitor: Visitor, scheme: str, method: str, path: str, limit: int) -> Answer:
        place = visitor.place
        door = Door(f"{scheme}://{place.contact}", place.repository, visitor.insecure)
        authorization = self._auth.authorization(door, visitor.credential)
        request = Request(
            method,
            f"{door.base}/v2/{place.repository}/{path}",
            authorization,
            {"Accept": ACCEPT},
            insecure=visitor.insecure,
            limit=limit,
        )
        answer, here = self._follow(request)
        if answer.status != 401 or not here:
            # Who is redirected to gets no credential by asking for one.
            return answer
        renewed = self._auth.challenged(answer, door, visitor.credential)
        if renewed is None or renewed == authorization:
            return answer
        return self._follow(dataclasses.replace(request, authorization=renewed))[0]

    def _follow(self, request: Request) -> tuple[Answer, bool]:
        """Send a request and follow redirects; tell also whether the answer is the first host's own."""
        here = True
        for _ in range(_REDIRECTS + 1):
            answer = self._transport.send(request)
            if answer.status not in {301, 302, 303, 307, 308}:
                return answer, here
            try:
                target = urljoin(request.url, answer.headers.get("Location", ""))
                before, after = urlsplit(request.url), urlsplit(target)
            except ValueError:
                raise ProtocolError("it redirects to what is no address") from None
            if after.scheme not in {"https", before.scheme}:
                raise ProtocolError("it redirects from TLS to something that is not")
            if (before.scheme, before.netloc) != (after.scheme, after.netloc):
                request = dataclasses.replace(request, authorization=None)
                here = False
            request = dataclasses.replace(request, url=target)
        raise ProtocolError(f"it redirects more than {_REDIRECTS} times")


def _may_be_plain(error: UnreachableError, *, speaks_tls: bool) -> bool:
    if isinstance(error, TlsError):
        return error.not_tls
    # Some hosts hang up on TLS; one that has spoken it was only interrupted.
    return not speaks_tls and CLOSED_EARLY in str(error)
