"""What an answer makes of a stream's status. Pure: (stream, outcomes, now) -> new status.

The one place where history, conditions and the summary are decided; what tags get from other tags is found by
importing.derive, what a hold makes of them by importing.holding, what Ready says by importing.readiness; what
does not fit is dropped by importing.budget. Called by importing.settling; the result is written by
kube.streams if it differs from what is stored, and only then.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import Reason
from imagestreams.importing.budget import BUDGET, cut_message, fit
from imagestreams.importing.cautions import items_kept
from imagestreams.importing.derive import (
    Copied,
    Unfollowable,
    derive,
    derived,
    in_order,
)
from imagestreams.importing.effective import Defaults
from imagestreams.importing.holding import held, unheld
from imagestreams.importing.readiness import readiness
from imagestreams.importing.repository import NOTHING_KNOWN, follow_condition
from imagestreams.importing.sources import IMAGE_STREAM_IMAGE, IMAGE_STREAM_TAG, Sources
from imagestreams.model.history import add_event
from imagestreams.model.status import (
    HELD,
    IMPORT_SUCCESS,
    Condition,
    Intent,
    StreamStatus,
    TagEvent,
    TagStatus,
)
from imagestreams.model.stream import DOCKER_IMAGE, intent_of
from imagestreams.model.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagestreams.importing.repository import Known
    from imagestreams.model.permission import Permission
    from imagestreams.model.stream import Stream, StreamKey, TagSpec


@dataclasses.dataclass(frozen=True, slots=True)
class Imported:
    """A registry's answer: the pull spec that pins the image, and its digest."""

    intent: Intent
    pull_spec: str
    image: str
    index: str = ""
    """The digest of the index that the image was chosen from, "" if it was not."""
    asked: float | None = dataclasses.field(default=None, compare=False)
    """When it was asked for, in seconds on the event loop's clock; it may have been for another tag."""


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no answer: the reason of the original and a message that tells what to do."""

    intent: Intent
    reason: Reason
    message: str


Outcome = Imported | Failed
_DEFAULTS = Defaults()


def record(
    stream: Stream,
    outcomes: Mapping[str, Outcome],
    *,
    now: str,
    lookup: Callable[[StreamKey], Stream | None],
    permitted: Callable[[StreamKey], Permission],
    known: Known = NOTHING_KNOWN,
    defaults: Defaults = _DEFAULTS,
    budget: int = BUDGET,
) -> StreamStatus:
    """Compute the status of an effective stream after these outcomes, by tag name. `now` is RFC 3339 in UTC.

    `lookup` finds other streams, `permitted` says whether images of one of another namespace may be taken.
    The status fits into `budget` bytes, at the cost of the oldest items.

    An outcome whose intent the spec no longer has is dropped: its question was overtaken. A tag
    removed from spec keeps its history, as in the original, and so does one that the repository's list no
    longer has. The same failure again changes nothing.
    """
    tags = _known_tags(stream)
    keep, of = items_kept(stream, defaults), len(stream.tags)
    for spec in stream.tags:
        if derived(spec):
            continue
        before = tags.get(spec.name, TagStatus(spec.name))
        intent = _known_intent(stream, spec, before)
        outcome = _outcome_of(spec, intent, outcomes.get(spec.name), before)
        free = None
        if outcome is not None:
            free = _apply(unheld(before, intent), outcome, now, of=of, keep=keep)
        decided = held(spec, before, free, intent, now=now, keep=keep, of=of)
        if decided is not None:
            tags[spec.name] = decided
    sources = Sources(stream, tags, lookup)
    for spec in in_order(stream):
        before = tags.get(spec.name, TagStatus(spec.name))
        intent = _known_intent(stream, spec, before)
        found = derive(stream, spec, sources, permitted=permitted)
        free = None
        if found is not None:
            free = _follow(unheld(before, intent), intent, spec, found, now, of=of, keep=keep)
        decided = held(spec, before, free, intent, now=now, keep=keep, of=of)
        if decided is not None:
            tags[spec.name] = decided
            sources.decided(decided)
    ordered = tuple(dataclasses.replace(tags[name], items=tags[name].items[:keep]) for name in sorted(tags))
    followed = follow_condition(stream, known, now)
    ready = readiness(stream, tags, followed, defaults, now)
    status = StreamStatus(
        repository=stream.repository,
        tags=ordered,
        conditions=(ready,) if followed is None else (ready, followed),
        observed_generation=stream.generation,
        summary=summarize(stream.repository, ordered),
    )
    return fit(status, stream.status, budget=budget, now=now)


def changes_nothing(outcome: Outcome, before: TagStatus | None) -> bool:
    """Tell whether an outcome says of a tag what its status says already. So it is nearly always."""
    if not isinstance(outcome, Imported) or before is None or before.failure is not None:
        return False
    current, newest, intent = before.current, before.newest, before.intent
    return (
        current is not None
        and newest is not None
        and intent is not None
        and intent == outcome.intent
        and current.generation == intent.generation
        and (newest.image, newest.reference) == (outcome.image, outcome.pull_spec)
        and before.index == outcome.index
    )


def _known_tags(stream: Stream) -> dict[str, TagStatus]:
    """Give the status of the tags; of those that nothing asks for any more without what they asked for.

    Put back, such a tag is then imported anew. One that the repository's list no longer has keeps its history
    alone, if it has one. What was available of a source goes with the source.
    """
    specs = {tag.name: tag for tag in stream.tags}
    tags: dict[str, TagStatus] = {}
    for tag in stream.status.tags:
        spec = specs.get(tag.tag)
        if spec is not None and spec.source is not None:
            tags[tag.tag] = tag
            continue
        listed, hold = tag.intent is not None and tag.intent.listed, spec is not None and spec.hold
        conditions = tuple(item for item in tag.conditions if (hold if item.type == HELD else not listed))
        available = tag.available if spec is not None and tag.intent is None else None
        if tag.items or conditions:
            tags[tag.tag] = TagStatus(tag.tag, tag.items, conditions, available=available)
    return tags


def _outcome_of(spec: TagSpec, intent: Intent, outcome: Outcome | None, before: TagStatus) -> Outcome | None:
    if spec.source is None:
        return None
    if spec.importable:
        if outcome is None or outcome.intent != intent:
            return None
        return dataclasses.replace(outcome, intent=intent)
    if derived(spec) or before.intent == intent:
        return None
    if spec.source.kind != DOCKER_IMAGE:
        message = (
            f'a source of kind "{spec.source.kind[:100]}" is none: {DOCKER_IMAGE}, {IMAGE_STREAM_TAG} or '
        )
        return Failed(intent, Reason.INVALID, f"{message}{IMAGE_STREAM_IMAGE}")
    return Imported(intent, pull_spec=spec.source.name, image="")


def _known_intent(stream: Stream, spec: TagSpec, before: TagStatus) -> Intent:
    """Give what a tag asks for, numbered as it was when it first asked for it."""
    intent = intent_of(stream, spec)
    return before.intent if before.intent is not None and before.intent == intent else intent


def _follow(
    before: TagStatus,
    intent: Intent,
    spec: TagSpec,
    found: Copied | Unfollowable,
    now: str,
    *,
    of: int,
    keep: int,
) -> TagStatus:
    copied_once = spec.reference or (spec.source is not None and spec.source.kind == IMAGE_STREAM_IMAGE)
    refused = isinstance(found, Unfollowable) and found.reason is Reason.FORBIDDEN
    if copied_once and not refused and _has_its_copy(before, intent):
        return TagStatus(before.tag, before.items, (), intent)
    if isinstance(found, Unfollowable):
        failed = Failed(intent, found.reason, found.message)
        return _apply(before, failed, now, of=of, keep=keep)
    event = dataclasses.replace(found.event, generation=intent.generation)
    if spec.source is not None and spec.source.kind == IMAGE_STREAM_IMAGE:
        event = dataclasses.replace(event, created=now)
    return TagStatus(before.tag, add_event(before.items, event, keep=keep), (), intent)


def _has_its_copy(before: TagStatus, intent: Intent) -> bool:
    # A right that is taken away and given back leaves the copy what it was.
    failure, current = before.failure, before.current
    if before.intent != intent or (failure is not None and failure.reason != Reason.FORBIDDEN):
        return False
    return current is not None and current.generation == intent.generation


def _apply(before: TagStatus, outcome: Outcome, now: str, *, of: int, keep: int) -> TagStatus:
    intent = outcome.intent
    if isinstance(outcome, Imported):
        event = TagEvent(now, outcome.pull_spec, outcome.image, intent.generation)
        items = add_event(before.items, event, keep=keep)
        return TagStatus(before.tag, items, (), intent, outcome.index)
    condition = Condition(
        IMPORT_SUCCESS, "False", str(outcome.reason), cut_message(outcome.message, of), now, intent.generation
    )
    if before.failure is not None and before.failure.says_the_same(condition):
        condition = before.failure
    return TagStatus(before.tag, before.items, (condition,), intent, before.index)
