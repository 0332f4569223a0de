"""A status stays within what can be stored, and settles."""

from __future__ import annotations

import dataclasses
import json

import pytest

from imagestreams.importing.budget import TRIMMED, cut_message, fit
from imagestreams.model.status import Condition, StreamStatus, TagEvent, TagStatus

NOW, LATER = "2026-03-03T00:00:00Z", "2026-03-03T01:00:00Z"


def history(name: str, length: int) -> TagStatus:
    """Make a tag with so many items, the newest first."""
    items = (
        TagEvent(NOW, f"registry.example.com/team/{name}@sha256:{number:064x}", f"sha256:{number:064x}", 1)
        for number in range(length, 0, -1)
    )
    return TagStatus(name, tuple(items))


def test_what_fits_stays_as_it_is() -> None:
    """A status within its budget is not touched."""
    status = StreamStatus(tags=(history("a", 50), history("b", 3)))
    assert status == fit(status, StreamStatus(), budget=900_000, now=NOW)


def test_the_oldest_items_of_the_longest_histories_go_first() -> None:
    """What is dropped is old and of long histories; a condition says how many are kept."""
    status = StreamStatus(tags=(history("long", 50), history("short", 3)))
    fitted = fit(status, StreamStatus(), budget=6_000, now=NOW)

    long, short = fitted.tags
    assert status.tags[0].items[: len(long.items)] == long.items
    assert 3 < len(long.items) < 50
    assert status.tags[1] == short
    (said,) = fitted.conditions
    assert (TRIMMED, "True", NOW) == (said.type, said.status, said.last_transition)
    assert f"at most {len(long.items)} items" in said.message


def test_a_thousand_tags_of_fifty_moves_can_be_stored() -> None:
    """1,000 tags that moved 50 times each are written in less than 1 MiB of JSON."""
    status = StreamStatus(tags=tuple(history(f"v{number}", 50) for number in range(1000)))
    fitted = fit(status, StreamStatus(), budget=900_000, now=NOW)
    assert len(json.dumps(fitted.to_json())) < 1024 * 1024
    assert all(tag.items for tag in fitted.tags)


def test_fitting_what_was_fitted_changes_nothing() -> None:
    """A status that was trimmed once is not written again: neither its items nor its condition change."""
    status = StreamStatus(tags=tuple(history(f"v{number}", 50) for number in range(10)))
    once = fit(status, StreamStatus(), budget=30_000, now=NOW)
    again = fit(dataclasses.replace(once, conditions=()), once, budget=30_000, now=LATER)
    assert once == again


def test_the_condition_goes_when_there_is_room() -> None:
    """With room again the condition is gone."""
    status = StreamStatus(tags=tuple(history(f"v{number}", 50) for number in range(10)))
    once = fit(status, StreamStatus(), budget=30_000, now=NOW)
    smaller = StreamStatus(tags=once.tags[:2])
    assert () == fit(smaller, once, budget=30_000, now=LATER).conditions


def test_what_is_available_counts_and_stays() -> None:
    """A held tag keeps what it is held at and what is available, however little room there is."""
    (item,) = history("next", 1).items
    held = dataclasses.replace(history("long", 50), available=item)
    fitted = fit(StreamStatus(tags=(held,)), StreamStatus(), budget=1_000, now=NOW)
    other = fit(StreamStatus(tags=(history("long", 50),)), StreamStatus(), budget=1_000, now=NOW)

    assert (item, held.items[0]) == (fitted.tags[0].available, fitted.tags[0].items[0])
    assert 1 == len(other.tags[0].items) - len(fitted.tags[0].items)


@pytest.mark.parametrize(("tags", "most"), [(1, 1000), (400, 1000), (1000, 400), (2000, 200)])
def test_a_message_is_cut_by_the_number_of_tags(tags: int, most: int) -> None:
    """A message has room by the number of tags of its stream, and shows that it was cut."""
    assert "short" == cut_message("short", tags)
    assert ("m" * (most - 3) + "...") == cut_message("m" * 5000, tags)


def test_where_there_is_nothing_to_drop_nothing_is_said() -> None:
    """A status that is large by its conditions alone has no history to lose, and no condition says it did."""
    failed = (
        TagStatus(f"v{number}", (), (Condition("ImportSuccess", "False", "NotFound", "m" * 200, NOW),))
        for number in range(100)
    )
    status = StreamStatus(tags=tuple(failed))
    assert status == fit(status, StreamStatus(), budget=10_000, now=NOW)
