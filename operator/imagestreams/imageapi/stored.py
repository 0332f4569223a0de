"""ImageStreams and Images: what is asked of v1 is asked of the CRD, at the version that it keeps.

What goes through as it is (reading, merge and apply patches, deleting) is only renamed; what has to be
understood (creating, replacing, JSON and strategic merge patches) is applied to what the caller sees,
stripped of all that is computed, and written as one update that is guarded by the resourceVersion. Found by
imageapi.server; the rules are imageapi.stream_view's, image_view's, patches' and stream_edits'.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers, bodies, patches
from imagestreams.imageapi.asking import Answer, Listing, Watch
from imagestreams.imageapi.forcing import import_anew
from imagestreams.imageapi.resources import API_VERSION, STORED_VERSION
from imagestreams.imageapi.stream_store import StreamStore
from imagestreams.kube.api import MERGE_PATCH
from imagestreams.kube.list_reading import Piece
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from imagestreams.imageapi.asking import Ask
    from imagestreams.kube.api import Resource
    from imagestreams.kube.upstream import Upstream

_LISTING = ("limit", "continue", "labelSelector", "resourceVersion", "resourceVersionMatch", "timeoutSeconds")
_WATCHING = (*_LISTING, "allowWatchBookmarks", "sendInitialEvents")
_WRITING = ("dryRun", "fieldManager", "fieldValidation", "force")
_DELETING = ("dryRun", "gracePeriodSeconds", "propagationPolicy", "orphanDependents")
_TRIES = 5
_VERSIONS = 2**64
_NAME = re.compile(r"(\bmetadata\.name\s*(?:!=|==?))([^,]*)")

Body = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A stored kind, and how it is seen."""

    name: str
    resource: Resource
    view: Callable[[Body], Body]
    """The stored object as its readers see it."""
    store: Callable[[Body, Body | None], Body]
    """What to write for a submitted object; beside it, what is stored now."""
    store_status: Callable[[Body, Body], Body] | None = None
    stored_name: Callable[[str], str] = str
    forced: Callable[[Body, Body | None], frozenset[str]] = lambda _submitted, _before: frozenset()
    """Of a stream: the tags that a submitted one wants imported anew."""


