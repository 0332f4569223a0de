"""What a stream asks for that is accepted, but is not what its author may think. Pure.

Told in the message of Ready, which stays True: nothing failed. Called by importing.record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError
from imagestreams.importing.intervals import interval_problem
from imagestreams.importing.repository import repository_problems
from imagestreams.model.history import read_keep
from imagestreams.model.rollout_policy import read_max_rollouts

if TYPE_CHECKING:
    from imagestreams.importing.effective import Defaults
    from imagestreams.model.stream import Stream


def cautions(stream: Stream, defaults: Defaults) -> str:
    """Say all of them in one text, "" where there is none."""
    found = [
        repository_problems(stream, defaults),
        _local(stream),
        interval_problem(stream),
        _keep(stream, defaults),
        _max_rollouts(stream),
    ]
    return "; ".join(text for text in found if text)


def items_kept(stream: Stream, defaults: Defaults) -> int:
    """Say how many items of each tag's history a stream keeps; what cannot be read counts as not set."""
    try:
        return read_keep(stream.keep, defaults.keep)
    except InvalidError:
        return defaults.keep


def _keep(stream: Stream, defaults: Defaults) -> str:
    try:
        read_keep(stream.keep)
    except InvalidError as error:
        return f"annotation imagestreams.dev/keep: {error}; {defaults.keep} are kept"
    return ""


def _max_rollouts(stream: Stream) -> str:
    try:
        read_max_rollouts(stream.max_rollouts)
    except InvalidError as error:
        return f"annotation imagestreams.dev/max-rollouts: {error}; until it is corrected it counts as 1"
    return ""


def _local(stream: Stream) -> str:
    names = [tag.name for tag in stream.tags if tag.reference_policy == "Local"]
    if not names:
        return ""
    return (
        f"referencePolicy Local of {len(names)} tag(s) is treated like Source: there is no internal registry "
        "to pull from"
    )
