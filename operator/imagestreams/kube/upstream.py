"""The API server behind the image API, asynchronously: one request, or a watch that holds no thread.

What it answers in error is passed on as it is (StatusError): its words are those that clients know. Beside
kube.api, which blocks and is the operator's; who we are comes from there.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.parse
from typing import TYPE_CHECKING, Any

import aiohttp
import yarl

from imagestreams.errors import StatusError
from imagestreams.kube.api import JSON, cluster_configuration, proxy_of
from imagestreams.kube.list_reading import ListReader, Piece
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from kubernetes.client import Configuration

_TIMEOUT = aiohttp.ClientTimeout(total=60.0, sock_connect=5.0)
_LIST_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=60.0)
"""A list comes as fast as it is read; who reads it has a time of its own."""
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5.0)
_ANSWER_MOST = 64 * 1024 * 1024
"""A list of ten thousand streams without a limit; as dicts it takes several times as much."""
_EVENT_MOST = 8 * 1024 * 1024
"""An object is 3 MiB at most; JSON may take more."""
_CONNECTIONS = 100


class Upstream:
    """The API server. Used in one event loop; opened and closed by facade."""

    def __init__(self, *, user_agent: str) -> None:
        """Find the cluster as kubectl does, behind a proxy, too. Raises StartError when there is none."""
        self._configuration = cluster_configuration()
        self._proxy = proxy_of(self._configuration)
        self._root = str(self._configuration.host).rstrip("/")
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Be ready to ask."""
        # Each watch holds a connection for its whole life, and must leave room for the others.
        connector = aiohttp.TCPConnector(ssl=_context(self._configuration), limit=0, keepalive_timeout=60.0)
        # What the environment says of proxies, and no more, is read with the rest of how to get there.
        self._session = aiohttp.ClientSession(connector=connector, proxy=self._proxy or None)
        self._turns = asyncio.Semaphore(_CONNECTIONS)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        user_agent: str = "",
    ) -> dict[str, Any]:
        """Make a request and read the answer; `body` is JSON, or bytes that are sent as they are.

        By `user_agent` the API server tells whose write it is, where no field manager says so.

        Raises StatusError: what the API server answered, or 503 where it did not.
        """
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self._turns:
            try:
                request = self._ask(
                    method,
                    path,
                    query=query,
                    timeout=_TIMEOUT,
                    body=sent,
                    content_type=content_type,
                    accept=accept,
                    user_agent=user_agent,
                )
                async with request as answer:
                    content = await _read(answer)
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _unavailable(f"the API server did not answer ({type(error).__name__})") from error
        found = _object(content)
        if status >= 400:
            raise _error(status, found)
        if found is None:
            raise _unavailable("the API server answered what is no JSON object")
        return found

    async def pieces(
        self, path: str, query: Mapping[str, str], *, user_agent: str = ""
    ) -> AsyncGenerator[Piece]:
        """List a collection as it comes in, without ever having it as a whole.

        Raises StatusError as `request` does; where the API server ends too early, after some pieces.
        """
        reader = ListReader()
        try:
            # A list is read as slowly as its reader wants it: like a watch, it must leave room for others.
            request = self._ask("GET", path, query=query, timeout=_LIST_TIMEOUT, user_agent=user_agent)
            async with request as answer:
                if answer.status >= 400:
                    raise _error(answer.status, _object(await _read(answer)))
                async for chunk in answer.content.iter_any():
                    yield Piece(_readable(reader.feed(chunk)))
                rest = list(_readable(reader.end()))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unavailable(f"the API server did not answer ({type(error).__name__})") from error
        yield Piece(iter(rest), border.mapping(reader.beside.get("metadata")))

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[dict[str, Any]]:
        """Begin a watch: its events, as long as the API server tells them. Raises StatusError at once."""
        request = self._ask("GET", path, query={**query, "watch": "true"}, timeout=_WATCH_TIMEOUT)
        try:
            answer = await request.__aenter__()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unavailable(f"the API server did not answer ({type(error).__name__})") from error
        if answer.status >= 400:
            try:
                found = _object(await _read(answer))
            finally:
                answer.close()
            raise _error(answer.status, found)
        return _events(answer)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        timeout: aiohttp.ClientTimeout,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        user_agent: str = "",
    ) -> Any:
        assert self._session is not None, "open() comes first"  # noqa: S101  # a bug of ours
        headers = {"Accept": accept, "User-Agent": user_agent or self._user_agent}
        if body is not None:
            headers["Content-Type"] = content_type
        if token := self._configuration.auth_settings().get("BearerToken", {}).get("value"):
            headers["Authorization"] = token
        return self._session.request(
            method,
            yarl.URL(self._root + urllib.parse.quote(path, safe="/:@"), encoded=True),
            params=dict(query or {}),
            data=body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            server_hostname=self._configuration.tls_server_name or None,
        )


def _context(configuration: Configuration) -> ssl.SSLContext | bool:
    if not str(configuration.host).startswith("https:"):
        return True
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > _ANSWER_MOST:
            raise _unavailable("the API server's answer is too large; ask for it in parts (limit, continue)")
        parts.append(chunk)
    return b"".join(parts)


async def _events(answer: aiohttp.ClientResponse) -> AsyncGenerator[dict[str, Any]]:
    rest = b""
    try:
        async for chunk in answer.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = _object(line)
                if event is not None and isinstance(event.get("object"), dict):
                    yield event
            if len(rest) > _EVENT_MOST:
                return
    except (aiohttp.ClientError, TimeoutError, OSError):
        # Whoever watches asks again: a watch may end at any time.
        return
    finally:
        answer.close()


def _unavailable(why: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", why, {"retryAfterSeconds": 1})


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _readable(items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    try:
        yield from items
    except (ValueError, RecursionError) as error:
        raise _unavailable("the API server answered what is no JSON object") from error


def _error(status: int, found: dict[str, Any] | None) -> StatusError:
    told = found or {}
    reason = border.text(told.get("reason")) or "InternalError"
    message = border.text(told.get("message")) or f"the API server answered {status}"
    return StatusError(status, reason, message, border.mapping(told.get("details")))
