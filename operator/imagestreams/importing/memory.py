"""What the importer remembers of one stream while this process lives; nothing that a restart would miss.

Kept and changed by importing.work alone. Times are seconds on the event loop's clock.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import RefusedError, TooLargeError
from imagestreams.importing.budget import BUDGET
from imagestreams.importing.plan import Attempt, Priority
from imagestreams.importing.record import Imported
from imagestreams.importing.repository import NOTHING_KNOWN, Known, Listing
from imagestreams.importing.schedule import jitter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagestreams.errors import ImageStreamsError
    from imagestreams.importing.hosts import Trouble
    from imagestreams.importing.plan import Ask
    from imagestreams.importing.record import Outcome
    from imagestreams.importing.repository import Unlisted, Wanted
    from imagestreams.model.status import Intent, StreamStatus
    from imagestreams.model.stream import Stream

_SPREAD_LEAST = 2.0
_WRITE_RETRY = 1.0
_WRITE_RETRY_LAST = 5.0
_REFUSED_RETRY_LAST = 120.0


@dataclasses.dataclass(slots=True)
class Memory:
    """What is remembered of one stream, which `uid` tells from others of its name."""

    uid: str
    since: float
    attempts: dict[str, Attempt] = dataclasses.field(default_factory=dict)
    outcomes: dict[str, Outcome] = dataclasses.field(default_factory=dict)
    asking: dict[str, Ask] = dataclasses.field(default_factory=dict)
    repository: Known = NOTHING_KNOWN
    listed: Attempt | None = None
    """The last attempt to list the repository."""
    listing: Wanted | None = None
    """What is being listed."""
    troubled: frozenset[str] = frozenset()
    """Tags whose condition tells of their host's trouble; the namespace was told of that as a whole."""
    hold_until: float = 0.0
    budget: int = BUDGET
    write_failures: int = 0
    write_refused: bool = False
    """Whether the last of them was a refusal."""
    planned: Stream | None = None
    """The stream as it was last planned for."""
    known: Stream | None = None
    """The stream as it was when it was last looked at, or written by us."""
    ahead: Stream | None = None
    """The stream as it was when its status was found to be for a spec that is still to come."""
    settled: Stream | None = None
    """The stream as it was when its status said all that is known; what it follows aside."""
    settling: bool = False
    unsettled: bool = False

    @property
    def waiting(self) -> bool:
        """Whether any answer of a registry is awaited."""
        return bool(self.asking) or self.listing is not None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for an answer: for more than what is due on schedule."""
        return self.listing is not None or any(ask.priority is Priority.EDIT for ask in self.asking.values())

    def answered(self, ask: Ask, outcome: Outcome, trouble: Trouble | None, *, now: float, due: float) -> int:
        """Note a tag's outcome; give how often it failed in a row.

        The time until it is asked for again counts from `due`. What is only its host's trouble becomes the
        tag's outcome when there was no answer for as long as the ask has patience.
        """
        del self.asking[ask.tag]
        trouble = self._spread(trouble, ask.tag)
        if isinstance(outcome, Imported) and outcome.asked is not None:
            due = outcome.asked
        attempt = _attempt(self.attempts.get(ask.tag), ask.intent, trouble, now=now, due=due)
        if trouble is not None:
            attempt = dataclasses.replace(attempt, spec=ask.spec)
        self.attempts[ask.tag] = attempt
        of_host = trouble is not None and trouble.is_of_host
        if of_host and now - _last(attempt, self.since) < ask.patience:
            return attempt.failures
        self.outcomes[ask.tag] = outcome
        if of_host:
            self.troubled |= {ask.tag}
        elif trouble is not None:
            self.troubled -= {ask.tag}
        return attempt.failures

    def was_last_edit(self, ask: Ask) -> bool:
        """Tell whether somebody waited for what was answered, and waits for nothing more of the stream."""
        if ask.priority is not Priority.EDIT or self.write_failures:
            return False
        return not any(other.priority is Priority.EDIT for other in self.asking.values())

    def was_listed(
        self, wanted: Wanted, answer: Listing | Unlisted, trouble: Trouble | None, *, now: float, due: float
    ) -> int:
        """Note what the repository holds, or why that is not known; give how often it failed in a row."""
        self.listing = self.settled = None
        self.listed = _attempt(self.listed, wanted, self._spread(trouble, ""), now=now, due=due)
        # What was last known goes on being followed.
        if isinstance(answer, Listing):
            # Digests are for the moment: of all streams they would be many.
            self.repository = Known(dataclasses.replace(answer, digests={}))
        else:
            self.repository = Known(self.repository.listing, answer)
        return self.listed.failures

    def _spread(self, trouble: Trouble | None, tag: str) -> Trouble | None:
        """Let those who wait for a host come back one after the other, not all in the same moment."""
        if trouble is None or not trouble.wait:
            return trouble
        wait = trouble.wait + jitter(f"{self.uid}/{tag}", max(_SPREAD_LEAST, trouble.wait / 10))
        return dataclasses.replace(trouble, wait=wait)

    def write_failed(self, error: ImageStreamsError) -> float:
        """Note that the status could not be written; say for how many seconds to wait."""
        if isinstance(error, TooLargeError):
            self.budget //= 2
        # What the API server refuses it will refuse again; when it did not answer, it may any moment. One
        # that comes back refuses everything until it has read its rules: that is a first refusal.
        refused = isinstance(error, RefusedError | TooLargeError)
        self.write_failures = self.write_failures + 1 if refused == self.write_refused else 1
        self.write_refused = refused
        last = _REFUSED_RETRY_LAST if refused else _WRITE_RETRY_LAST
        return min(_WRITE_RETRY * 2.0 ** min(self.write_failures - 1, 10), last)

    def forget_attempts(self, tags: Iterable[str]) -> None:
        """Note that tags are to be asked for as if they never had been, unless they are right now."""
        for tag in tags:
            if tag not in self.asking and tag not in self.outcomes:
                self.attempts.pop(tag, None)

    def leave_to_others(self, tags: frozenset[str], status: StreamStatus) -> None:
        """Note that others moved tags, as a status tells, after they were asked for: theirs is the newer.

        What theirs is no answer to goes on being asked for, or is asked for anew.
        """
        told = {tag.tag: tag.intent for tag in status.tags}
        for tag in tags:
            self.outcomes.pop(tag, None)
            if (ask := self.asking.get(tag)) is not None and ask.intent == told.get(tag):
                del self.asking[tag]
        self.forget_attempts(tags)

    def retry_failed(self) -> bool:
        """Make everything that failed due at once; tell whether anything did."""
        failed = {tag: attempt for tag, attempt in self.attempts.items() if attempt.failures}
        for tag, attempt in failed.items():
            self.attempts[tag] = dataclasses.replace(attempt, asked=float("-inf"), wait=0.0)
        if self.listed is None or not self.listed.failures:
            return bool(failed)
        self.listed = dataclasses.replace(self.listed, asked=float("-inf"), wait=0.0)
        return True


def _attempt(
    before: Attempt | None,
    intent: Intent | Wanted,
    trouble: Trouble | None,
    *,
    now: float,
    due: float,
) -> Attempt:
    same = before if before is not None and before.intent == intent else None
    if trouble is None:
        return Attempt(intent, due, answered=now)
    answered = now if not trouble.is_of_host else same.answered if same else None
    failures = same.failures if same else 0
    if not trouble.wait:
        return Attempt(intent, due, failures + 1, trouble.retry, answered=answered)
    # Who is not let in did not fail.
    return Attempt(intent, due, max(failures, 1), trouble.retry, trouble.wait, answered)


def _last(attempt: Attempt, since: float) -> float:
    return since if attempt.answered is None else attempt.answered
