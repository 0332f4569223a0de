"""Why there is no answer, in words of ours: what the libraries below raise, told apart. Pure.

Their own words hold object addresses, which would make the same failure look new every time. Used by
registry.transport.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from typing import TYPE_CHECKING, Any

import urllib3.exceptions

from imagestreams.errors import ProtocolError, UnreachableError
from imagestreams.registry.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSED_EARLY = "it closed the connection before its answer was complete"


class TlsError(UnreachableError):
    """The TLS handshake failed. `not_tls` tells that the other side does not speak TLS at all."""

    # Whom one namespace does not trust another may.
    of_host = False

    def __init__(self, message: str, *, not_tls: bool = False) -> None:
        super().__init__(message)
        self.not_tls = not_tls


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Give an error with all that it came of, as the libraries nest them."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")
_REFUSALS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    # Above the others: what the proxy did not do is no fault of the registry's.
    ((urllib3.exceptions.ProxyError,), "the proxy cannot be reached"),
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), "its host name does not resolve"),
    ((ConnectionRefusedError,), "the connection was refused: nothing listens there"),
    # Below the one before: the library makes every failure to connect a kind of time-out.
    ((urllib3.exceptions.ConnectTimeoutError,), "no connection within {connect:.0f} s"),
    (
        (urllib3.exceptions.ReadTimeoutError, TimeoutError),
        "it accepted the connection but did not answer within {read:.0f} s",
    ),
    (
        (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected, http.client.IncompleteRead),
        CLOSED_EARLY,
    ),
)


def explain_failure(error: BaseException, *, connect: float, read: float) -> UnreachableError | ProtocolError:
    """Say why an exchange failed; `connect` and `read` are how many seconds it was given."""
    causes = list(causes_of(error))
    if (failed := _of_tls(causes)) is not None:
        return failed
    for cause in causes:
        if isinstance(cause, OSError) and (tunnel := _REFUSED_TUNNEL.match(str(cause))):
            return UnreachableError(f"the proxy gives no way to it (it answered {tunnel[1]})")
    for kinds, text in _REFUSALS:
        if any(isinstance(cause, kinds) for cause in causes):
            return UnreachableError(text.format(connect=connect, read=read))
    if any(isinstance(cause, http.client.HTTPException | urllib3.exceptions.DecodeError) for cause in causes):
        return ProtocolError("what it answered is not HTTP")
    return UnreachableError(f"the connection failed ({type(error).__name__})")


def _of_tls(causes: list[BaseException]) -> UnreachableError | None:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsError(f"its certificate is not trusted: {shown(cause.verify_message)}")
    # A connection that ends within TLS is no flaw of TLS: in the handshake the host may speak none at all.
    if any(isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError) for cause in causes):
        return UnreachableError(CLOSED_EARLY)
    if not any(isinstance(cause, ssl.SSLError) for cause in causes):
        return None
    text = " ".join(str(cause) for cause in causes).upper()
    not_tls = any(mark in text for mark in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"))
    return TlsError("it does not speak TLS" if not_tls else "TLS failed", not_tls=not_tls)