class Stored:
    """Answers for one kind, its status included."""

    def __init__(self, kind: Kind, upstream: Upstream) -> None:
        self._kind = kind
        self._upstream = upstream

    async def answer(self, ask: Ask) -> Answer | Listing | Watch:
        """Do what is asked. Raises StatusError."""
        if ask.verb == "watch":
            return Watch(self._seen(await self._upstream.watch(self._path(ask), self._query(ask, _WATCHING))))
        if ask.verb == "list":
            return Listing(
                f"{self._kind.name}List", self._listed(self._path(ask), self._query(ask, _LISTING))
            )
        verbs = {
            "get": self._get,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
        }
        try:
            return await verbs.get(ask.verb, self._delete)(ask)
        except StatusError as error:
            raise self._named(error, ask.name) from None

    def _named(self, error: StatusError, name: str) -> StatusError:
        """Tell of an object by the name that was asked for, not by the one that it is stored under."""
        stored = self._kind.stored_name(name)
        if stored == name or error.details.get("name") != stored:
            return error
        details = {**error.details, "name": name}
        return StatusError(error.code, error.reason, str(error).replace(stored, name), details)

    async def read(self, namespace: str, name: str) -> Body:
        """Read an object as it is stored. Raises StatusError."""
        return await self._upstream.request("GET", self._path_of(namespace, name))

    async def _get(self, ask: Ask) -> Answer:
        return Answer(self._view(await self.read(ask.namespace, ask.name)))

    async def _listed(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[Piece]:
        async with contextlib.aclosing(self._upstream.pieces(path, query)) as pieces:
            async for piece in pieces:
                yield Piece(map(self._view, piece.items), piece.metadata)

    async def _seen(self, events: AsyncGenerator[Body]) -> AsyncGenerator[Body]:
        # Closed here, so that the connection goes with the watch.
        async with contextlib.aclosing(events):
            async for event in events:
                body = event["object"]
                if event["type"] == "ERROR" or body.get("kind") != self._kind.name:
                    yield event
                elif event["type"] == "BOOKMARK":
                    yield {**event, "object": {**body, "apiVersion": API_VERSION}}
                else:
                    yield {**event, "object": self._view(body)}

    async def _create(self, ask: Ask) -> Answer:
        submitted = bodies.read_object(ask.body, self._kind.name)
        metadata = border.mapping(submitted.get("metadata"))
        name = self._kind.stored_name(border.text(metadata.get("name")))
        if ask.namespace and metadata.get("namespace") not in {None, "", ask.namespace}:
            raise answers.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        body = self._written(self._kind.store(submitted, None), name)
        path = self._path_of(ask.namespace)
        found = await self._upstream.request("POST", path, query=self._query(ask, _WRITING), body=body)
        return Answer(self._view(found), code=201)

    async def _update(self, ask: Ask) -> Answer:
        submitted = bodies.read_object(ask.body, self._kind.name)
        metadata = border.mapping(submitted.get("metadata"))
        if border.text(metadata.get("name")) != ask.name:
            raise answers.bad_request(
                f"the name of the object ({border.text(metadata.get('name'))[:100]}) does not match the "
                f"name on the URL ({ask.name[:100]})"
            )
        return await self._replace(ask, lambda _: submitted, guarded="resourceVersion" in metadata)

    async def _patch(self, ask: Ask) -> Answer:
        if ask.content_type not in patches.ACCEPTED:
            raise answers.unsupported_media_type(ask.content_type, patches.ACCEPTED)
        if ask.content_type == patches.APPLY_PATCH or (
            ask.content_type == MERGE_PATCH and not ask.subresource and not self._forces(ask)
        ):
            body = self._renamed(ask)
            query = self._query(ask, _WRITING)
            if ask.content_type == patches.APPLY_PATCH and not ask.query.get("fieldManager"):
                # Who applies has to say who they are; the API server says so.
                del query["fieldManager"]
            found = await self._upstream.request(
                "PATCH", self._path(ask), query=query, body=body, content_type=ask.content_type
            )
            return Answer(self._view(found))
        return await self._replace(ask, lambda shown: self._patched(ask, shown))

    def _patched(self, ask: Ask, shown: Body) -> Body:
        return patches.apply_patch(ask.content_type, ask.body, shown, self._kind.name)

    def _forces(self, ask: Ask) -> bool:
        return bool(self._kind.forced(border.mapping(bodies.read_json(ask.body)), {}))

    def _renamed(self, ask: Ask) -> bytes:
        """Give a patch that goes through in terms of the version that is stored."""
        if ask.content_type != MERGE_PATCH:
            return apply_body(ask, self._kind.name, self._kind.stored_name)
        patch = bodies.read_json(ask.body)
        if isinstance(patch, dict) and "apiVersion" in patch:
            patch = {**patch, "apiVersion": STORED_VERSION}
        return json.dumps(patch).encode()

    async def _replace(self, ask: Ask, change: Callable[[Body], Body], *, guarded: bool = False) -> Answer:
        """Write what a change makes of the view; again where others wrote and no version was named."""
        store = self._kind.store_status if ask.subresource else self._kind.store
        assert store is not None, ask.subresource  # noqa: S101  # the table of resources has no other
        for attempt in range(_TRIES):
            before = await self.read(ask.namespace, ask.name)
            submitted = change(self._view(before))
            version, current = _version(submitted), _version(before)
            body = self._written(store(submitted, before), self._kind.stored_name(ask.name))
            body["metadata"] = {**body["metadata"], "resourceVersion": version or current}
            try:
                written = await self._upstream.request(
                    "PUT", self._path(ask), query=self._query(ask, _WRITING), body=body
                )
            except StatusError as error:
                named = guarded or (version and version != current)
                if error.code != 409 or named or attempt == _TRIES - 1:
                    raise
            else:
                return await self._anew(ask, before, written, self._kind.forced(submitted, before))
        raise answers.server_timeout(ask.resource, ask.verb)

    async def _anew(self, ask: Ask, before: Body, written: Body, forced: frozenset[str]) -> Answer:
        """Answer a write, and have the tags imported anew that were written for nothing else."""
        warnings: tuple[str, ...] = ()
        if forced and not ask.subresource and not ask.dry_run:
            changed = _version(written) != _version(before)
            store = StreamStore(self._upstream, ask)
            written, warnings = await import_anew(
                store, written, forced, resource=ask.resource, changed=changed
            )
        return Answer(self._view(written), warnings=warnings)

    async def _delete(self, ask: Ask) -> Answer:
        query = self._query(ask, _DELETING if ask.verb == "delete" else (*_DELETING, *_LISTING))
        # Beside a body the API server reads no query.
        body = bodies.read_delete_options(ask.body) if ask.body.strip() else None
        found = await self._upstream.request("DELETE", self._path(ask), query=query, body=body)
        if found.get("kind") == self._kind.name:
            return Answer(self._view(found))
        if isinstance(found.get("items"), list):
            listed = [self._view(item) for item in found["items"]]
            head = {"kind": f"{self._kind.name}List", "apiVersion": API_VERSION}
            return Answer({**found, **head, "items": listed})
        return Answer(found)

    def _written(self, body: Body, name: str) -> Body:
        metadata = {**border.mapping(body.get("metadata")), **({"name": name} if name else {})}
        return {**body, "apiVersion": STORED_VERSION, "kind": self._kind.name, "metadata": metadata}

    def _view(self, stored: Body) -> Body:
        return self._kind.view(stored)

    def _path(self, ask: Ask) -> str:
        return self._path_of(ask.namespace, ask.name, ask.subresource)

    def _path_of(self, namespace: str, name: str = "", subresource: str = "") -> str:
        return self._kind.resource.path(namespace, self._kind.stored_name(name) if name else "", subresource)

    def _query(self, ask: Ask, known: tuple[str, ...]) -> dict[str, str]:
        query = {name: ask.query[name] for name in known if ask.query.get(name)}
        version = query.get("resourceVersion", "0")
        if not (version.isascii() and version.isdecimal() and int(version[:30]) < _VERSIONS):
            # The API server answers it with a 500.
            raise answers.bad_request(f'resourceVersion: Invalid value: "{version[:40]}": it is a number')
        if "fieldManager" in known:
            query["fieldManager"] = ask.field_manager or "imagestreams"
        if known is not _WRITING and (selector := ask.query.get("fieldSelector")):
            query["fieldSelector"] = self._selector(selector)
        return query

    def _selector(self, selector: str) -> str:
        """Name the objects of a field selector as they are stored."""
        return _NAME.sub(lambda found: found[1] + self._kind.stored_name(found[2]), selector)


def apply_body(ask: Ask, kind: str, stored_name: Callable[[str], str]) -> bytes:
    """Give the body of an apply patch in terms of the version that is stored. Raises StatusError (400)."""
    content = bodies.read_yaml(ask.body)
    given = (content.get("apiVersion"), content.get("kind")) if isinstance(content, dict) else ()
    if given != (API_VERSION, kind):
        raise answers.bad_request(f"an apply patch must be an object of {API_VERSION} {kind}")
    metadata = dict(border.mapping(content.get("metadata")))
    if name := border.text(metadata.get("name")):
        metadata["name"] = stored_name(name)
    applied: Mapping[str, Any] = {**content, "apiVersion": STORED_VERSION, "metadata": metadata}
    return json.dumps(applied).encode()


def _version(body: Body) -> str:
    return border.text(border.mapping(body.get("metadata")).get("resourceVersion"))
