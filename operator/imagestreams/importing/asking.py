"""Asking a registry about one reference: in its turn, where, with which credential, made an outcome.

Between importing.work, which says what to ask when, and importing.sharing, which has one question answered.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from typing import TYPE_CHECKING, TypeVar

from imagestreams.errors import (
    BlockedError,
    InvalidError,
    Reason,
    RegistryError,
    Retry,
    UnauthorizedError,
)
from imagestreams.importing.background import Background
from imagestreams.importing.gate import Lane
from imagestreams.importing.hosts import Hosts, Trouble
from imagestreams.importing.intervals import pace
from imagestreams.importing.keyring import Keyring
from imagestreams.importing.plan import Priority, retry_text
from imagestreams.importing.record import Failed, Imported
from imagestreams.importing.repository import Unlisted, select
from imagestreams.importing.sharing import Matter, Sharing, known_of
from imagestreams.model.reference import parse_reference, parse_repository
from imagestreams.model.stream import IMPORT_MODE_PRESERVE
from imagestreams.registry.exchange import Visitor
from imagestreams.registry.explain import explain
from imagestreams.registry.manifests import Platform
from imagestreams.registry.names import Place, place_of
from imagestreams.registry.question import Question, Resolution
from imagestreams.registry.wording import told

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from imagestreams.importing.gate import Gate
    from imagestreams.importing.plan import Ask
    from imagestreams.importing.record import Outcome
    from imagestreams.importing.repository import Listing, Wanted
    from imagestreams.importing.tools import Threads
    from imagestreams.metrics import Metrics
    from imagestreams.model.reference import Reference
    from imagestreams.model.status import Intent
    from imagestreams.registry.access import Access
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.listing import TagList

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

_PATIENCE = 60.0
"""For how many seconds further credentials are tried, once a registry takes its time to refuse."""
_NAMES = 10_000
_NOWHERE = Place("", "", "")


class Asker:
    """Asks registries, in threads of its own, from one event loop."""

    def __init__(
        self,
        resolve: Callable[[Question], Resolution],
        tags: Callable[[Question], TagList],
        threads: Threads,
        *,
        gate: Gate,
        platform: Platform,
        metrics: Metrics,
    ) -> None:
        """`resolve` and `tags` are RegistryClient's; `platform` is what Legacy imports take of an index."""
        self._client_resolve = resolve
        self._client_tags = tags
        self._platform = platform
        self._metrics = metrics
        self._gate = gate
        self._sharing = Sharing(threads, gate, metrics)
        self._background = Background()
        self._closed = False
        # The same names come again each interval.
        self._read = functools.lru_cache(_NAMES)(_read)
        self._hosts = Hosts(
            lambda host, troubled: metrics.troubled.labels(metrics.host(host)).set(int(troubled))
        )
        self.keyring = Keyring(lambda: asyncio.get_running_loop().time())

    def queue(
        self,
        namespace: str,
        ask: Ask,
        access: Access,
        begin: Callable[[], Coroutine[None, None, None] | None],
    ) -> None:
        """Have a tag asked for when its turn has come: `begin` then gives what calls `ask`.

        None means that nobody wants to know any more.
        """
        lane = self._lane_of(namespace, ask, access)
        self._gate.queue(lane, functools.partial(self._begin, lane, begin))

    async def ask_now(self, namespace: str, ask: Ask, access: Access, token: str) -> Outcome:
        """Ask for a tag in its turn, for somebody who waits: `token` is that of their request."""
        async with self._gate.passing(self._lane_of(namespace, ask, access)):
            outcome, _ = await self.ask(namespace, ask, access, token)
            return outcome

    async def ask(
        self, namespace: str, ask: Ask, access: Access, token: str = ""
    ) -> tuple[Outcome, Trouble | None]:
        """Ask for a tag of a namespace's stream, with what the namespace has to ask with.

        A `token` of their own is for those who are told nothing that was asked for before they came. The
        answer is the outcome and, for a failure, whose trouble it is and how soon asking again can help.
        """
        intent = ask.intent
        try:
            reference, home = self._read(intent.name)
        except InvalidError as error:
            message = f"{error}. Correct spec.tags[].from.name"
            return Failed(intent, Reason.INVALID, message), Trouble(Retry.PERMANENT)
        matter = Matter(
            reference,
            home,
            self._platform_of(intent),
            intent.insecure,
            token or intent.requested_at,
            fresh=pace(ask.interval) if ask.interval else 0.0,
            priority=ask.priority,
            known=known_of(reference, ask),
        )
        answer = await self._put(matter, access, self._client_resolve)
        if isinstance(answer, RegistryError):
            failed = Failed(intent, answer.reason, f"{answer}. {retry_text(answer.retry)}")
            return failed, self._trouble(namespace, reference, answer)
        pull_spec = reference.at(answer.digest)
        return Imported(intent, pull_spec, answer.digest, answer.index, answer.asked), None

    async def list_tags(
        self, namespace: str, wanted: Wanted, access: Access, *, priority: Priority
    ) -> tuple[Listing | Unlisted, Trouble | None]:
        """List the tags of a repository for a stream of a namespace; answers as `ask` does."""
        try:
            reference = parse_repository(wanted.repository)
        except InvalidError as error:
            message = f"{error}. Correct spec.dockerImageRepository"
            return Unlisted(wanted, Reason.INVALID, message), Trouble(Retry.PERMANENT)
        matter = Matter(
            reference, place_of(reference), None, wanted.insecure, wanted.requested_at, priority=priority
        )
        answer = await self.put(namespace, matter, access, self._client_tags)
        if isinstance(answer, RegistryError):
            message = f"{answer}. {retry_text(answer.retry)}"
            return Unlisted(wanted, answer.reason, message), self._trouble(namespace, reference, answer)
        return select(wanted, answer.tags, complete=answer.complete, digests=answer.digests), None

    async def put(
        self, namespace: str, matter: Matter, access: Access, do: Callable[[Question], _Answer]
    ) -> _Answer | RegistryError:
        """Have something done about a reference in its turn: at its mirrors, then at home, with what fits.

        `do` runs in a thread and asks once, as the question says; it may raise a RegistryError.
        """
        lane = self._lane(namespace, matter.home, access, matter.priority)
        async with self._gate.passing(lane):
            return await self._put(matter, access, do)

    async def _put(
        self, matter: Matter, access: Access, do: Callable[[Question], _Answer]
    ) -> _Answer | RegistryError:
        if self._closed:
            raise asyncio.CancelledError
        answer: _Answer | RegistryError
        began = asyncio.get_running_loop().time()
        try:
            answer = await self._at_places(matter, access, do)
        except Exception:  # noqa: BLE001
            # A bug of ours in reading one registry's answer is that tag's condition, not everybody's end.
            _log.exception("asking for %s failed", matter.reference)
            text = f"{matter.reference}: the operator failed to read the answer; its log says more"
            answer = RegistryError(text)
        if isinstance(answer, Resolution) and answer.asked < began:
            # From memory: that tells nothing of how the registry is now.
            return answer
        failed = answer if isinstance(answer, RegistryError) else None
        host = matter.home.host
        self._metrics.imported(host, str(failed.reason) if failed else "ok")
        if failed is None or failed.retry is Retry.PERMANENT:
            self._hosts.answered(host)
        return answer

    def close(self) -> None:
        """Give up what is being asked, and ask nothing more."""
        self._closed = True
        self._background.cancel()

    def _lane_of(self, namespace: str, ask: Ask, access: Access) -> Lane:
        try:
            _, place = self._read(ask.intent.name)
        except InvalidError:
            place = _NOWHERE
        return self._lane(namespace, place, access, ask.priority)

    def _lane(self, namespace: str, home: Place, access: Access, priority: Priority) -> Lane:
        # The place of who is asked first: a mirror is to be spared like any host.
        first = next(iter(access.rules.places(home)), home)
        return Lane(priority, namespace, first.host)

    def _begin(self, lane: Lane, begin: Callable[[], Coroutine[None, None, None] | None]) -> bool:
        # What is given up makes room for who waits.
        work = None if self._closed else begin()
        if work is None:
            return False
        self._background.spawn(work, then=functools.partial(self._gate.leave, lane))
        return True

    def _trouble(self, namespace: str, reference: Reference, error: RegistryError) -> Trouble:
        now = asyncio.get_running_loop().time()
        return self._hosts.troubled(namespace, place_of(reference).host, error, now)

    def _platform_of(self, intent: Intent) -> Platform | None:
        if intent.import_mode == IMPORT_MODE_PRESERVE:
            return None
        own = self._platform
        return Platform(intent.prefer_os or own.os, intent.prefer_arch or own.architecture)

    async def _at_places(
        self, matter: Matter, access: Access, do: Callable[[Question], _Answer]
    ) -> _Answer | RegistryError:
        home = matter.home
        if refusal := access.rules.refusal(home):
            return BlockedError(f"{matter.reference}: registry {home.host}: {refusal}")
        troubles: list[str] = []
        answer: _Answer | RegistryError = RegistryError(f"{matter.reference}: there is nowhere to ask")
        for place in access.rules.places(home):
            answer = await self._at_place(place, matter, access, do)
            if not isinstance(answer, RegistryError):
                return answer
            troubles.append(str(answer))
        if isinstance(answer, UnauthorizedError):
            answer = answer.saying(f"{answer}{told('Not used', access.unread)}")
        if isinstance(answer, RegistryError):
            answer = answer.saying(f"{answer}{told('Asked before it', troubles[:-1])}")
        return answer

    async def _at_place(
        self,
        place: Place,
        matter: Matter,
        access: Access,
        do: Callable[[Question], _Answer],
    ) -> _Answer | RegistryError:
        insecure = access.rules.is_insecure(place) or (matter.insecure and place == matter.home)
        question = Question(
            matter.reference, place, matter.platform, insecure, None, access.authorities(place), matter.known
        )
        loop = asyncio.get_running_loop()
        refused: RegistryError | None = None
        ends = loop.time() + _PATIENCE
        for credential in self.keyring.in_order(place, access.credentials(place)):
            asked = dataclasses.replace(question, credential=credential)
            answer = await self._with_credential(asked, credential, matter, do)
            if not isinstance(answer, RegistryError) or not answer.another_may_see:
                return answer
            refused = refused or answer
            if loop.time() >= ends:
                return refused
        answer = await self._sharing.put(question, matter, do)
        # What nobody may see is hidden from nobody in particular: the refusal is the news.
        hidden = isinstance(answer, RegistryError) and answer.retry is Retry.PERMANENT
        return refused if refused is not None and hidden else answer

    async def _with_credential(
        self,
        question: Question,
        credential: Credential,
        matter: Matter,
        do: Callable[[Question], _Answer],
    ) -> _Answer | RegistryError:
        place = question.place
        async with self.keyring.proving(place, credential):
            if (known := self.keyring.refusal(place, credential)) is not None:
                return known.saying(explain(known, question.reference, Visitor(place, credential)))
            answer = await self._sharing.put(question, matter, do)
            if isinstance(answer, RegistryError):
                self.keyring.failed(place, credential, answer)
            else:
                self.keyring.worked(place, credential)
        return answer


def _read(name: str) -> tuple[Reference, Place]:
    reference = parse_reference(name)
    return reference, place_of(reference)
