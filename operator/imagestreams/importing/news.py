"""What a new status tells people: tags that moved or are held, imports that failed or healed. Pure.

importing.work computes it after a status was written; kube.events posts it on the stream.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.model.status import REPOSITORY_FOLLOWED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from imagestreams.model.status import Condition, StreamStatus, TagStatus


@dataclasses.dataclass(frozen=True, slots=True)
class News:
    """One thing to tell: `warning` makes it an Event of type Warning, else it is Normal."""

    reason: str
    message: str
    warning: bool = False


def news(
    before: StreamStatus, after: StreamStatus, *, quiet: Collection[str] = frozenset()
) -> Iterator[News]:
    """Compare two statuses of a stream and tell what changed, tag by tag, and of its repository.

    Of the tags in `quiet` no failure is told, nor its end: what ails them is told for their host.
    """
    yield from _listing(before.condition(REPOSITORY_FOLLOWED), after.condition(REPOSITORY_FOLLOWED))
    known = {tag.tag: tag for tag in before.tags}
    for tag in after.tags:
        old = known.get(tag.tag)
        then = old.current if old else None
        if tag.current is not None and (then is None or then.reference != tag.current.reference):
            where = f"from {then.reference} " if then else ""
            yield News("TagMoved", f'tag "{tag.tag}" moved {where}to {tag.current.reference}')
        yield from _hold(old, tag)
        if tag.tag in quiet:
            continue
        failed_before = old.failure if old else None
        if tag.failure is not None and (failed_before is None or failed_before.reason != tag.failure.reason):
            yield News(
                "ImportFailed", f'tag "{tag.tag}" ({tag.failure.reason}): {tag.failure.message}', warning=True
            )
        elif tag.failure is None and failed_before is not None and tag.intent is not None:
            yield News("ImportHealed", f'tag "{tag.tag}" is imported again')


def _hold(old: TagStatus | None, tag: TagStatus) -> Iterator[News]:
    before, after = old.held if old else None, tag.held
    if after is None:
        if before is not None:
            yield News("TagReleased", f'tag "{tag.tag}" is held no more')
        return
    known = (before.status, before.reason) if before else ()
    if after.status == "False" and known != (after.status, after.reason):
        yield News("HoldFailed", f'tag "{tag.tag}" ({after.reason}): {after.message}', warning=True)
    elif after.status == "True" and (before is None or before.status != "True" or _elsewhere(old, tag)):
        yield News("TagHeld", f'tag "{tag.tag}" is {after.message}')
    elif old is not None and old.newest and tag.newest and old.newest.reference != tag.newest.reference:
        moved = f"what is available moved from {old.newest.reference} to {tag.newest.reference}"
        yield News("AvailableMoved", f'tag "{tag.tag}" is held; {moved}')


def _elsewhere(old: TagStatus | None, tag: TagStatus) -> bool:
    then = old.current if old else None
    return then is None or tag.current is None or then.image != tag.current.image


def _listing(before: Condition | None, after: Condition | None) -> Iterator[News]:
    failed_before = before is not None and before.status == "False"
    if after is None:
        return
    if after.status == "False":
        if before is None or not failed_before or before.reason != after.reason:
            message = f"spec.dockerImageRepository cannot be listed ({after.reason}): {after.message}"
            yield News("ListingFailed", message, warning=True)
    elif failed_before:
        yield News("ListingHealed", f"spec.dockerImageRepository is listed again: {after.message}")
