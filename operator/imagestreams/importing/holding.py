"""What a hold makes of a tag: back to an image it had, and there until the hold is taken away. Pure.

`imagestreams.dev/hold` on a tag of spec names the image. Its source is looked at as ever: `unheld` gives the
tag as it would be if nobody held it, importing.record makes of that what answers and other tags say, and
`held` puts the two together. What is seen meanwhile is noted as available, and current as soon as the hold is
gone. A hold that cannot be kept holds the tag where it is: who asks it to stay does not want it to move.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from imagestreams.importing.budget import cut_message
from imagestreams.model.history import add_event
from imagestreams.model.status import HELD, Condition

if TYPE_CHECKING:
    from imagestreams.model.status import Intent, TagEvent, TagStatus
    from imagestreams.model.stream import TagSpec

_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{1,64}")
_ALGORITHM = "sha256:"
_CHOICES = 8
_SHOWN = len(_ALGORITHM) + 12


@dataclasses.dataclass(frozen=True, slots=True)
class _Refused:
    """Why a tag cannot be held at what its hold names."""

    reason: str
    message: str


def unheld(status: TagStatus, intent: Intent | None) -> TagStatus:
    """Give a tag as it would be without a hold: the newest image seen is the current one.

    What was seen of another source than that of `intent` is left out: it is not what the tag would go to.
    """
    available = status.available
    if available is None:
        return status
    if not _same_source(status.intent, intent):
        # So is its index: the registry may have it under the new source's tag, too.
        return dataclasses.replace(status, available=None, index="")
    made_for = status.intent or status.current
    newest = dataclasses.replace(available, generation=made_for.generation if made_for else 0)
    return dataclasses.replace(status, available=None, items=(newest, *status.items))


def held(
    spec: TagSpec, before: TagStatus, free: TagStatus | None, intent: Intent, *, now: str, keep: int, of: int
) -> TagStatus | None:
    """Say what a tag is, given what it was, what it would be without a hold, and its spec.

    `free` is made from `unheld`, None where there is nothing new; `intent` is what spec asks for. The current
    item is what the hold names, put in front by the rules of any other event. `now`, `keep` and `of` are as
    in importing.record, `of` the number of the stream's tags. None: nothing is to be said of the tag.
    """
    if not spec.hold and before.available is None and before.held is None:
        return free
    asked = intent if spec.source is not None else None
    natural = unheld(before, before.intent) if free is None else free
    if not spec.hold:
        moves = free is not None or _same_source(before.intent, asked)
        return _released(before, natural if moves else None, now, keep)
    if natural.current is None and natural.intent is None and asked is not None:
        # Its first image is being asked for; what there is to hold is known then.
        return free
    return _held(spec.hold, before, natural, now=now, keep=keep, of=of)


def _released(before: TagStatus, natural: TagStatus | None, now: str, keep: int) -> TagStatus:
    if natural is None:
        # Its new source is not answered yet: that is where it will go, and not to an image of the old one.
        return dataclasses.replace(before, conditions=_without_hold(before))
    natural = dataclasses.replace(natural, conditions=_without_hold(natural))
    newest, available = natural.current, before.available
    if newest is None or available is None:
        return natural
    if (newest.image, newest.reference) == (available.image, available.reference):
        newest = dataclasses.replace(newest, created=now)
    return dataclasses.replace(natural, items=add_event(before.items, newest, keep=keep))


def _held(hold: str, before: TagStatus, natural: TagStatus, *, now: str, keep: int, of: int) -> TagStatus:
    newest = natural.current
    choice = _choose(hold, before, natural)
    stays = before.current or newest if isinstance(choice, _Refused) else choice
    items, available = before.items, None
    if stays is not None:
        if newest is not None and stays.image == newest.image != "":
            # The same image, wherever it is to be had now.
            stays = newest
        generation = stays.generation if natural.intent is None else natural.intent.generation
        event = dataclasses.replace(stays, created=now, generation=generation)
        items = add_event(before.items, event, keep=keep)
    if newest is not None and not _same_image(newest, items[0]):
        available = dataclasses.replace(newest, generation=0)
    condition = _condition(choice, items, available, natural, of)
    if before.held is not None and before.held.status == condition.status:
        condition = dataclasses.replace(condition, last_transition=before.held.last_transition)
    else:
        condition = dataclasses.replace(condition, last_transition=now)
    conditions = (*_without_hold(natural), condition)
    return dataclasses.replace(natural, items=items, conditions=conditions, available=available)


def _choose(hold: str, before: TagStatus, natural: TagStatus) -> TagEvent | _Refused:
    wanted = hold.rpartition("@")[2]
    if not _DIGEST.fullmatch(wanted):
        return _Refused(
            "Invalid",
            f'"{hold[:100]}" is no digest: write sha256: and how the digest of an image of '
            "status.tags[].items begins",
        )
    wanted = _ALGORITHM + wanted.removeprefix(_ALGORITHM)
    there = _there(before, natural)
    found = [event for event in there if event.image.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        text = f"{len(found)} images of its history begin with {wanted}; write more digits"
        return _Refused("Ambiguous", f"{text}: {_listed(found)}")
    if before.available is not None and before.available.image.startswith(wanted):
        # It was shown, and gave way to a newer one in this very moment.
        return before.available
    return _Refused("NotInHistory", _missing(wanted, there, natural))


def _missing(wanted: str, there: list[TagEvent], natural: TagStatus) -> str:
    if not there:
        return f"the tag has had no image yet, and so not {wanted}"
    if natural.current is not None and natural.index.startswith(wanted):
        return f"{natural.index} is the index that {natural.current.image} was chosen from: hold that"
    return f"no image of its history begins with {wanted}; there is {_listed(there)}"


def _there(before: TagStatus, natural: TagStatus) -> list[TagEvent]:
    """List what a tag may be held at, each image once, the newest first."""
    there: dict[str, TagEvent] = {}
    for event in before.items:
        there.setdefault(event.image, event)
    newest = natural.current
    if newest is not None and newest.image not in there:
        there = {newest.image: newest, **there}
    return [event for event in there.values() if event.image]


def _condition(
    choice: TagEvent | _Refused,
    items: tuple[TagEvent, ...],
    available: TagEvent | None,
    natural: TagStatus,
    of: int,
) -> Condition:
    if isinstance(choice, _Refused):
        stays = (
            f". Until it is corrected or taken away the tag stays at {items[0].reference}" if items else ""
        )
        status, reason = "False", choice.reason
        message = f"annotation imagestreams.dev/hold: {choice.message}{stays}"
    else:
        status, reason = "True", "NothingNewer" if available is None else "NewerAvailable"
        more = "nothing newer was seen"
        if available is not None:
            more = f"{available.reference} is available, and current as soon as the annotation is taken away"
        message = f"held at {items[0].image} by annotation imagestreams.dev/hold; {more}"
    generation = 0 if natural.intent is None else natural.intent.generation
    return Condition(HELD, status, reason, cut_message(message, of), "", generation)


def _listed(events: list[TagEvent]) -> str:
    shown = [f"{event.image[:_SHOWN]} of {event.created}" for event in events]
    more = f" and {len(shown) - _CHOICES} more" if len(shown) > _CHOICES else ""
    return ", ".join(shown[:_CHOICES]) + more


def _without_hold(status: TagStatus) -> tuple[Condition, ...]:
    return tuple(condition for condition in status.conditions if condition.type != HELD)


def _same_image(one: TagEvent, other: TagEvent) -> bool:
    # What is only a reference has no digest.
    return one.image == other.image and (one.image != "" or one.reference == other.reference)


def _same_source(one: Intent | None, other: Intent | None) -> bool:
    if one is None or other is None:
        return one is other
    # Who asks for it anew asks for the same.
    return dataclasses.replace(one, requested_at="") == dataclasses.replace(other, requested_at="")
