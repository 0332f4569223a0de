"""Waiting for a condition, the only kind of waiting the tests do.

A test says what it waits for and how long at most; `eventually` polls and, when the time is over,
fails with the last reason instead of a bare time-out. Nothing else in the tests sleeps.
"""

import inspect
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, within: float, every: float = 0.1, what: str) -> T:
    """Call `check` every `every` seconds until it holds, and return what it returned.

    It holds when it returns something truthy, or, where it is declared to return None (a function of
    asserts), when it raises no AssertionError. A lambda has no such declaration, so one that finds nothing
    and returns None is not taken for a success. Any other exception is an error of the test and passes
    through at once.

    Raises AssertionError after `within` seconds, with `what` and the last reason. The check is always called
    at least once, and once more after the last pause.
    """
    asserts = inspect.signature(check).return_annotation in (None, "None")
    deadline = time.monotonic() + within
    while True:
        try:
            found = check()
        except AssertionError as error:
            reason = str(error) or "an assert without a message failed"
        else:
            if found or (asserts and found is None):
                return found
            reason = f"the check returned {found!r}"
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"not within {within:g} s: {what}; last: {reason}")
        time.sleep(min(every, left))
