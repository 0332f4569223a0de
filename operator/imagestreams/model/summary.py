"""The cells of `kubectl get is`: which repository, which tags, since when.

The TAGS cell follows the original's server-side table; IMAGE REPOSITORY is better than the original's,
which stays blank where there is no internal registry. Used by importing.record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError
from imagestreams.model.reference import parse_reference
from imagestreams.model.status import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagestreams.model.status import TagStatus

_BUDGET = 40
_ROOM_LEFT = 12
_OVERFLOW = 10


def summarize(repository: str, tags: Iterable[TagStatus]) -> Summary:
    """Compute the cells from the internal or spec's repository (may be "") and the tags' status."""
    known = list(tags)
    updated = max((tag.items[0].created for tag in known if tag.items), default="")
    return Summary(repository or _common_repository(known), shorten_tags(known), updated)


def shorten_tags(tags: Iterable[TagStatus]) -> str:
    """Name the tags newest first, ties by name, in about 40 columns, then " + N more...".

    The first tag is always named. One that does not fit is still named if at least 12 columns were
    left before it and it overflows by at most 10; then it is the last.
    """
    by_name = sorted(tags, key=lambda tag: tag.tag)
    names = [tag.tag for tag in sorted(by_name, key=_created, reverse=True)]
    shown: list[str] = []
    left = _BUDGET
    for name in names:
        width = len(name) + 1
        if shown and width > left and (left < _ROOM_LEFT or width - left > _OVERFLOW):
            break
        shown.append(name)
        left -= width
        if left < 0:
            break
    more = len(names) - len(shown)
    return ",".join(shown) + (f" + {more} more..." if more else "")


def _created(tag: TagStatus) -> str:
    return tag.items[0].created if tag.items else ""


def _common_repository(tags: list[TagStatus]) -> str:
    names = {_repository_of(tag) for tag in tags}
    return names.pop() if len(names) == 1 else ""


def _repository_of(tag: TagStatus) -> str:
    pull_spec = tag.items[0].reference if tag.items else (tag.intent.name if tag.intent else "")
    try:
        return parse_reference(pull_spec).name
    except InvalidError:
        return ""
