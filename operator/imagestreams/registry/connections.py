"""The connections to registries: whom they trust, how long a head they read, who watches them.

`requests` asks its adapter for a connection; this one gives connections with bounds that http.client does
not have. Used by registry.transport; beside it is registry.watchdog.
"""

from __future__ import annotations

import http.client
import math
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import certifi
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.exceptions
from urllib3.util.ssl_ import create_urllib3_context

from imagestreams.errors import StartError
from imagestreams.registry.memory import Memory

if TYPE_CHECKING:
    from urllib3.poolmanager import PoolKey

    from imagestreams.registry.watchdog import Watchdog

HEAD_LIMIT = 64 * 1024
"""How many bytes the head of an answer may have, interim answers (100 Continue) included.

http.client takes a hundred lines of 64 KiB; parsed that is 26 MB a thread, and there are dozens of them.
"""

_ADDRESS_LEAST = 1.0
"""For how many seconds an address of several is tried at the least, within the time to connect."""

_ADDRESS_LEFT = 0.01
"""What is tried once more at the very end is given this: a socket takes no time below zero."""

_ORIGINS = 4096

# Each holds some hundred CAs: a megabyte or so.
_TRUSTS = 64


def trusting_context(ca_file: str) -> ssl.SSLContext:
    """Make a context that trusts the CAs of a PEM file, or ("") the system's and Mozilla's by certifi.

    The system's are what OpenSSL finds: $SSL_CERT_FILE and $SSL_CERT_DIR, else the distribution's own place;
    a slim image may have none. Raises StartError for a file that cannot be read.
    """
    context = create_urllib3_context()
    if not ca_file:
        context.load_default_certs()
        context.load_verify_locations(certifi.where())
        return context
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise StartError(
            f"IMAGESTREAMS_CA_FILE: {ca_file} holds no certificate; it must be a PEM file of CAs"
        ) from None
    except OSError as error:
        raise StartError(f"IMAGESTREAMS_CA_FILE: {ca_file} cannot be read: {error.strerror}") from None
    return context


class Authorities(str):
    """CAs to trust besides the operator's own, as PEM, in the place where `requests` takes a path."""

    __slots__ = ()


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """Connection pools whose connections are watched, bounded, and share one context a trust."""

    def __init__(self, watchdog: Watchdog, *, ca_file: str, rest: float, **options: Any) -> None:
        """`rest` is for how many seconds a connection is kept that nobody uses.

        Raises StartError for a `ca_file` that cannot be read.
        """
        self._pool_classes = _pool_classes(watchdog, rest)
        # The library would read all CAs for each new connection.
        self._ca_file = ca_file
        self._contexts = {
            True: trusting_context(ca_file),
            False: create_urllib3_context(cert_reqs=ssl.CERT_NONE),
        }
        self._widened: Memory[Authorities, ssl.SSLContext] = Memory(_TRUSTS)
        self._pool_keys: Memory[tuple[str, bool | str], PoolKey] = Memory(_ORIGINS)
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pool manager, as requests calls it."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Make the pool manager of a proxy, as requests calls it."""
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Give the pool of a request's host: without a proxy by the key that was worked out for it before.

        Working it out is a thirtieth of a check.
        """
        if proxies:
            return super().get_connection_with_tls_context(request, verify, proxies, cert)
        pools = self.poolmanager.pools
        origin = "/".join(request.url.split("/", 3)[:3]), verify
        key = self._pool_keys.get(origin)
        pool = pools.get(key) if key is not None else None
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            for other in pools.keys():  # noqa: SIM118  # it has no iterator
                if pools.get(other) is pool:
                    self._pool_keys.put(origin, other)
        return pool

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Say by what a request's connection is chosen: one that verifies is never one that does not."""
        host, tls = super().build_connection_pool_key_attributes(request, bool(verify), cert)
        return host, {**tls, "ssl_context": self._context(verify)}

    def _context(self, verify: Any) -> ssl.SSLContext:
        if not isinstance(verify, Authorities):
            return self._contexts[bool(verify)]
        context = self._widened.get(verify)
        if context is None:
            context = trusting_context(self._ca_file)
            context.load_verify_locations(cadata=verify)
            self._widened.put(verify, context)
        return context

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Set whether a pool verifies; whom it trusts its context knows already."""
        del url, cert
        conn.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"


class _Head:
    """Reads the lines of a head, up to a number of bytes in all."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = HEAD_LIMIT
        self.close = file.close
        self.flush = file.flush

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line


class _Response(http.client.HTTPResponse):
    """An answer whose head is bounded."""

    def begin(self, *arguments: Any, **options: Any) -> None:
        file = self.fp
        self.fp = _Head(file)  # type: ignore[assignment]  # of a file, http.client uses no more for a head
        try:
            super().begin(*arguments, **options)
        finally:
            # Where it failed, http.client has closed it.
            if self.fp is not None:
                self.fp = file


class _Connecting(urllib3.connection.HTTPConnection):
    """Connects to a host within the time to connect, however many addresses it has.

    The library gives each address that time: sixteen that are all behind a firewall would take minutes.
    """

    rests_since = math.inf

    def _new_conn(self) -> socket.socket:
        host, timeout = self._dns_host, self.timeout
        addresses = self._addresses(host)
        if len(addresses) < 2 or not isinstance(timeout, int | float):
            return super()._new_conn()
        ends = time.monotonic() + timeout
        try:
            for number, address in enumerate(addresses):
                left = max(ends - time.monotonic(), _ADDRESS_LEFT)
                self._dns_host = address
                self.timeout = min(max(left / (len(addresses) - number), _ADDRESS_LEAST), left)
                try:
                    return super()._new_conn()
                except urllib3.exceptions.HTTPError:
                    if address == addresses[-1] or time.monotonic() >= ends:
                        raise
        finally:
            self._dns_host, self.timeout = host, timeout
        raise AssertionError("the last address either connects or raises")

    def _addresses(self, host: str) -> list[str]:
        try:
            found = socket.getaddrinfo(host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise urllib3.exceptions.NameResolutionError(self.host, self, error) from error
        except (OSError, UnicodeError, OverflowError):
            # No name, no port: the library has errors of its own for them.
            return []
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _pool_classes(watchdog: Watchdog, rest: float) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Connection(_Connecting):
        response_class = _Response

        def getresponse(self) -> Any:
            watchdog.watch(self.sock)
            return super().getresponse()

    class TlsConnection(urllib3.connection.HTTPSConnection, _Connecting):
        response_class = _Response

        def getresponse(self) -> Any:
            watchdog.watch(self.sock)
            return super().getresponse()

    class Resting(urllib3.HTTPConnectionPool):
        def _get_conn(self, timeout: float | None = None) -> Any:
            connection: Any = super()._get_conn(timeout)
            # Firewalls and balancers forget a connection after some minutes, and do not say so: what is sent
            # over it then is answered by nobody. A closed one is opened anew.
            if time.monotonic() - connection.rests_since >= rest:
                connection.close()
            return connection

        def _put_conn(self, conn: Any) -> None:
            if conn is not None:
                conn.rests_since = time.monotonic()
            super()._put_conn(conn)

    class Pool(Resting):
        ConnectionCls = Connection

    class TlsPool(Resting, urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": Pool, "https": TlsPool}
