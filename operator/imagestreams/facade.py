"""The composition root of the image API, `imagestreams apiserver`: builds it, starts it, stops it in order.

Beside app, which is the operator's; both work alone. It keeps nothing: what is asked is read from the API
server. At its end v1 is left to another replica, or to the CRD; then what is being answered is answered.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as dt
import functools
import logging
import secrets
import signal
import ssl
from typing import TYPE_CHECKING, Any

from imagestreams import __version__
from imagestreams.errors import ClusterError, InvalidError, StartError, StatusError
from imagestreams.imageapi.accesses import Accesses
from imagestreams.imageapi.authority import Authority
from imagestreams.imageapi.documents import Documents
from imagestreams.imageapi.front_proxy import CONFIG_NAME, CONFIG_NAMESPACE, FrontProxy, read_config
from imagestreams.imageapi.image_view import view_image
from imagestreams.imageapi.import_images import ImportImages
from imagestreams.imageapi.import_writes import ImportWriter
from imagestreams.imageapi.imports import Imports
from imagestreams.imageapi.leaving import another_answers
from imagestreams.imageapi.mappings import Mappings
from imagestreams.imageapi.pull_secrets import PullSecrets
from imagestreams.imageapi.registering import Registering
from imagestreams.imageapi.resources import RESOURCES
from imagestreams.imageapi.server import Server
from imagestreams.imageapi.signatures import Signatures
from imagestreams.imageapi.stored import Kind, Stored
from imagestreams.imageapi.stream_edits import forced_tags
from imagestreams.imageapi.stream_images import StreamImages, StreamLayers
from imagestreams.imageapi.stream_tags import tag_handlers
from imagestreams.imageapi.stream_view import view_stream
from imagestreams.imageapi.stream_writes import written_status, written_stream
from imagestreams.importing.asking import Asker
from imagestreams.importing.effective import Defaults
from imagestreams.importing.gate import Gate
from imagestreams.importing.threads import Threads
from imagestreams.kube.api import Api
from imagestreams.kube.apiservices import ApiServices
from imagestreams.kube.images import ImageWriter
from imagestreams.kube.own_secret import OwnSecret
from imagestreams.kube.preflight import check_cluster
from imagestreams.kube.resources import CONFIG_MAPS, IMAGES, IMAGESTREAMS, SHARED_CERTIFICATE
from imagestreams.kube.streams import StreamWriter
from imagestreams.kube.upstream import Upstream
from imagestreams.metrics import Metrics
from imagestreams.model.image import image_name
from imagestreams.registry.clients import client_of
from imagestreams.registry.manifests import own_platform
from imagestreams.serving.certificates import names_of
from imagestreams.serving.health import HealthServer
from imagestreams.serving.sharing import SharedCertificates
from imagestreams.serving.trust import Trust

if TYPE_CHECKING:
    from imagestreams.imageapi.routing import Handler
    from imagestreams.settings import Settings

_log = logging.getLogger(__name__)
_USER_AGENT = f"imagestreams-api/{__version__}"
_THREADS = 2
_MOVING_ON = 3.0
_FRESH = 60.0
"""How often it is asked whose client certificates the API server uses, in seconds."""


class Facade:
    """The whole image API; `run` returns when it was told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._api = Api(threads=_THREADS, user_agent=_USER_AGENT)
        self._threads = concurrent.futures.ThreadPoolExecutor(_THREADS, "kube")
        self._registry_threads = Threads(settings.registry_threads)
        self._upstream = Upstream(user_agent=_USER_AGENT)
        self._proxy: FrontProxy | None = None
        service = settings.api_service.partition(":")[0]
        replica = f"imagestreams-api-{secrets.token_hex(4)}"
        # One certificate for all replicas: for the Service, not for the address that each listens at.
        names = names_of(service, settings.namespace, "")
        secret = OwnSecret(
            self._api,
            self._threads,
            self._metrics,
            namespace=settings.namespace,
            name=SHARED_CERTIFICATE,
            manager=replica,
        )
        self._certificates = SharedCertificates(secret, names)
        self._certificates.context.verify_mode = ssl.CERT_OPTIONAL
        self._documents = Documents(functools.partial(self._upstream.request, "GET"), RESOURCES)
        self._server = Server(
            handlers={
                **_handlers(self._upstream, settings.import_mode),
                "imagestreamimports": self._imports(),
                "imagestreammappings": self._mappings(),
            },
            front_proxy=self._trusted_proxy,
            authority=Authority(self._upstream),
            openapi=self._documents,
            ready=lambda: "" if self._proxy is not None else "starting",
            replica=replica,
            metrics=self._metrics,
        )
        self._services = ApiServices(self._api, self._threads, self._metrics)
        self._registering = Registering(
            self._services,
            namespace=settings.namespace,
            service=settings.api_service,
            asked=lambda: self._server.asked,
        )
        self._stop = asyncio.Event()

    def _imports(self) -> Imports:
        settings, metrics = self._settings, self._metrics
        client = client_of(settings, metrics, user_agent=_USER_AGENT)
        defaults = Defaults(settings.import_mode, settings.keep, settings.max_tags)
        asker = Asker(
            client.resolve,
            client.tags,
            self._registry_threads,
            gate=Gate(total=settings.registry_threads, share=settings.registry_share),
            platform=own_platform(),
            metrics=metrics,
        )
        images = ImageWriter(self._api, self._threads, metrics)
        writer = StreamWriter(self._api, self._threads, metrics)
        return Imports(
            self._upstream,
            asker=asker,
            accesses=Accesses(self._upstream, own_namespace=settings.namespace),
            images=ImportImages(asker, images, describe=client.describe, content=client.content),
            writer=ImportWriter(writer, defaults=defaults, timestamp=_timestamp),
            defaults=defaults,
            timestamp=_timestamp,
        )

    def _mappings(self) -> Mappings:
        settings = self._settings
        return Mappings(
            self._upstream,
            StreamWriter(self._api, self._threads, self._metrics),
            defaults=Defaults(settings.import_mode, settings.keep, settings.max_tags),
            timestamp=_timestamp,
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises StartError when it must not or cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await loop.run_in_executor(self._threads, check_cluster, self._api)
        await self._upstream.open()
        health = HealthServer(
            self._metrics, ready=lambda: self._proxy is not None and not self._stop.is_set()
        )
        if self._settings.listen:
            await health.start(self._settings.listen)
        try:
            await self._learn_proxy()
            await self._learn_certificate()
            self._documents.renew()
            await self._server.start(self._settings.api_listen, self._certificates.context)
            trust = Trust(self._certificates, self._registering, now=_now, what="the image API")
            works = [asyncio.create_task(run) for run in (trust.run(), self._keep_learning())]
            for work in works:
                work.add_done_callback(lambda _: self._stop.set())
            _log.info("the image API %s has started", __version__)
            await self._stop.wait()
            for work in works:
                work.cancel()
            await self._leave()
        finally:
            await self._server.close()
            await health.close()
            await self._upstream.close()
            self._registry_threads.close()
            self._threads.shutdown(wait=False, cancel_futures=True)
        for work in works:
            if not work.cancelled() and work.done() and work.exception() is not None:
                work.result()
        _log.info("stopped")

    def _trusted_proxy(self) -> FrontProxy:
        assert self._proxy is not None  # noqa: S101  # nothing is served before it is known
        return self._proxy

    async def _learn_proxy(self) -> None:
        try:
            proxy = read_config(
                await self._upstream.request("GET", CONFIG_MAPS.path(CONFIG_NAMESPACE, CONFIG_NAME))
            )
        except (StatusError, InvalidError) as error:
            raise StartError(f"whom the API server's requests come from is not known: {error}") from error
        if self._proxy is None:
            self._certificates.context.load_verify_locations(cadata=proxy.authority)
        elif proxy.authority != self._proxy.authority:
            # What is trusted once, TLS trusts for the life of the process: one that is withdrawn must not be.
            _log.warning(
                "the CA of the API server's client certificate is another: the image API starts anew"
            )
            self._stop.set()
        self._proxy = proxy

    async def _learn_certificate(self) -> None:
        try:
            await self._certificates.renew(_now())
        except ClusterError as error:
            raise StartError(f"the certificate of the image API is not known: {error}") from error

    async def _keep_learning(self) -> None:
        while True:
            await asyncio.sleep(_FRESH)
            try:
                await self._learn_proxy()
            except StartError as error:
                _log.warning("%s; what was known counts on", error)

    async def _leave(self) -> None:
        self._server.leave()
        if await another_answers(self._services.replica):
            _log.info("v1 stays with another replica")
            # Until the last proxy of the Service has heard of it, requests come here.
            await asyncio.sleep(_MOVING_ON)
            return
        try:
            await self._registering.leave()
        except ClusterError as error:
            _log.warning(
                "v1 could not be handed back to the CRD: %s; the operator does it in a minute", error
            )


def _handlers(upstream: Upstream, mode: str) -> dict[str, Handler]:
    streams = Stored(
        Kind(
            "ImageStream",
            IMAGESTREAMS,
            view=functools.partial(view_stream, mode=mode),
            store=functools.partial(written_stream, mode=mode),
            store_status=functools.partial(written_status, mode=mode),
            forced=forced_tags,
        ),
        upstream,
    )
    images = Stored(Kind("Image", IMAGES, view=view_image, store=_as_sent, stored_name=image_name), upstream)
    return {
        "images": images,
        "imagestreams": streams,
        "imagestreams/status": streams,
        "imagestreams/layers": StreamLayers(upstream),
        "imagestreams/secrets": PullSecrets(upstream),
        "imagesignatures": Signatures(upstream, timestamp=_timestamp),
        "imagestreamimages": StreamImages(upstream),
        **tag_handlers(upstream, mode=mode),
    }


def _as_sent(submitted: dict[str, Any], _before: dict[str, Any] | None) -> dict[str, Any]:
    # Only the original's registry and `oc adm prune` write Images, and what they write is what is stored.
    return submitted


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _timestamp() -> str:
    return _now().strftime("%Y-%m-%dT%H:%M:%SZ")
