"""The composition root: builds everything once, starts it in order, stops it in order.

Order: may we start (kube.preflight), pull secrets and rules, importer and follower, watches. The way back:
the watches end first, then what is under way, then the threads are left to themselves.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime as dt
import logging
import signal
import time
from typing import TYPE_CHECKING

import kopf

from imagestreams import __version__
from imagestreams.errors import ClusterError, StartError
from imagestreams.importing.effective import Defaults
from imagestreams.importing.gate import Gate
from imagestreams.importing.permitting import Permissions
from imagestreams.importing.threads import Threads
from imagestreams.importing.tools import Tools
from imagestreams.importing.work import Importer
from imagestreams.kube.api import Api
from imagestreams.kube.apiservices import ApiServices
from imagestreams.kube.events import EventPoster, Subject
from imagestreams.kube.images import ImageWriter
from imagestreams.kube.permissions import PermissionAsker
from imagestreams.kube.preflight import check_cluster
from imagestreams.kube.resources import GROUP, SERVED_VERSION
from imagestreams.kube.streams import StreamWriter
from imagestreams.kube.webhooks import WebhookConfiguration
from imagestreams.kube.workloads import WorkloadPatcher
from imagestreams.metrics import Metrics
from imagestreams.registry.clients import client_of
from imagestreams.registry.manifests import own_platform
from imagestreams.serving.handback import HandBack
from imagestreams.serving.health import HealthServer
from imagestreams.serving.webhook import Webhook
from imagestreams.triggering.admit import Admitter
from imagestreams.triggering.follow import Follower
from imagestreams.triggering.targets import read_targets
from imagestreams.watching.handlers import kopf_registry, kopf_settings
from imagestreams.watching.intake import Intake
from imagestreams.watching.kinds import Kinds
from imagestreams.watching.store import Store
from imagestreams.watching.sweep import Sweep

if TYPE_CHECKING:
    from imagestreams.importing.news import News
    from imagestreams.model.stream import Stream, StreamKey
    from imagestreams.settings import Settings
    from imagestreams.triggering.workload import Workload

_log = logging.getLogger(__name__)
_USER_AGENT = f"imagestreams/{__version__}"
_LAST_WRITES = 2.0
_LISTS = 2


class Operator:
    """The whole operator; `run` returns when it was told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = metrics = Metrics()
        targets = read_targets(settings.kinds)
        self._api = Api(threads=2 * settings.kube_threads + 1 + _LISTS + len(targets), user_agent=_USER_AGENT)
        self._threads = concurrent.futures.ThreadPoolExecutor(settings.kube_threads, "kube")
        self._registry_threads = Threads(settings.registry_threads)
        # A status must not wait for the thousand workloads that follow another.
        self._workload_threads = concurrent.futures.ThreadPoolExecutor(settings.kube_threads, "workload")
        # A kind whose lists hang keeps no status from being written.
        self._list_threads = concurrent.futures.ThreadPoolExecutor(_LISTS, "list")
        self._event_threads = concurrent.futures.ThreadPoolExecutor(1, "event")
        patcher = WorkloadPatcher(self._api, self._workload_threads, metrics)
        self._events = EventPoster(self._api, self._event_threads, busy=patcher.busy)
        self._store = Store(own_namespace=settings.namespace)
        self._permissions = Permissions(
            PermissionAsker(self._api, self._threads).ask,
            followed=self._foreign,
            changed=self._permission_changed,
        )
        self._follower = Follower(
            stream_of=self._store.stream,
            patcher=patcher,
            tell=self._tell_workload,
            metrics=metrics,
            permission=self._permissions.now,
            census=self._all_workloads,
        )
        client = client_of(settings, metrics, user_agent=_USER_AGENT)
        self._importer = Importer(
            Tools(
                streams=self._store,
                writer=StreamWriter(self._api, self._threads, metrics),
                permissions=self._permissions,
                resolve=client.resolve,
                describe=client.describe,
                images=ImageWriter(self._api, self._threads, metrics),
                image_grace=settings.image_grace,
                tags=client.tags,
                threads=self._registry_threads,
                gate=Gate(total=settings.registry_threads, share=settings.registry_share),
                writes_per_second=settings.writes_per_second,
                platform=own_platform(),
                metrics=metrics,
                tell=self._tell_stream,
                moved=self._follower.stream_changed,
                timestamp=_now,
                wall_clock=time.time,
            ),
            default_interval=settings.interval,
            defaults=Defaults(settings.import_mode, settings.keep, settings.max_tags),
        )
        self._intake = Intake(
            store=self._store,
            importer=self._importer,
            follower=self._follower,
            metrics=metrics,
            tell=self._tell,
        )
        self._watch_threads = concurrent.futures.ThreadPoolExecutor(len(targets), "watch")
        self._kinds = Kinds(
            self._api,
            self._list_threads,
            self._watch_threads,
            self._intake,
            targets,
            interval=settings.sweep_interval,
        )
        self._sweep = Sweep(
            self._api,
            self._threads,
            self._intake,
            interval=settings.sweep_interval,
            collect=self._importer.images.collect,
        )
        self._webhook = Webhook(
            settings.webhook_listen,
            namespace=settings.namespace,
            admitter=Admitter(
                targets=targets,
                stream_of=self._store.stream,
                permission=self._permissions.now,
                held=self._follower.held,
            ),
            configuration=WebhookConfiguration(self._api, self._threads, metrics),
            metrics=metrics,
        )
        self._hand_back = HandBack(
            ApiServices(self._api, self._threads, metrics), metrics, tell=self._tell_image_api
        )
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises StartError when it must not or cannot start, and whatever ended it unexpectedly.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, check_cluster, self._api)
        try:
            # Kopf does not start where a version that is registered is not served.
            await self._hand_back.before_start()
        except ClusterError as error:
            raise StartError(f"whether the image API is well cannot be found out: {error}") from error
        health = HealthServer(self._metrics, ready=self._ready.is_set)
        if self._settings.listen:
            await health.start(self._settings.listen)
        try:
            await self._sweep.load()
        except ClusterError as error:
            raise StartError(f"streams, pull secrets, CAs and rules cannot be listed: {error}") from error
        # Not before: of a stream that is not known yet, lookup would say that it is not there.
        await self._webhook.start()
        # Kopf cancels at its end every task that began after it; ours begin before, and end in `_cleanup`.
        runs = (
            self._importer.run(),
            self._importer.images.run(),
            self._sweep.run(),
            *self._kinds.runs(),
            self._permissions.run(),
            self._hand_back.run(),
        )
        works = [asyncio.create_task(run) for run in runs]
        if self._settings.webhook_listen:
            works.append(asyncio.create_task(self._webhook.run()))
        for work in works:
            work.add_done_callback(lambda _: self._stop.set())
        registry = kopf_registry(self._intake)

        async def cleanup(**_: object) -> None:
            await self._cleanup(health)

        kopf.on.cleanup(registry=registry)(cleanup)
        self._hear_signals()
        _log.info("imagestreams %s has started", __version__)
        try:
            await kopf.operator(
                registry=registry,
                settings=kopf_settings(),
                # Kopf would ask the system for our user's name, which a container's user may not have.
                identity="imagestreams",  # type: ignore[arg-type]  # a NewType of str that is not exported
                standalone=True,
                clusterwide=True,
                ready_flag=self._ready,
                stop_flag=self._stop,
            )
        finally:
            failed = [work for work in works if work.done()]
            for work in works:
                work.cancel()
            await self._webhook.close()
            await health.close()
            self._registry_threads.close()
            for threads in (
                self._threads,
                self._workload_threads,
                self._event_threads,
                self._list_threads,
                self._watch_threads,
            ):
                threads.shutdown(wait=False, cancel_futures=True)
        for work in failed:
            with contextlib.suppress(asyncio.CancelledError):
                work.result()
        _log.info("stopped")

    def _hear_signals(self) -> None:
        # Kopf does so a moment later; one that comes before must not end it without its last writes.
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    async def _cleanup(self, health: HealthServer) -> None:
        # Kopf's last step waits 5 s for every task that began after it: its own that waits for this flag,
        # and one for each connection that whoever reads our metrics, or the API server, keeps open.
        self._stop.set()
        await self._webhook.close()
        await health.close()
        self._permissions.close()
        await self._importer.close(within=_LAST_WRITES)
        await self._follower.close(within=_LAST_WRITES)

    def _foreign(self) -> list[tuple[str, StreamKey]]:
        return self._follower.foreign()

    def _permission_changed(self, namespace: str, stream: StreamKey) -> None:
        self._follower.permission_changed(namespace, stream)

    async def _all_workloads(self) -> None:
        await self._kinds.census()

    def _tell_stream(self, stream: Stream, item: News) -> None:
        subject = Subject(
            f"{GROUP}/{SERVED_VERSION}", "ImageStream", stream.key.namespace, stream.key.name, stream.uid
        )
        self._tell(subject, item.reason, item.message, item.warning)

    def _tell_workload(self, workload: Workload, reason: str, message: str, warning: bool) -> None:
        target, key = workload.target, workload.key
        subject = Subject(target.api_version, workload.kind, key.namespace, key.name, workload.uid)
        self._tell(subject, reason, message, warning)

    def _tell_image_api(self, reason: str, message: str) -> None:
        service = self._settings.api_service.partition(":")[0]
        self._tell(Subject("v1", "Service", self._settings.namespace, service, ""), reason, message, True)

    def _tell(self, subject: Subject, reason: str, message: str, warning: bool) -> None:
        self._events.post(subject, reason, message, warning=warning)


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
