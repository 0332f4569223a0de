"""Asking a registry for one tag: the question made, shared, sent in a thread, the answer made an outcome.

Between importing.work, which says what to ask when, and registry.client, which asks. Two tags that want to
know the same at the same time cost one question.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError, Reason, RegistryError, Retry
from imagestreams.importing.plan import retry_text
from imagestreams.importing.record import Failed, Imported
from imagestreams.model.reference import parse_reference
from imagestreams.model.stream import IMPORT_MODE_PRESERVE
from imagestreams.registry.client import Question
from imagestreams.registry.credentials import choose
from imagestreams.registry.manifests import Platform
from imagestreams.registry.names import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    from imagestreams.importing.gate import Gate
    from imagestreams.importing.plan import Ask
    from imagestreams.importing.record import Outcome
    from imagestreams.metrics import Metrics
    from imagestreams.model.status import Intent
    from imagestreams.registry.client import Resolution
    from imagestreams.registry.credentials import Login

_log = logging.getLogger(__name__)


class Asker:
    """Asks registries, in threads of its own, from one event loop."""

    def __init__(
        self,
        resolve: Callable[[Question], Resolution],
        threads: Executor,
        *,
        gate: Gate,
        platform: Platform,
        metrics: Metrics,
    ) -> None:
        """`resolve` is RegistryClient.resolve; `platform` is what Legacy imports take of an index."""
        self._client_resolve = resolve
        self._threads = threads
        self._platform = platform
        self._metrics = metrics
        self._gate = gate
        self._questions: dict[tuple[Question, str], asyncio.Task[Resolution | RegistryError]] = {}

    async def ask(self, namespace: str, ask: Ask, logins: Iterable[Login]) -> tuple[Outcome, Retry | None]:
        """Ask for a tag of a namespace's stream, with what its pull secrets hold.

        The answer is its outcome and, for a failure, how soon asking again can help.
        """
        try:
            return await self._ask(namespace, ask, logins)
        except Exception:  # noqa: BLE001
            # A bug of ours in reading one registry's answer is that tag's condition, not everybody's end.
            _log.exception("asking for %s failed", ask.intent.name)
            message = f"{ask.intent.name}: the operator failed to read the answer; its log says more"
            return Failed(ask.intent, Reason.INTERNAL_ERROR, message), Retry.TRANSIENT

    def close(self) -> None:
        """Give up what is being asked."""
        for task in self._questions.values():
            task.cancel()

    async def _ask(self, namespace: str, ask: Ask, logins: Iterable[Login]) -> tuple[Outcome, Retry | None]:
        try:
            reference = parse_reference(ask.intent.name)
        except InvalidError as error:
            message = f"{error}. Correct spec.tags[].from.name"
            return Failed(ask.intent, Reason.INVALID, message), Retry.PERMANENT
        place = place_of(reference)
        question = Question(
            reference=reference,
            platform=self._platform_of(ask.intent),
            insecure=ask.intent.insecure,
            credentials=choose(logins, place),
        )
        answer = await self._share(namespace, place.host, question, ask.intent.requested_at)
        if isinstance(answer, RegistryError):
            self._metrics.imports.labels(self._metrics.host(place.host), str(answer.reason)).inc()
            return Failed(ask.intent, answer.reason, f"{answer}. {retry_text(answer.retry)}"), answer.retry
        self._metrics.imports.labels(self._metrics.host(place.host), "ok").inc()
        return Imported(ask.intent, reference.at(answer.digest), answer.digest), None

    def _platform_of(self, intent: Intent) -> Platform | None:
        if intent.import_mode == IMPORT_MODE_PRESERVE:
            return None
        own = self._platform
        return Platform(intent.prefer_os or own.os, intent.prefer_arch or own.architecture)

    async def _share(
        self, namespace: str, host: str, question: Question, token: str
    ) -> Resolution | RegistryError:
        """Ask once what several tags want to know at the same time.

        A request made by hand joins no question that began before it: its answer may be from before the push.
        """
        task = self._questions.get((question, token))
        if task is None:
            task = asyncio.create_task(self._resolve(namespace, host, question))
            self._questions[question, token] = task
            task.add_done_callback(lambda _: self._questions.pop((question, token), None))
        return await task

    async def _resolve(self, namespace: str, host: str, question: Question) -> Resolution | RegistryError:
        async with self._gate.passing(namespace, host):
            return await self._resolve_now(host, question)

    async def _resolve_now(self, host: str, question: Question) -> Resolution | RegistryError:
        loop = asyncio.get_running_loop()
        self._metrics.under_way.inc()
        started = loop.time()
        try:
            return await loop.run_in_executor(self._threads, self._client_resolve, question)
        except RegistryError as error:
            return error
        finally:
            self._metrics.under_way.dec()
            self._metrics.import_seconds.labels(self._metrics.host(host)).observe(loop.time() - started)
