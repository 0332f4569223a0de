"""The handler of imagestreamimports: asks registries now, and answers with what came of it.

An edge, in three steps: what is asked for (imageapi.import_specs), asking as the operator asks
(importing.asking, with the same rules, credentials and CAs), and writing (imageapi.import_writes).
"""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from typing import TYPE_CHECKING, Any

from imagestreams.errors import Reason
from imagestreams.imageapi import import_answers, import_specs
from imagestreams.imageapi.asking import Answer
from imagestreams.imageapi.import_images import Scope
from imagestreams.imageapi.stream_store import StreamStore
from imagestreams.imageapi.stream_view import view_stream
from imagestreams.imageapi.tag_edits import new_stream
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.plan import Ask as TagAsk
from imagestreams.importing.plan import Priority, unretried
from imagestreams.importing.record import Failed, Imported
from imagestreams.importing.repository import NOTHING_KNOWN, Known, Unlisted, wanted_of
from imagestreams.importing.repository import Wanted as WantedTags
from imagestreams.model.stream import intent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagestreams.imageapi.accesses import Accesses
    from imagestreams.imageapi.asking import Ask
    from imagestreams.imageapi.import_images import ImportImages
    from imagestreams.imageapi.import_specs import Wanted
    from imagestreams.imageapi.import_writes import ImportWriter
    from imagestreams.imageapi.stream_store import Server
    from imagestreams.importing.asking import Asker
    from imagestreams.importing.record import Outcome
    from imagestreams.importing.repository import Listing
    from imagestreams.model.stream import Stream, TagSpec

_WITHIN = 50.0
"""For how many seconds registries are waited for: the API server in front gives a request a minute."""
_WHOLE_MOST = 20
"""Of how many images the manifests and configs are given, which may be megabytes each."""


@dataclasses.dataclass(slots=True)
class _Import:
    """One import on its way."""

    ask: Ask
    sent: dict[str, Any]
    scope: Scope
    stored: dict[str, Any] | None
    listing: Listing | Unlisted | None = None
    follows: bool = False
    """Whether the stream follows the repository that is listed, just so."""
    images: list[Wanted] = dataclasses.field(default_factory=list)
    listed: list[Wanted] = dataclasses.field(default_factory=list)

    @property
    def base(self) -> dict[str, Any]:
        """The stream that is there, or that would be made."""
        if self.stored is not None:
            return self.stored
        return new_stream(self.ask.namespace, self.sent["metadata"]["name"])

    @property
    def known(self) -> Known:
        """What was learnt of the repository of the stream."""
        if not self.follows:
            return NOTHING_KNOWN
        if isinstance(self.listing, Unlisted):
            return Known(failure=self.listing)
        return Known(listing=self.listing)

    @property
    def kept(self) -> bool:
        """Whether the stream is to have what comes."""
        return self.sent["spec"].get("import") is True and not self.ask.dry_run


