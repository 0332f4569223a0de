"""What a stream asks for that is accepted, but is not what its author may think. Pure.

Told in the message of Ready, which stays True: nothing failed. Called by importing.record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError
from imagestreams.importing.plan import interval_problem
from imagestreams.model.history import KEEP_ITEMS, read_keep

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream


def cautions(stream: Stream) -> str:
    """Say all of them in one text, "" where there is none."""
    found = [_repository(stream), _local(stream), interval_problem(stream), _keep(stream)]
    return "; ".join(text for text in found if text)


def items_kept(stream: Stream) -> int:
    """Say how many items of each tag's history a stream keeps; what cannot be read counts as not set."""
    try:
        return read_keep(stream.keep)
    except InvalidError:
        return KEEP_ITEMS


def _keep(stream: Stream) -> str:
    try:
        read_keep(stream.keep)
    except InvalidError as error:
        return f"annotation imagestreams.dev/keep: {error}; {KEEP_ITEMS} are kept"
    return ""


def _repository(stream: Stream) -> str:
    if not stream.repository:
        return ""
    return "spec.dockerImageRepository is not followed yet; name its tags in spec.tags"


def _local(stream: Stream) -> str:
    names = [tag.name for tag in stream.tags if tag.reference_policy == "Local"]
    if not names:
        return ""
    return (
        f"referencePolicy Local of {len(names)} tag(s) is treated like Source: there is no internal registry "
        "to pull from"
    )
