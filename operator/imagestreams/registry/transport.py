"""One HTTP exchange with a registry: bounded in size and time, no cookies, no redirects of its own.

The only module that sends requests, over the connections of registry.connections. Above it, registry.auth
and registry.exchange decide what to send; below it is the network. What goes wrong comes out as an
UnreachableError or ProtocolError in words of registry.failures.
"""

from __future__ import annotations

import dataclasses
import math
import re
import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import requests.auth
import requests.structures
import requests.utils
import urllib3
import urllib3.exceptions

from imagestreams.errors import LimitedError, ProtocolError, UnreachableError
from imagestreams.registry.connections import Authorities, BoundedAdapter
from imagestreams.registry.failures import causes_of, explain_failure
from imagestreams.registry.memory import Memory
from imagestreams.registry.pacing import Pauses, quota_left
from imagestreams.registry.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MANIFEST_LIMIT = 4 * 1024 * 1024
"""OCI distribution specification 1.1: registries should take manifests of up to 4 MiB."""


_HOSTS = 4096
_PLAIN_URL = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?/v2/[A-Za-z0-9._:/-]+")
_LIMITED = "it wants to be asked less often (429 or 503)"
TOO_SLOW = "it sent its answer too slowly"


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange, in seconds: to connect, between two reads, and over all."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 30.0
    rest: float = 60.0
    """For how long a connection is kept for the next exchange."""

    @property
    def question(self) -> float:
        """How long all exchanges of one question may take together."""
        return 2 * self.total


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A registry's answer, its body read in full."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    authorized: bool = False
    """Whether it was asked with a credential or a token (registry.exchange knows)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One request to send."""

    method: str
    url: str
    authorization: str | None = dataclasses.field(default=None, repr=False)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    form: Mapping[str, str] | None = dataclasses.field(default=None, repr=False)
    insecure: bool = False
    """Do not verify the certificate."""
    authorities: str = ""
    """CAs to trust besides the operator's own, as PEM."""
    limit: int = MANIFEST_LIMIT
    """How many bytes the answer may have."""
    deadline: float = math.inf
    """When its time is over at the latest (of time.monotonic), the limits of one exchange aside."""


class _Authorization(requests.auth.AuthBase):
    """Sets our header, or none: without an auth object requests takes what a redirect's address holds."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


class Transport:
    """Sends requests, but not to a host that wants to be left alone.

    Thread-safe. Without a requests.Session, which for each request looks through the environment, ~/.netrc,
    merges cookies, and reads the whole body of a redirect: what is sent is what is said here.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        limits: Limits | None = None,
        ca_file: str = "",
        pauses: Pauses | None = None,
        quota: Callable[[str, int], None] = lambda _host, _left: None,
    ) -> None:
        """`ca_file` is a PEM bundle to trust instead of the system's, "" for the system's.

        `quota` is told how many requests a host still allows, when it says so.
        Raises StartError when the file cannot be read.
        """
        self.limits = limits or Limits()
        # A small compressed answer may be a huge one; and digests are of the bytes as they are served.
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._pauses = pauses or Pauses()
        self._quota = quota
        self._watchdog = Watchdog()
        self._adapter = BoundedAdapter(
            self._watchdog,
            ca_file=ca_file,
            rest=self.limits.rest,
            pool_connections=64,
            pool_maxsize=32,
            max_retries=0,
        )
        self._has_proxies = bool(urllib.request.getproxies())
        self._proxies: Memory[str, Mapping[str, str]] = Memory(_HOSTS)
        # An insecure tag says so in its spec; a warning per request on stderr tells nobody more.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def send(self, request: Request) -> Answer:
        """Send one request and read its answer, whatever its status.

        Raises UnreachableError (with TlsError below it) when there is no answer in time,
        ProtocolError when the answer is larger than its limit or is not HTTP, and LimitedError when the host
        wants to be left alone: it just said so, or said so before, and then nothing is sent.
        """
        parts = urlsplit(request.url)
        # What is said in the clear says nothing of the host that speaks TLS.
        host = f"{parts.scheme}://{parts.netloc}"
        if left := self._pauses.left(host):
            raise LimitedError(_LIMITED, left)
        answer = self._answer(request)
        if (remaining := quota_left(answer.headers)) is not None:
            self._quota(parts.netloc.rpartition("@")[2], remaining)
        if wait := self._pauses.answered(host, answer.status, answer.headers):
            raise LimitedError(_LIMITED, wait)
        return answer

    def _answer(self, request: Request) -> Answer:
        deadline = min(time.monotonic() + self.limits.total, request.deadline)
        try:
            try:
                answer = self._exchange(request, deadline)
            except requests.exceptions.ConnectionError as error:
                # A kept-alive connection that the registry closed meanwhile shows only when it is used, as an
                # end without an answer (a kind of reset) or as a reset.
                stale = any(
                    isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in causes_of(error)
                )
                if not stale or time.monotonic() >= deadline:
                    raise
                answer = self._exchange(request, deadline)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if time.monotonic() >= deadline:
                raise UnreachableError(TOO_SLOW) from error
            raise explain_failure(error, connect=self.limits.connect, read=self.limits.read) from error
        if time.monotonic() >= deadline:
            # A head or a body that the watchdog cut short reads as one that ended there.
            raise UnreachableError(TOO_SLOW)
        return answer

    def close(self) -> None:
        """Close every pooled connection."""
        self._adapter.close()

    def _exchange(self, request: Request, deadline: float) -> Answer:
        left = deadline - time.monotonic()
        if left <= 0:
            raise UnreachableError(TOO_SLOW)
        prepared = self._prepare(request)
        with self._watchdog.until(deadline):
            response = self._adapter.send(
                prepared,
                stream=True,
                timeout=(min(self.limits.connect, left), min(self.limits.read, left)),
                verify=Authorities(request.authorities) if request.authorities else not request.insecure,
                proxies=self._proxies_for(request.url),
            )
            try:
                body = b"" if request.method == "HEAD" else _read(response, request.limit)
            except BaseException:
                response.raw.close()
                raise
        # No longer watched, for now it is others'. Given back by hand: closing the response would close the
        # connection, and each check open a new one.
        response.raw.release_conn()
        return Answer(response.status_code, response.headers, body)

    def _prepare(self, request: Request) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        headers = {**self._headers, **request.headers}
        if request.form is None and _PLAIN_URL.fullmatch(request.url):
            # There is nothing to encode: a tenth of what a check costs is spared.
            prepared.method, prepared.url = request.method, request.url
            prepared.headers = requests.structures.CaseInsensitiveDict(headers)
            _Authorization(request.authorization)(prepared)
        else:
            prepared.prepare(
                method=request.method,
                url=request.url,
                headers=headers,
                data=request.form,
                auth=_Authorization(request.authorization),
            )
        return prepared

    def _proxies_for(self, url: str) -> Mapping[str, str]:
        """Give $HTTP_PROXY, $HTTPS_PROXY and $ALL_PROXY, unless $NO_PROXY names the host."""
        if not self._has_proxies:
            return {}
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        proxies = self._proxies.get(origin)
        if proxies is None:
            # The library tries a quarter of a millisecond to read it out of the environment, which stays.
            proxies = requests.utils.get_environ_proxies(origin)
            self._proxies.put(origin, proxies)
        return proxies


def _read(response: requests.Response, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(65536, decode_content=False):
        size += len(chunk)
        if size > limit:
            what = ", more than any manifest may be" if limit == MANIFEST_LIMIT else ""
            raise ProtocolError(f"its answer is larger than {limit // 1024} KiB{what}")
        chunks.append(chunk)
    return b"".join(chunks)
