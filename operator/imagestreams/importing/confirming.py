"""What shows that tags need not be asked for: the list of their repository, or who imported them. Pure.

Google's registries list each tag with its digest. A tag that has the digest that its status has is as good as
asked for; one that has another moved, and is asked for at once, in the usual way. Used by importing.work when
a list came; importing.plan lets tags wait for the list that is about to come.

And where the status of a stream tells of an answer that was not ours, the image API has asked just now: what
it found is not asked for once more, and what failed there is tried again in its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import Reason, Retry
from imagestreams.importing.plan import Attempt
from imagestreams.model.stream import intent_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.importing.repository import Listing
    from imagestreams.model.status import StreamStatus, TagEvent
    from imagestreams.model.stream import Stream

_AT_ONCE = float("-inf")


def confirmed(
    stream: Stream, listing: Listing, attempts: Mapping[str, Attempt], *, asked: float, now: float
) -> dict[str, Attempt]:
    """Give, by tag of an effective stream, what a list makes of the last ask for it.

    `asked` is when the list was asked for, `now` when it came. What failed, what was asked for since, and
    what somebody waits for is left as it is.
    """
    found: dict[str, Attempt] = {}
    known = {tag.tag: tag for tag in stream.status.tags}
    for tag in stream.tags:
        digest, status = listing.digests.get(tag.name), known.get(tag.name)
        if not tag.listed or digest is None or status is None or status.newest is None:
            continue
        intent, attempt = intent_of(stream, tag), attempts.get(tag.name)
        if status.intent != intent or status.failure is not None:
            continue
        if attempt is not None and (attempt.intent != intent or attempt.failures or attempt.asked >= asked):
            continue
        if digest == (status.index or status.newest.image):
            found[tag.name] = Attempt(intent, asked, answered=now)
        else:
            found[tag.name] = Attempt(intent, _AT_ONCE, answered=attempt.answered if attempt else None)
    return found


def settled_elsewhere(
    stream: Stream, before: Stream, attempts: Mapping[str, Attempt], *, now: float
) -> dict[str, Attempt]:
    """Give, by tag of an effective stream, the last ask where its status tells of one that was not ours.

    `before` is the effective stream as it was last looked at; what is as it was then tells nothing.
    """
    found: dict[str, Attempt] = {}
    known = {tag.tag: tag for tag in stream.status.tags}
    old = {tag.tag: tag for tag in before.status.tags}
    asked = {tag.name: tag for tag in before.tags}
    for tag in stream.tags:
        status = known.get(tag.name)
        if not tag.importable or status is None or status.intent is None:
            continue
        if status == old.get(tag.name) and asked.get(tag.name) == tag:
            continue
        intent, attempt, failure = intent_of(stream, tag), attempts.get(tag.name), status.failure
        if attempt is not None and attempt.intent == intent and (failure is None or attempt.failures):
            continue
        if status.intent != intent:
            continue
        passing = failure is None or failure.reason == Reason.INTERNAL_ERROR
        found[tag.name] = Attempt(
            status.intent,
            now,
            0 if failure is None else 1,
            Retry.TRANSIENT if passing else Retry.PERMANENT,
            answered=now,
            spec=None if failure is None else tag,
        )
    return found


def forgotten_elsewhere(stream: Stream, before: Stream) -> frozenset[str]:
    """Name the tags whose status told of what they ask for, and does not any more: they are asked for anew.

    So does who wants an import through the image API. `before` is as in settled_elsewhere.
    """
    old = {tag.tag: tag.intent for tag in before.status.tags if tag.intent is not None}
    found = set()
    for tag in stream.tags:
        told = old.get(tag.name) if tag.importable else None
        if told is None:
            continue
        status = stream.status.tag(tag.name)
        if (status is None or status.intent != told) and told == intent_of(stream, tag):
            found.add(tag.name)
    return frozenset(found)


def moved_elsewhere(status: StreamStatus, before: StreamStatus) -> frozenset[str]:
    """Name the tags that stand for another image, or have another one available, than before.

    Whoever asked a registry before that found the older: what others wrote meanwhile stays.
    """
    now, then = _images(status), _images(before)
    return frozenset(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))


def _images(status: StreamStatus) -> dict[str, tuple[TagEvent | None, TagEvent | None]]:
    found = ((tag.tag, tag.current, tag.available) for tag in status.tags)
    return {name: (current, available) for name, current, available in found if current or available}
