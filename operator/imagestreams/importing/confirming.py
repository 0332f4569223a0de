"""What the list of a repository shows of its tags where it tells their digests: which to ask for. Pure.

Google's registries list each tag with its digest. A tag that has the digest that its status has is as good as
asked for; one that has another moved, and is asked for at once, in the usual way. Used by importing.work when
a list came; importing.plan lets tags wait for the list that is about to come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.importing.plan import Attempt
from imagestreams.model.stream import intent_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.importing.repository import Listing
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
