"""What an answer makes of a stream's status. Pure: (stream, outcomes, now) -> new status.

The one place where history, conditions, Ready and the summary are decided; what tags get from other tags
is found by importing.derive, what does not fit is dropped by importing.budget. Called by importing.work;
the result is written by kube.streams if it differs from what is stored, and only then.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import Reason
from imagestreams.importing.budget import BUDGET, cut_message, fit
from imagestreams.importing.cautions import cautions, items_kept
from imagestreams.importing.derive import (
    Copied,
    Unfollowable,
    derive,
    derived,
    in_order,
)
from imagestreams.importing.effective import Defaults
from imagestreams.importing.repository import NOTHING_KNOWN, follow_condition
from imagestreams.importing.sources import IMAGE_STREAM_IMAGE, IMAGE_STREAM_TAG, Sources
from imagestreams.model.history import add_event
from imagestreams.model.status import (
    IMPORT_SUCCESS,
    READY,
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

    from imagestreams.importing.derive import Permission
    from imagestreams.importing.repository import Known
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
    keep = items_kept(stream, defaults)
    for spec in stream.tags:
        before = tags.get(spec.name, TagStatus(spec.name))
        intent = _known_intent(stream, spec, before)
        outcome = _outcome_of(spec, intent, outcomes.get(spec.name), before)
        if outcome is not None:
            tags[spec.name] = _apply(before, outcome, now, of=len(stream.tags), keep=keep)
    sources = Sources(stream, tags, lookup)
    for spec in in_order(stream):
        before = tags.get(spec.name, TagStatus(spec.name))
        found = derive(stream, spec, sources, permitted=permitted)
        if found is not None:
            intent = _known_intent(stream, spec, before)
            tags[spec.name] = _follow(before, intent, spec, found, now, of=len(stream.tags), keep=keep)
            sources.decided(tags[spec.name])
    ordered = tuple(dataclasses.replace(tags[name], items=tags[name].items[:keep]) for name in sorted(tags))
    followed = follow_condition(stream, known, now)
    ready = _ready(stream, tags, followed, defaults, now)
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
    if not isinstance(outcome, Imported) or before is None or before.conditions or not before.items:
        return False
    current, intent = before.items[0], before.intent
    return (
        intent is not None
        and intent == outcome.intent
        and (current.image, current.reference, current.generation)
        == (outcome.image, outcome.pull_spec, intent.generation)
        and before.index == outcome.index
    )


def _known_tags(stream: Stream) -> dict[str, TagStatus]:
    """Give the status of the tags; of those that nothing asks for any more without what they asked for.

    Put back, such a tag is then imported anew. One that the repository's list no longer has keeps its history
    alone, if it has one.
    """
    asked = {tag.name for tag in stream.tags if tag.source is not None}
    tags: dict[str, TagStatus] = {}
    for tag in stream.status.tags:
        listed = tag.intent is not None and tag.intent.listed
        if tag.tag in asked:
            tags[tag.tag] = tag
        elif tag.items or (tag.conditions and not listed):
            tags[tag.tag] = TagStatus(tag.tag, tag.items, () if listed else tag.conditions)
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


def _ready(
    stream: Stream,
    tags: Mapping[str, TagStatus],
    followed: Condition | None,
    defaults: Defaults,
    now: str,
) -> Condition:
    # A tag that lost its source keeps its last condition, as in the original, but asks for nothing more.
    asked = [spec for spec in stream.tags if spec.source is not None]
    pending = [spec.name for spec in asked if _pending(stream, spec, tags.get(spec.name))]
    failed = [spec.name for spec in asked if spec.name in tags and tags[spec.name].failure]
    total = len(asked)
    if followed is not None and followed.status == "False":
        status, reason = "False", "ListingFailed"
        more = f"{len(failed)} of {total} tags failed to import, too: {_names(failed)}. " if failed else ""
        message = f"{more}spec.dockerImageRepository cannot be listed ({followed.reason}): {followed.message}"
    elif failed:
        status, reason = "False", "ImportFailed"
        message = f"{len(failed)} of {total} tags failed to import: {_names(failed)}"
        if len(failed) == 1 and (failure := tags[failed[0]].failure):
            message = f'tag "{failed[0]}" failed to import ({failure.reason}): {failure.message}'
    elif stream.repository and followed is None:
        status, reason = "Unknown", "Importing"
        message = f"the tags of {stream.repository} are being listed"
    elif pending:
        status, reason = "Unknown", "Importing"
        message = f"still being imported: {_names(pending)}"
    elif caution := cautions(stream, defaults):
        status, reason, message = "True", "ImportedWithWarning", caution
    else:
        status, reason = "True", "Imported"
        none = "no tag has a source" if followed is None else followed.message
        message = f"{total} {'tag is' if total == 1 else 'tags are'} imported" if total else none
    last = stream.status.condition(READY)
    since = last.last_transition if last and last.status == status and last.last_transition else now
    return Condition(READY, status, reason, message, since, stream.generation)


def _pending(stream: Stream, spec: TagSpec, status: TagStatus | None) -> bool:
    return (spec.importable or derived(spec)) and (status is None or status.intent != intent_of(stream, spec))


def _names(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
