"""Asking a registry about one reference: where, with which credential, shared, in a thread, made an outcome.

Between importing.work, which says what to ask when, and registry.client, which asks once. The unit of work is
a question: a place, a version, a credential. Who wants to know the same at the same time shares its answer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast

from imagestreams.errors import (
    BlockedError,
    InvalidError,
    LimitedError,
    Reason,
    RegistryError,
    Retry,
    UnauthorizedError,
)
from imagestreams.importing.hosts import Hosts, Trouble
from imagestreams.importing.keyring import Keyring
from imagestreams.importing.plan import retry_text
from imagestreams.importing.record import Failed, Imported
from imagestreams.importing.repository import Unlisted, select
from imagestreams.model.reference import parse_reference, parse_repository
from imagestreams.model.stream import IMPORT_MODE_PRESERVE
from imagestreams.registry.client import Question, Resolution
from imagestreams.registry.exchange import Visitor
from imagestreams.registry.explain import explain
from imagestreams.registry.manifests import Platform
from imagestreams.registry.memory import Memory
from imagestreams.registry.names import place_of
from imagestreams.registry.wording import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from imagestreams.importing.gate import Gate
    from imagestreams.importing.plan import Ask
    from imagestreams.importing.record import Outcome
    from imagestreams.importing.repository import Listing, Wanted
    from imagestreams.metrics import Metrics
    from imagestreams.model.reference import Reference
    from imagestreams.model.status import Intent
    from imagestreams.registry.access import Access
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.listing import TagList
    from imagestreams.registry.names import Place

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

_PATIENCE = 60.0
"""For how many seconds further credentials are tried, once a registry takes its time to refuse."""
_ANSWERS = 50_000
_TOLD = 3
_TOLD_MOST = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Matter:
    """What is to be known of which reference, wherever it is asked for."""

    reference: Reference
    platform: Platform | None = None
    """Which child of an index is meant; None: the index itself."""
    insecure: bool = False
    token: str = ""
    """A request made by hand: it joins no question that began before it."""
    fresh: float = 0.0
    """How many seconds old a Resolution may be that was got for somebody else."""
    urgent: bool = False
    """Somebody waits for it: it goes before what is asked on schedule."""


class Asker:
    """Asks registries, in threads of its own, from one event loop."""

    def __init__(
        self,
        resolve: Callable[[Question], Resolution],
        tags: Callable[[Question], TagList],
        threads: Executor,
        *,
        gate: Gate,
        platform: Platform,
        metrics: Metrics,
    ) -> None:
        """`resolve` and `tags` are RegistryClient's; `platform` is what Legacy imports take of an index."""
        self._client_resolve = resolve
        self._client_tags = tags
        self._threads = threads
        self._platform = platform
        self._metrics = metrics
        self._gate = gate
        self._answers: Memory[bytes, Resolution] = Memory(_ANSWERS)
        self._questions: dict[tuple[Any, ...], asyncio.Task[Any]] = {}
        self._hosts = Hosts(
            lambda host, troubled: metrics.troubled.labels(metrics.host(host)).set(int(troubled))
        )
        self._keyring = Keyring(lambda: asyncio.get_running_loop().time())

    async def ask(self, namespace: str, ask: Ask, access: Access) -> tuple[Outcome, Trouble | None]:
        """Ask for a tag of a namespace's stream, with what the namespace has to ask with.

        The answer is its outcome and, for a failure, whose trouble it is and how soon asking again can help.
        """
        intent = ask.intent
        try:
            reference = parse_reference(intent.name)
        except InvalidError as error:
            message = f"{error}. Correct spec.tags[].from.name"
            return Failed(intent, Reason.INVALID, message), Trouble(Retry.PERMANENT)
        matter = Matter(
            reference,
            self._platform_of(intent),
            intent.insecure,
            intent.requested_at,
            fresh=ask.fresh,
            urgent=ask.urgent,
        )
        answer = await self.put(namespace, matter, access, self._client_resolve)
        if isinstance(answer, RegistryError):
            failed = Failed(intent, answer.reason, f"{answer}. {retry_text(answer.retry)}")
            return failed, self._trouble(namespace, reference, answer)
        return Imported(intent, reference.at(answer.digest), answer.digest, answer.asked), None

    async def list_tags(
        self, namespace: str, wanted: Wanted, access: Access
    ) -> tuple[Listing | Unlisted, Trouble | None]:
        """List the tags of a repository for a stream of a namespace; answers as `ask` does."""
        try:
            reference = parse_repository(wanted.repository)
        except InvalidError as error:
            message = f"{error}. Correct spec.dockerImageRepository"
            return Unlisted(wanted, Reason.INVALID, message), Trouble(Retry.PERMANENT)
        matter = Matter(reference, None, wanted.insecure, wanted.requested_at)
        answer = await self.put(namespace, matter, access, self._client_tags)
        if isinstance(answer, RegistryError):
            message = f"{answer}. {retry_text(answer.retry)}"
            return Unlisted(wanted, answer.reason, message), self._trouble(namespace, reference, answer)
        return select(wanted, answer.tags, complete=answer.complete), None

    async def put(
        self, namespace: str, matter: Matter, access: Access, do: Callable[[Question], _Answer]
    ) -> _Answer | RegistryError:
        """Have something done about a reference: at its mirrors, then at home, with what fits.

        `do` runs in a thread and asks once, as the question says; it may raise a RegistryError.
        """
        answer: _Answer | RegistryError
        try:
            answer = await self._at_places(namespace, matter, access, do)
        except Exception:  # noqa: BLE001
            # A bug of ours in reading one registry's answer is that tag's condition, not everybody's end.
            _log.exception("asking for %s failed", matter.reference)
            text = f"{matter.reference}: the operator failed to read the answer; its log says more"
            answer = RegistryError(text)
        failed = answer if isinstance(answer, RegistryError) else None
        host = place_of(matter.reference).host
        self._metrics.imports.labels(self._metrics.host(host), str(failed.reason) if failed else "ok").inc()
        if failed is None or failed.retry is Retry.PERMANENT:
            self._hosts.answered(host)
        return answer

    def close(self) -> None:
        """Give up what is being asked."""
        for task in self._questions.values():
            task.cancel()

    def _trouble(self, namespace: str, reference: Reference, error: RegistryError) -> Trouble:
        now = asyncio.get_running_loop().time()
        return self._hosts.troubled(namespace, place_of(reference).host, error, now)

    def _platform_of(self, intent: Intent) -> Platform | None:
        if intent.import_mode == IMPORT_MODE_PRESERVE:
            return None
        own = self._platform
        return Platform(intent.prefer_os or own.os, intent.prefer_arch or own.architecture)

    async def _at_places(
        self, namespace: str, matter: Matter, access: Access, do: Callable[[Question], _Answer]
    ) -> _Answer | RegistryError:
        home = place_of(matter.reference)
        if refusal := access.rules.refusal(home):
            return BlockedError(f"{matter.reference}: registry {home.host}: {refusal}")
        troubles: list[str] = []
        answer: _Answer | RegistryError = RegistryError(f"{matter.reference}: there is nowhere to ask")
        for place in access.rules.places(home):
            answer = await self._at_place(namespace, place, matter, access, do)
            if not isinstance(answer, RegistryError):
                return answer
            troubles.append(str(answer))
        if isinstance(answer, UnauthorizedError):
            answer = answer.saying(f"{answer}{_told('Not used', access.unread)}")
        if isinstance(answer, RegistryError):
            answer = answer.saying(f"{answer}{_told('Asked before it', troubles[:-1])}")
        return answer

    async def _at_place(
        self,
        namespace: str,
        place: Place,
        matter: Matter,
        access: Access,
        do: Callable[[Question], _Answer],
    ) -> _Answer | RegistryError:
        insecure = access.rules.is_insecure(place) or (
            matter.insecure and place == place_of(matter.reference)
        )
        question = Question(
            matter.reference, place, matter.platform, insecure, None, access.authorities(place)
        )
        loop = asyncio.get_running_loop()
        refused: RegistryError | None = None
        ends = loop.time() + _PATIENCE
        for credential in self._keyring.in_order(place, access.credentials(place)):
            asked = dataclasses.replace(question, credential=credential)
            answer = await self._with_credential(namespace, asked, credential, matter, do)
            if not isinstance(answer, RegistryError) or not answer.another_may_see:
                return answer
            refused = refused or answer
            if loop.time() >= ends:
                return refused
        answer = await self._share(namespace, question, matter, do)
        # What nobody may see is hidden from nobody in particular: the refusal is the news.
        hidden = isinstance(answer, RegistryError) and answer.retry is Retry.PERMANENT
        return refused if refused is not None and hidden else answer

    async def _with_credential(
        self,
        namespace: str,
        question: Question,
        credential: Credential,
        matter: Matter,
        do: Callable[[Question], _Answer],
    ) -> _Answer | RegistryError:
        place = question.place
        async with self._keyring.proving(place, credential):
            if (known := self._keyring.refusal(place, credential)) is not None:
                return known.saying(explain(known, question.reference, Visitor(place, credential)))
            answer = await self._share(namespace, question, matter, do)
            if isinstance(answer, RegistryError):
                self._keyring.failed(place, credential, answer)
            else:
                self._keyring.worked(place, credential)
        return answer

    async def _share(
        self, namespace: str, question: Question, matter: Matter, do: Callable[[Question], _Answer]
    ) -> _Answer | RegistryError:
        """Ask once what several tags want to know at the same time, or within their intervals.

        A request made by hand joins no question that began before it: its answer may be from before the push.
        """
        kept = self._answers.get(question.fingerprint) if matter.fresh else None
        # Reckoned as plan reckons when it is due again: by another sum one might be due and the other fresh.
        if kept is not None and kept.asked + matter.fresh > asyncio.get_running_loop().time():
            # Whoever uses it is next due an interval after it was asked for: soon all ask in the same moment.
            return cast("_Answer", kept)
        key = (do, question, matter.token)
        task = self._questions.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(namespace, question, do, urgent=matter.urgent))
            self._questions[key] = task
            task.add_done_callback(lambda _: self._questions.pop(key, None))
        answer: _Answer | RegistryError = await task
        return answer

    async def _ask(
        self, namespace: str, question: Question, do: Callable[[Question], _Answer], *, urgent: bool
    ) -> _Answer | RegistryError:
        host = question.place.host
        async with self._gate.passing(namespace, host, urgent=urgent):
            loop = asyncio.get_running_loop()
            self._metrics.under_way.inc()
            started = loop.time()
            try:
                answer = await loop.run_in_executor(self._threads, do, question)
            except RegistryError as error:
                if isinstance(error, LimitedError):
                    self._gate.narrow(host)
                return error
            else:
                self._gate.widen(host)
                if isinstance(answer, Resolution):
                    self._answers.put(question.fingerprint, answer)
                return answer
            finally:
                self._metrics.under_way.dec()
                self._metrics.import_seconds.labels(self._metrics.host(host)).observe(loop.time() - started)


def _told(what: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    more = f" and {len(texts) - _TOLD} more" if len(texts) > _TOLD else ""
    return f". {what}: {'; '.join(cut(text, _TOLD_MOST) for text in texts[:_TOLD])}{more}"
