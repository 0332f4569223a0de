"""The cells of `kubectl get is`: which repository, which tags, since when.

The TAGS cell follows the original's server-side table; IMAGE REPOSITORY is better than the original's,
which stays blank where there is no internal registry. Used by importing.record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError
from imagestreams.model.reference import parse_reference
from imagestreams.model.status import Summary
from imagestreams.model.stream import DOCKER_IMAGE

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
    names = {_repository_of(pull_spec) for tag in tags if (pull_spec := _pull_spec(tag))}
    return names.pop() if len(names) == 1 else ""


def _pull_spec(tag: TagStatus) -> str:
    # What never had an image and asks no registry for one comes from nowhere.
    if tag.items:
        return tag.items[0].reference
    return tag.intent.name if tag.intent is not None and tag.intent.kind == DOCKER_IMAGE else ""


def _repository_of(pull_spec: str) -> str:
    try:
        return parse_reference(pull_spec).name
    except InvalidError:
        return ""
