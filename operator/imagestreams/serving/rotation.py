"""What is due for a certificate that several replicas share: one step at a time, by whoever is first.

Pure. A new one is announced, so that its CA is trusted; then all serve it, and the CA of the one before stays
trusted until the last of them has heard; then that is forgotten. One that somebody else made is announced by
whoever finds it first. A step is taken by what is stored and by how long it has been so, never by what one
replica did, so that any of them may end in between. Used by serving.sharing.
"""

from __future__ import annotations

import enum


class Step(enum.Enum):
    """What to do with what is stored."""

    KEEP = "nothing is due, or not yet"
    ANNOUNCE = "store the next certificate beside the one that is served"
    SERVE = "serve the next one"
    FORGET = "trust the one before no more"


def due(age: float, renewed_after: float, *, following: bool, former: bool, settled: bool) -> Step:
    """Say what is due.

    `age` is that of the certificate that is served, in seconds, and below 0 where the clock was set back;
    `following` tells whether the next one is stored, `former` whether the CA of the one before is, and
    `settled` whether all that is stored has been seen, and trusted, for long enough.
    """
    if following:
        return Step.SERVE if settled else Step.KEEP
    if former:
        return Step.FORGET if settled else Step.KEEP
    # A clock that was set back must not keep a certificate for years.
    return Step.ANNOUNCE if abs(age) >= renewed_after else Step.KEEP