class Imports:
    """Answers for imagestreamimports."""

    def __init__(
        self,
        server: Server,
        *,
        asker: Asker,
        accesses: Accesses,
        images: ImportImages,
        writer: ImportWriter,
        defaults: Defaults,
        timestamp: Callable[[], str],
    ) -> None:
        """`defaults` hold where a stream does not say; `timestamp` is the wall clock, RFC 3339 in UTC."""
        self._server = server
        self._asker = asker
        self._accesses = accesses
        self._images = images
        self._writer = writer
        self._defaults = defaults
        self._timestamp = timestamp

    async def answer(self, ask: Ask) -> Answer:
        """Import. Raises StatusError where nothing is asked of registries, or nothing can be written."""
        sent = import_specs.read_import(ask.body, ask.namespace)
        store = StreamStore(self._server, ask)
        stored, access = await asyncio.gather(
            store.find(sent["metadata"]["name"]), self._accesses.of(ask.namespace)
        )
        import_specs.check_stream(sent, stored)
        ends = asyncio.get_running_loop().time() + _WITHIN
        scope = Scope(ask.namespace, access, ends, store, token=f"import {uuid.uuid4()}")
        under_way = _Import(ask, sent, scope, stored)
        under_way.images = import_specs.wanted_images(sent)
        repository = import_specs.wanted_repository(sent)
        asked_of = [*under_way.images, *([repository] if repository else [])]
        self._asker.keyring.forget_refusals({each.source for each in asked_of}, access)
        await self._list(under_way)
        wanted = [*under_way.images, *under_way.listed]
        self._writer.check(under_way.base, stored, wanted)
        outcomes = await self._ask(under_way, wanted)
        done = list(zip(wanted, outcomes, strict=True))
        found = [each for each in outcomes if isinstance(each, Imported)]
        asked_whole = [each for want, each in done if want.whole and isinstance(each, Imported)][:_WHOLE_MOST]
        known = await self._images.find(scope, found, stores=under_way.kept)
        blobs = await self._images.blobs(scope, asked_whole)
        view = None
        if under_way.kept:
            # What is not known in time is asked for in spec all the same: the operator goes on with it.
            told = [(want, None if isinstance(each, Unanswered) else each) for want, each in done]
            written = await self._writer.write(store, stored, under_way.base, told, under_way.known)
            view = view_stream(written, mode=self._defaults.import_mode)
        return Answer(self._filled(under_way, outcomes, import_answers.Images(known, blobs), view), 201)

    def _filled(
        self,
        under_way: _Import,
        outcomes: Sequence[Outcome],
        known: import_answers.Images,
        view: dict[str, Any] | None,
    ) -> dict[str, Any]:
        own = len(under_way.images)
        repository = import_specs.wanted_repository(under_way.sent)
        listed = None
        if repository is not None and under_way.listing is not None:
            done = list(zip(under_way.listed, outcomes[own:], strict=True))
            listed = (repository, under_way.listing, done)
        return import_answers.filled(
            under_way.sent,
            images=list(zip(under_way.images, outcomes[:own], strict=True)),
            repository=listed,
            known=known,
            stream=view,
            mode=self._defaults.import_mode,
            now=self._timestamp(),
            uid=str(uuid.uuid4()),
        )

    async def _list(self, under_way: _Import) -> None:
        """Find the tags of the repository, if there is one."""
        repository = import_specs.wanted_repository(under_way.sent)
        if repository is None:
            return
        stream = import_specs.stream_to_be(under_way.base, under_way.base)
        insecure = repository.import_policy.get("insecure") is True
        # As long as the stream follows that very repository, its tags need no names in spec.
        mode = repository.import_policy.get("importMode") or self._defaults.import_mode
        follows = (
            stream.repository == repository.source
            and stream.insecure == insecure
            and mode == self._defaults.import_mode
        )
        wanted = wanted_of(stream, self._defaults) if stream.repository == repository.source else None
        if wanted is None:
            wanted = WantedTags(repository.source, self._defaults.max_tags)
        wanted = dataclasses.replace(wanted, insecure=insecure)
        listing = self._asker.list_tags(
            under_way.ask.namespace,
            dataclasses.replace(wanted, requested_at=under_way.scope.token),
            under_way.scope.access,
            priority=Priority.EDIT,
        )
        try:
            async with asyncio.timeout_at(under_way.scope.ends):
                found, _ = await listing
        except TimeoutError:
            found = Unlisted(wanted, Reason.INTERNAL_ERROR, _late(repository.source))
        if isinstance(found, Unlisted) and not follows:
            # Nobody lists it again.
            found = dataclasses.replace(found, message=unretried(found.message))
        under_way.listing = dataclasses.replace(found, wanted=wanted)
        under_way.follows = follows
        if not isinstance(found, Unlisted):
            under_way.listed = import_specs.of_repository(repository, found.followed, listed=follows)

    async def _ask(self, under_way: _Import, wanted: Sequence[Wanted]) -> list[Outcome]:
        """Ask for each image, as much at once as may be; what takes too long is not waited for."""
        edited = import_specs.with_tags(under_way.base, wanted, mode=self._defaults.import_mode)
        stream = import_specs.stream_to_be(under_way.base, edited)
        stream = effective(stream, under_way.known, self._defaults)
        tags = {tag.name: tag for tag in stream.tags}
        scope = under_way.scope
        asks = [self._question(stream, each, tags.get(each.tag)) for each in wanted]
        tasks = [
            asyncio.create_task(self._asker.ask_now(scope.namespace, each, scope.access, scope.token))
            for each in asks
        ]
        if tasks:
            left = scope.ends - asyncio.get_running_loop().time()
            try:
                await asyncio.wait(tasks, timeout=max(left, 0))
            finally:
                for task in tasks:
                    task.cancel()
        return [
            task.result() if task.done() and not task.cancelled() else Unanswered.of(each)
            for task, each in zip(tasks, asks, strict=True)
        ]

    def _question(self, stream: Stream, wanted: Wanted, tag: TagSpec | None) -> TagAsk:
        if tag is None or tag.source is None or tag.source.name != wanted.source:
            # It is for no tag of the stream, or for one that spec names otherwise.
            alone = dataclasses.replace(stream, repository="", tags=(wanted.spec(),))
            tag = effective(alone, Known(), self._defaults).tags[0]
        intent = intent_of(stream, tag)
        status = stream.status.tag(wanted.tag) if wanted.tag else None
        known = status if status is not None and status.intent == intent else None
        return TagAsk(wanted.tag, intent, priority=Priority.EDIT, known=known)


@dataclasses.dataclass(frozen=True, slots=True)
class Unanswered(Failed):
    """What is not known in time: it is no news of the tag, which the operator goes on asking for."""

    @classmethod
    def of(cls, ask: TagAsk) -> Unanswered:
        """Say so of a tag."""
        return cls(ask.intent, Reason.INTERNAL_ERROR, _late(ask.intent.name))


def _late(name: str) -> str:
    return f"{name}: the registry did not answer within {_WITHIN:.0f} s"
