"""What must be asked of registries for one stream now, and when to look again. Pure.

Input: the stream, what this process remembers of its last asks, and the time. Output: a Plan.
Called by importing.work whenever a stream changed or its time has come; calling it once more changes nothing.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from imagestreams.errors import Retry
from imagestreams.importing.effective import Defaults
from imagestreams.importing.intervals import INTERVAL_LEAST, first_readable, interval_of, pace
from imagestreams.importing.repository import listed_before, wanted_of
from imagestreams.importing.schedule import jitter
from imagestreams.model.duration import say_duration
from imagestreams.model.status import REPOSITORY_FOLLOWED
from imagestreams.model.stream import intent_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from imagestreams.importing.repository import Wanted
    from imagestreams.model.status import Intent, TagStatus
    from imagestreams.model.stream import Stream, TagSpec

_FIRST_DELAY = {Retry.TRANSIENT: 5.0, Retry.PERMANENT: 15.0}
_LAST_DELAY = {Retry.TRANSIENT: 300.0, Retry.PERMANENT: 3600.0}
_FAILURES_AT_INTERVAL = 5
_TRANSIENT_INTERVALS = 2
_PATIENCE = 300.0
_PATIENCE_INTERVALS = 3
_FIRST_CHECK_WITHIN = 60.0
_LISTING_SPREAD = 0.1
_DEFAULTS = Defaults()


class Priority(enum.IntEnum):
    """Who goes first where many wait."""

    EDIT = 0
    """Somebody waits for it: an edit, a request, a tag that has no image yet."""
    RETRY = 1
    """It failed, and its back-off is over."""
    SCHEDULED = 2
    BACKLOG = 3
    """Not asked for since the process began, and nothing says that anything is new."""


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """What this process remembers of its last ask for a tag or a list; a restart may forget it."""

    intent: Intent | Wanted
    asked: float
    """When it was asked for; if it failed, when that was known."""
    failures: int = 0
    retry: Retry = Retry.TRANSIENT
    wait: float = 0.0
    """For how many seconds from then its host is not asked at all."""
    answered: float | None = None
    """When there last was an answer about this intent, be it a refusal; None: not since the process began."""
    spec: TagSpec | None = None
    """What the tag was when it was asked for in vain."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """One tag that a registry must be asked for now."""

    tag: str
    intent: Intent
    interval: float | None = None
    """How often it is scheduled to be asked for; None: it is not, or nothing is known of it yet."""
    spec: TagSpec | None = dataclasses.field(default=None, compare=False)
    """What the tag is; edited after its question failed, it is asked for at once."""
    patience: float = dataclasses.field(default=0.0, compare=False)
    """For how many seconds without an answer the tag does not tell of its host's trouble."""
    priority: Priority = dataclasses.field(default=Priority.SCHEDULED, compare=False)
    known: TagStatus | None = dataclasses.field(default=None, compare=False)
    """What its status says already of the same intent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What to ask now, and the time at which to plan again (None: only when something changes)."""

    asks: tuple[Ask, ...]
    wake: float | None
    listing: Wanted | None = None
    """What to list now."""
    listing_priority: Priority = Priority.SCHEDULED


def retry_delay(failures: int, retry: Retry) -> float:
    """Say how many seconds after the n-th failure in a row to ask again: doubling, with a cap."""
    return min(_FIRST_DELAY[retry] * 2.0 ** min(failures - 1, 16), _LAST_DELAY[retry])


def retry_text(retry: Retry) -> str:
    """Say in a condition how a failed import is retried; never a time, which would have to be rewritten."""
    return f"Retried by itself, at most every {say_duration(_LAST_DELAY[retry])}."


def unretried(message: str) -> str:
    """Take what retry_text says away from a message: nobody is going to ask again."""
    for retry in Retry:
        message = message.removesuffix(f" {retry_text(retry)}")
    return message


def plan(
    stream: Stream,
    attempts: Mapping[str, Attempt],
    *,
    now: float,
    since: float,
    default_interval: float,
    listed: Attempt | None = None,
    digests_to_come: bool = False,
    seen: bool = False,
    asking: Container[str] = (),
    defaults: Defaults = _DEFAULTS,
) -> Plan:
    """Decide which tags of an effective stream to ask for now, and whether to list its repository.

    `since` is when this process first saw the stream; `now` and `since` are seconds on one clock.
    A tag is due at once when its intent is not the one its status was made for, after a failure when
    its back-off is over or it was edited, and, if it is scheduled, an interval after it was last asked for.
    The same holds for the list of the repository; `listed` is the last attempt at it. Where it is due and its
    `digests_to_come`, what is due on schedule waits for them. `seen` tells that the stream was planned for
    before as it is: then only what is due is looked at closely, and nothing of the tags in `asking`, whose
    questions wait for their turn or for an answer.
    """
    known = {tag.tag: tag for tag in stream.status.tags}
    asks: list[Ask] = []
    wake: float | None = None
    for tag in stream.tags:
        if not tag.importable or (seen and tag.name in asking):
            continue
        attempt = attempts.get(tag.name)
        interval = interval_of(stream, tag, default_interval) if tag.scheduled else None
        if seen and attempt is not None and _rests(attempt, interval, now):
            wake = _sooner(wake, _due_after(attempt, interval))
            continue
        status = known.get(tag.name)
        intent = _intent(stream, tag, status)
        edited = False
        if attempt is not None and attempt.intent == intent:
            edited = attempt.spec is not None and attempt.spec != tag and not attempt.wait
            due = now if edited else _due_after(attempt, interval)
        elif status is None or status.intent != intent:
            due = now
        else:
            spread = jitter(f"{stream.uid}/{tag.name}", 1.0)
            failed = status.failure is not None
            due = _due_unseen(since, spread, interval, failed=failed)
        if due is None:
            continue
        if due <= now or _may_be_asked(attempt, intent, interval, now):
            told = status if status is not None and status.intent == intent else None
            ask = _ask(tag, intent, interval, told, attempt)
            asks.append(dataclasses.replace(ask, priority=Priority.EDIT) if edited else ask)
        else:
            wake = _sooner(wake, due)
    planned = Plan(tuple(asks), wake)
    wanted = wanted_of(stream, defaults)
    if wanted is None:
        return planned
    due = _due_listing(stream, wanted, listed, now=now, since=since, default_interval=default_interval)
    if due > now:
        return dataclasses.replace(planned, wake=due if wake is None else min(wake, due))
    priority = _priority(listed, wanted, told=listed_before(stream))
    asked = tuple(ask for ask in asks if not (digests_to_come and _can_wait(ask)))
    return Plan(asked, wake, wanted, priority)


