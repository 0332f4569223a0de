"""The handlers of imagestreamtags and imagetags: each request is one of their streams, read or written.

An edge. What is shown is imageapi.tag_view's, what a write means imageapi.tag_edits', what is wrong with it
imageapi.validation's. Writes are guarded by the resourceVersion that was read, and tried again where somebody
wrote in between, unless the caller said which version it means.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers, bodies, patches, tag_edits, tag_view, validation
from imagestreams.imageapi.asking import Answer
from imagestreams.imageapi.forcing import import_anew
from imagestreams.imageapi.stream_store import StreamStore
from imagestreams.imageapi.tag_kinds import IMAGE_TAGS, STREAM_TAGS
from imagestreams.imageapi.tag_listing import list_tags
from imagestreams.imageapi.trying import TRIES, pause_before
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from imagestreams.imageapi.asking import Ask, Listing
    from imagestreams.imageapi.stream_store import Server
    from imagestreams.imageapi.tag_edits import TagEdit
    from imagestreams.imageapi.tag_kinds import TagKind

    Stored = dict[str, Any]

_Done = TypeVar("_Done")


@dataclasses.dataclass(frozen=True, slots=True)
class _Target:
    """The tag that a request writes."""

    ask: Ask
    store: StreamStore
    stream: str
    tag: str


class TagHandler:
    """Answers every request for one of both kinds."""

    def __init__(self, server: Server, kind: TagKind, *, mode: str = "Legacy") -> None:
        self._server, self._kind, self._mode = server, kind, mode
        self._verbs: dict[str, Callable[[Ask, StreamStore], Awaitable[Answer]]] = {
            "get": self._get,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
        }

    async def answer(self, ask: Ask) -> Answer | Listing:
        """Answer a request. Raises StatusError."""
        store = StreamStore(self._server, ask)
        if ask.verb == "list":
            return list_tags(ask, store, self._kind, self._mode)
        return await self._verbs[ask.verb](ask, store)

    async def _get(self, ask: Ask, store: StreamStore) -> Answer:
        name, tag = tag_view.split_stream_tag(self._kind.resource, ask.name)
        stored = await store.read(name)
        image = await store.image(tag_view.current_image(stored, tag))
        shown = self._kind.view(stored, tag, image, mode=self._mode)
        if shown is None:
            raise answers.not_found(self._kind.resource, ask.name)
        return Answer(shown)

    async def _create(self, ask: Ask, store: StreamStore) -> Answer:
        sent = _named(bodies.read_object(ask.body, self._kind.kind), ask)
        self._check(sent, None)

        async def attempt() -> Answer:
            target = self._target(ask, store, sent["metadata"]["name"])
            stored = await store.find(target.stream)
            if stored is not None and tag_edits.has_spec_tag(stored, target.tag):
                raise answers.already_exists(self._kind.existing, sent["metadata"]["name"])
            return await self._written(target, stored, sent, self._kind.create)

        return await self._again(attempt, "create")

    async def _update(self, ask: Ask, store: StreamStore) -> Answer:
        sent = _named(bodies.read_object(ask.body, self._kind.kind), ask)
        blind = not sent["metadata"].get("resourceVersion")

        async def attempt() -> Answer:
            target = self._target(ask, store, ask.name)
            return await self._updated(target, await store.find(target.stream), sent)

        return await (self._again(attempt, "update") if blind else attempt())

    async def _patch(self, ask: Ask, store: StreamStore) -> Answer:
        applied = _applied(ask, self._kind.kind) if ask.content_type == patches.APPLY_PATCH else None

        async def attempt() -> Answer:
            target = self._target(ask, store, ask.name)
            find = store.find if applied is not None else store.read
            stored = await find(target.stream)
            shown = self._shown(stored, target.tag)
            if applied is None:
                if shown is None:
                    raise answers.not_found(self._kind.resource, ask.name)
                sent = patches.apply_patch(ask.content_type, ask.body, shown, self._kind.kind)
            elif shown is None:
                sent = applied
            else:
                sent = patches.merge_patch(shown, applied)
            return await self._updated(target, stored, _named(sent, ask))

        return await self._again(attempt, "patch")

    def _target(self, ask: Ask, store: StreamStore, name: str) -> _Target:
        return _Target(ask, store, *tag_view.split_stream_tag(self._kind.resource, name))

    async def _updated(self, target: _Target, stored: Stored | None, sent: Mapping[str, Any]) -> Answer:
        name = target.ask.name
        wanted = sent["metadata"].get("resourceVersion")
        if stored is None:
            if wanted:
                raise answers.not_found(self._kind.resource, name)
            self._check(sent, None)
            return await self._written(target, None, sent, self._kind.create)
        version = stored["metadata"].get("resourceVersion")
        if wanted and wanted != version:
            why = f"another caller has updated the resource version to {version}"
            raise answers.conflict(self._kind.resource, name, why)
        self._check(sent, self._kind.view(stored, target.tag, None, pending=True, mode=self._mode))
        return await self._written(target, stored, sent, self._kind.update)

    async def _written(
        self,
        target: _Target,
        stored: Stored | None,
        sent: Mapping[str, Any],
        edit_tag: Callable[..., TagEdit],
    ) -> Answer:
        store, name, tag = target.store, target.stream, target.tag
        before = stored if stored is not None else tag_edits.new_stream(target.ask.namespace, name)
        edit = edit_tag(before, tag, sent, mode=self._mode)
        causes = validation.validate_stream(edit.stream, stored)
        if causes:
            raise answers.invalid("ImageStream", name, causes)
        if stored is None:
            stored = await store.create(edit.stream)
        elif edit.changed:
            stored = await store.write(edit.stream)
        warnings: tuple[str, ...] = ()
        if edit.forced:
            stored, warnings = await import_anew(
                store, stored, {tag}, resource=self._kind.resource, changed=edit.changed
            )
        image = await store.image(tag_view.current_image(stored, tag))
        shown = self._kind.view(stored, tag, image, pending=True, mode=self._mode)
        return Answer(shown or {}, 201 if edit.created else 200, warnings)

    async def _delete(self, ask: Ask, store: StreamStore) -> Answer:
        options = bodies.read_delete_options(ask.body)
        if options.get("dryRun") and not ask.dry_run:
            ask = dataclasses.replace(ask, query={**ask.query, "dryRun": "All"})
            store = StreamStore(self._server, ask)
        gone = False

        async def attempt() -> Answer:
            nonlocal gone
            name, tag = tag_view.split_stream_tag(self._kind.resource, ask.name)
            stored = await store.find(name) if gone else await store.read(name)
            if stored is None:
                return Answer(answers.success())
            if not gone and (unmet := bodies.unmet_precondition(options, stored)):
                why = f"the {unmet.name} precondition was not met"
                raise answers.conflict(self._kind.resource, ask.name, why)
            if tag_edits.has_spec_tag(stored, tag):
                stored = await store.write(tag_edits.without_spec_tag(stored, tag))
                gone = True
            forgotten = tag_edits.without_history(stored, tag)
            if forgotten is not None:
                await store.write_status(forgotten)
            elif not gone:
                raise answers.not_found(self._kind.resource, ask.name)
            return Answer(answers.success())

        return await self._again(attempt, "delete")

    def _shown(self, stored: Stored | None, tag: str) -> dict[str, Any] | None:
        """Show a tag that spec or status knows, with an image or without."""
        if stored is None or tag not in tag_view.image_tag_names(stored):
            return None
        return self._kind.view(stored, tag, None, pending=True, mode=self._mode)

    def _check(self, sent: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
        causes = self._kind.validate(sent, before)
        if causes:
            raise answers.invalid(self._kind.kind, border.text(sent["metadata"].get("name")), causes)

    async def _again(self, attempt: Callable[[], Awaitable[_Done]], verb: str) -> _Done:
        """Try until nobody wrote in between; what is refused to the caller is refused at once."""
        for number in range(TRIES):
            await pause_before(number)
            try:
                return await attempt()
            except StatusError as error:
                own = error.details.get("kind") in (self._kind.resource, self._kind.existing)
                if error.code != 409 or own:
                    raise
        raise answers.server_timeout(self._kind.resource, verb, 2)


def _named(sent: dict[str, Any], ask: Ask) -> dict[str, Any]:
    """Give what was sent its name and namespace. Raises StatusError (400) if it has others."""
    raw = sent.get("metadata")
    if raw is not None and not isinstance(raw, dict):
        raise answers.bad_request("metadata must be an object")
    metadata = dict(raw or {})
    name = metadata.get("name") or ask.name
    if not isinstance(name, str) or not name:
        raise answers.bad_request("metadata.name must be <name>:<tag>")
    if ask.name and name != ask.name:
        raise answers.bad_request(
            f"the name of the object ({name[:300]}) does not match the name on the URL ({ask.name})"
        )
    if (metadata.get("namespace") or ask.namespace) != ask.namespace:
        raise answers.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return {**sent, "metadata": {**metadata, "name": name, "namespace": ask.namespace}}


def _applied(ask: Ask, kind: str) -> dict[str, Any]:
    """Read what is applied. Raises StatusError: 400, and 422 without a name for who applies."""
    if not ask.query.get("fieldManager"):
        cause = validation.required("fieldManager", "is required for apply patch")
        message = f'PatchOptions.meta.k8s.io "" is invalid: {cause}'
        details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause.to_json()]}
        raise StatusError(422, "Invalid", message, details)
    return bodies.read_applied(ask.body, kind)


def tag_handlers(server: Server, *, mode: str = "Legacy") -> dict[str, TagHandler]:
    """Make the handlers of both kinds, by their resource."""
    return {kind.resource: TagHandler(server, kind, mode=mode) for kind in (STREAM_TAGS, IMAGE_TAGS)}
