"""The image API on aiohttp with TLS: authenticates, authorizes, has a handler answer, gives the wanted form.

Thin: who asks is read by front_proxy, what for by routing, whether they may is asked by authority, the answer
is shaped by negotiation. Whatever comes in, a Status goes out at once where it cannot be done. Built by
facade.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web

from imagestreams import __version__
from imagestreams.errors import StatusError
from imagestreams.imageapi import answers, discovery, listing, negotiation
from imagestreams.imageapi.asking import Ask, Listing, Watch
from imagestreams.imageapi.front_proxy import FrontProxy, authenticate, common_name
from imagestreams.imageapi.resources import GROUP, VERSION
from imagestreams.imageapi.routing import route
from imagestreams.imageapi.sending import send
from imagestreams.kube.apiservices import REPLICA_HEADER
from imagestreams.serving import listening

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from imagestreams.imageapi.asking import User
    from imagestreams.imageapi.authority import Authority
    from imagestreams.imageapi.negotiation import Wish
    from imagestreams.imageapi.routing import Handler, Route
    from imagestreams.metrics import Metrics

_log = logging.getLogger(__name__)
_BODY_MOST = 8 * 1024 * 1024
_BODY_WITHIN = 30.0
_WATCH_LAST = 3600.0
_GONE_AFTER = 5.0
"""How often it is looked whether whoever watches is still there, in seconds."""
_CLOSING = 2.0
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_JSON = "application/json"


class Server:
    """Serves until it is closed."""

    def __init__(
        self,
        *,
        handlers: Mapping[str, Handler],
        front_proxy: Callable[[], FrontProxy],
        authority: Authority,
        openapi: Callable[[str], dict[str, Any] | None],
        ready: Callable[[], str],
        replica: str,
        metrics: Metrics,
    ) -> None:
        """`handlers` are by the paths of imageapi.resources.

        `openapi` gives the document of a path that begins with /openapi, None for none; `ready` says why the
        server is not, "" where it is; `replica` is its name among the others'.
        """
        self._handlers = handlers
        self._front_proxy = front_proxy
        self._authority = authority
        self._openapi = openapi
        self._ready = ready
        self._replica = replica
        self._metrics = metrics
        self._runner: web.AppRunner | None = None
        self._leaving = False
        self._ended = asyncio.Event()
        self.asked = float("-inf")
        """When the API server last asked for anything, by the event loop's clock."""

    async def start(self, listen: str, context: ssl.SSLContext) -> None:
        """Listen at HOST:PORT. Raises StartError when that cannot be had.

        `context` holds the certificate, and asks clients for theirs (front_proxy's CA) without insisting.
        """
        application = web.Application(client_max_size=_BODY_MOST)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = await listening.listen(
            application, listen, "IMAGESTREAMS_API_LISTEN", context=context, closing=_CLOSING
        )

    def leave(self) -> None:
        """Be ready no more, name ourselves no more, and end each connection after its answer."""
        self._leaving = True

    async def close(self) -> None:
        """Stop serving; watches end, and what is being answered has two seconds."""
        self._ended.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        response = await self._answer(request)
        if self._leaving and not response.prepared:
            response.force_close()
        return response

    def _why_not(self) -> str:
        return "ending" if self._leaving else self._ready()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path in _HEALTH:
            return self._health(request.path)
        verb = "other"
        try:
            user = self._user(request)
            # Answered before its body was read, a request has its connection closed under the next one.
            body = await _body(request)
            found = route(request.method, request.path, request.query)
            if found is None:
                return await self._beside(request)
            verb = found.verb
            return await self._resource(request, user, found, body)
        except StatusError as error:
            self._metrics.api_requests.labels(verb, str(error.code)).inc()
            return _status(error)
        except Exception:  # noqa: BLE001  # a bug of ours about one request must not be what ends another
            _log.exception("%s %s failed", request.method, request.path)
            self._metrics.api_requests.labels(verb, "500").inc()
            return _status(answers.internal("an error of the image API, told in its log"))

    def _health(self, path: str) -> web.Response:
        why = self._why_not() if path == "/readyz" else ""
        return web.Response(text=f"{why}\n" if why else "ok\n", status=503 if why else 200)

    def _user(self, request: web.Request) -> User:
        certificate = request.get_extra_info("peercert")
        headers = [(name, value) for name, value in request.headers.items()]
        user = authenticate(self._front_proxy(), common_name(certificate), headers)
        if user is None:
            raise answers.unauthorized()
        self.asked = asyncio.get_running_loop().time()
        return user

    async def _beside(self, request: web.Request) -> web.Response:
        """Answer what is about the API itself."""
        path = request.path.rstrip("/")
        if request.method not in {"GET", "HEAD"}:
            raise answers.not_found_path()
        if path == "/apis" and discovery.AGGREGATED in request.headers.get("Accept", ""):
            return _json(discovery.aggregated(), content_type=discovery.AGGREGATED)
        documents: dict[str, Callable[[], dict[str, Any]]] = {
            "/apis": discovery.groups,
            f"/apis/{GROUP}": discovery.group,
            f"/apis/{GROUP}/{VERSION}": discovery.resource_list,
            "/version": lambda: {"gitVersion": f"v{__version__}", "major": "1", "minor": "0"},
        }
        if path in documents:
            named = [] if self._why_not() else [(REPLICA_HEADER, self._replica)]
            return _json(documents[path](), headers=named)
        document = self._openapi(path) if path.startswith("/openapi/") else None
        if document is None:
            raise answers.not_found_path()
        return _json(document)

    async def _resource(
        self, request: web.Request, user: User, found: Route, body: bytes
    ) -> web.StreamResponse:
        wish = negotiation.negotiate(request.headers.get("Accept", ""))
        include = negotiation.included(request.query.get("includeObject", ""))
        ask = Ask(
            verb=found.verb,
            resource=found.resource.plural,
            subresource=found.resource.subresource,
            namespace=found.namespace,
            name=found.name,
            user=user,
            query=dict(request.query),
            content_type=request.content_type if body else "",
            body=body,
            user_agent=request.headers.get("User-Agent", ""),
        )
        await self._authority.check(ask)
        answer = await self._handlers[found.resource.path].answer(ask)
        if isinstance(answer, Watch):
            self._metrics.api_requests.labels(found.verb, "200").inc()
            return await self._watch(request, answer, wish, ask, include)
        if isinstance(answer, Listing):
            form = negotiation.list_form(answer.kind, wish, ask.resource, _now(), include=include)
            response = await send(request, listing.written(answer.pieces, form))
            self._metrics.api_requests.labels(found.verb, "200").inc()
            return response
        self._metrics.api_requests.labels(found.verb, str(answer.code)).inc()
        shown = negotiation.shape(answer.body, wish, ask.resource, _now(), include=include)
        return _json(shown, status=answer.code, headers=answers.warned(answer.warnings))

    async def _watch(
        self, request: web.Request, watch: Watch, wish: Wish, ask: Ask, include: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": _JSON})
        await response.prepare(request)

        async def tell() -> None:
            first = True
            async for event in watch.events:
                shown = negotiation.shape_event(
                    event, wish, ask.resource, _now(), include=include, first=first
                )
                first = False
                await response.write(json.dumps(shown).encode() + b"\n")

        telling = asyncio.create_task(tell())
        ended = asyncio.create_task(self._ended.wait())
        until = asyncio.get_running_loop().time() + _WATCH_LAST
        try:
            # Nobody tells that a client is gone; without events its watch would go on for an hour.
            while not (telling.done() or ended.done() or request.transport is None):
                if asyncio.get_running_loop().time() > until:
                    break
                await asyncio.wait({telling, ended}, timeout=_GONE_AFTER, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await telling
            await watch.events.aclose()
        return response


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_WITHIN):
            return await request.read()
    except TimeoutError:
        raise answers.bad_request(f"the body did not arrive within {_BODY_WITHIN:.0f} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise answers.too_large(f"the body is larger than {_BODY_MOST} bytes") from None


def _status(error: StatusError) -> web.Response:
    headers = [("Retry-After", str(after))] if (after := error.details.get("retryAfterSeconds")) else []
    return _json(answers.body(error), status=error.code, headers=headers)


def _json(
    body: dict[str, Any],
    *,
    status: int = 200,
    content_type: str = _JSON,
    headers: list[tuple[str, str]] | None = None,
) -> web.Response:
    content = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(
        body=content, status=status, headers=[("Content-Type", content_type), *(headers or [])]
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