def _rests(attempt: Attempt, interval: float | None, now: float) -> bool:
    if attempt.failures or attempt.wait:
        return False
    return interval is None or attempt.asked + pace(interval) > now


def _sooner(wake: float | None, due: float | None) -> float | None:
    if wake is None or due is None:
        return due if wake is None else wake
    return min(wake, due)


def _can_wait(ask: Ask) -> bool:
    return ask.intent.listed and ask.priority is Priority.SCHEDULED


def _intent(stream: Stream, tag: TagSpec, status: TagStatus | None) -> Intent:
    intent = intent_of(stream, tag)
    # It is kept with each attempt: one for both.
    return status.intent if status is not None and status.intent == intent else intent


def _ask(
    tag: TagSpec, intent: Intent, interval: float | None, told: TagStatus | None, attempt: Attempt | None
) -> Ask:
    priority = _priority(attempt, intent, told=told is not None)
    if told is None:
        return Ask(tag.name, intent, spec=tag, priority=priority)
    patience = _patience(interval)
    return Ask(tag.name, intent, interval, tag, patience=patience, priority=priority, known=told)


def _may_be_asked(attempt: Attempt | None, intent: Intent, interval: float | None, now: float) -> bool:
    if interval is None or attempt is None or attempt.intent != intent or attempt.failures:
        return False
    # By the same sum as whoever takes another's answer: it would else be taken for fresh, and due for ever.
    return attempt.asked + pace(interval) <= now


def _priority(attempt: Attempt | None, intent: Intent | Wanted, *, told: bool) -> Priority:
    tried = attempt if attempt is not None and attempt.intent == intent else None
    if tried is not None:
        return Priority.RETRY if tried.failures else Priority.SCHEDULED
    return Priority.BACKLOG if told else Priority.EDIT


def _due_listing(
    stream: Stream,
    wanted: Wanted,
    attempt: Attempt | None,
    *,
    now: float,
    since: float,
    default_interval: float,
) -> float:
    interval = first_readable((stream.interval,), default_interval)
    spread = jitter(f"{stream.uid}/", 1.0)
    due: float | None = now
    if attempt is not None and attempt.intent == wanted:
        # A little early, each stream at its own pace, so that those made together do not list together.
        due = _due_after(attempt, max(interval * (1 - _LISTING_SPREAD * spread), INTERVAL_LEAST))
    elif attempt is None and listed_before(stream):
        condition = stream.status.condition(REPOSITORY_FOLLOWED)
        failed = condition is not None and condition.status == "False"
        due = _due_unseen(since, spread, interval, failed=failed)
    return now if due is None else due


def _patience(interval: float | None) -> float:
    return max(_PATIENCE, _PATIENCE_INTERVALS * (interval or 0.0))


def _due_after(attempt: Attempt, interval: float | None) -> float | None:
    if attempt.wait:
        return attempt.asked + attempt.wait
    if attempt.failures == 0:
        return None if interval is None else attempt.asked + interval
    delay = retry_delay(attempt.failures, attempt.retry)
    if interval is not None and attempt.failures <= _FAILURES_AT_INTERVAL:
        delay = min(delay, interval)
    if interval is not None and attempt.retry is Retry.TRANSIENT:
        # However long a registry was away: two intervals after it is back, what moved meanwhile is known.
        delay = min(delay, _TRANSIENT_INTERVALS * interval)
    return attempt.asked + delay


def _due_unseen(since: float, spread: float, interval: float | None, *, failed: bool) -> float | None:
    # After a restart nothing is known of the last ask: each tag takes its own place within a minute,
    # so that a restart is no stampede, and many restarts do not put a tag off for ever.
    spans = [_FIRST_DELAY[Retry.PERMANENT]] if failed else []
    if interval is not None:
        spans.append(min(interval, _FIRST_CHECK_WITHIN))
    # Not in its first quarter: until all streams are known there is enough to do.
    return since + (0.25 + 0.75 * spread) * min(spans) if spans else None
