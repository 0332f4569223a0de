"""What the importer remembers of one stream while this process lives; nothing that a restart would miss.

Kept and changed by importing.work alone. Times are seconds on the event loop's clock.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import RefusedError, Retry, TooLargeError
from imagestreams.importing.budget import BUDGET
from imagestreams.importing.plan import Attempt
from imagestreams.importing.repository import NOTHING_KNOWN, Known, Listing

if TYPE_CHECKING:
    from imagestreams.errors import ImageStreamsError
    from imagestreams.importing.plan import Ask
    from imagestreams.importing.record import Outcome
    from imagestreams.importing.repository import Unlisted, Wanted

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
    hold_until: float = 0.0
    budget: int = BUDGET
    write_failures: int = 0
    settling: bool = False
    unsettled: bool = False

    @property
    def waiting(self) -> bool:
        """Whether any answer of a registry is awaited."""
        return bool(self.asking) or self.listing is not None

    def answered(self, ask: Ask, outcome: Outcome, retry: Retry | None, asked: float) -> int:
        """Note a tag's outcome, and how soon to retry it; give how often it failed in a row."""
        del self.asking[ask.tag]
        failures = _failures(self.attempts.get(ask.tag), ask.intent, retry)
        self.attempts[ask.tag] = Attempt(ask.intent, asked, failures, retry or Retry.TRANSIENT)
        self.outcomes[ask.tag] = outcome
        return failures

    def was_listed(
        self, wanted: Wanted, answer: Listing | Unlisted, retry: Retry | None, asked: float
    ) -> int:
        """Note what the repository holds, or why that is not known; give how often it failed in a row."""
        self.listing = None
        failures = _failures(self.listed, wanted, retry)
        self.listed = Attempt(wanted, asked, failures, retry or Retry.TRANSIENT)
        # What was last known goes on being followed.
        self.repository = (
            Known(answer) if isinstance(answer, Listing) else Known(self.repository.listing, answer)
        )
        return failures

    def write_failed(self, error: ImageStreamsError) -> float:
        """Note that the status could not be written; say for how many seconds to wait."""
        self.write_failures += 1
        if isinstance(error, TooLargeError):
            self.budget //= 2
        # What the API server refuses it will refuse again; when it did not answer, it may any moment.
        refused = isinstance(error, RefusedError | TooLargeError)
        last = _REFUSED_RETRY_LAST if refused else _WRITE_RETRY_LAST
        return min(_WRITE_RETRY * 2.0 ** min(self.write_failures - 1, 10), last)

    def retry_failed(self) -> bool:
        """Make everything that failed due at once; tell whether anything did."""
        failed = {tag: attempt for tag, attempt in self.attempts.items() if attempt.failures}
        for tag, attempt in failed.items():
            self.attempts[tag] = dataclasses.replace(attempt, asked=float("-inf"))
        if self.listed is None or not self.listed.failures:
            return bool(failed)
        self.listed = dataclasses.replace(self.listed, asked=float("-inf"))
        return True


def _failures(before: Attempt | None, intent: object, retry: Retry | None) -> int:
    if retry is None:
        return 0
    return 1 + (before.failures if before is not None and before.intent == intent else 0)
