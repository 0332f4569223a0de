"""How one more event changes a tag's history: AddTagEvent's rules, line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.history import KEEP_ITEMS, add_event
from imagestreams.model.status import TagEvent

A = TagEvent("2026-01-01T00:00:00Z", "r@a", "a", 1)
OLD = TagEvent("2025-01-01T00:00:00Z", "r@o", "o", 1)
LATER = "2026-02-02T00:00:00Z"


@pytest.mark.parametrize(
    ("items", "event", "expected"),
    [
        pytest.param((), A, (A,), id="the first event is the history"),
        pytest.param((A, OLD), TagEvent(LATER, "r@a", "a", 1), (A, OLD), id="the same again changes nothing"),
        pytest.param(
            (A, OLD),
            TagEvent(LATER, "r@a", "a", 7),
            (TagEvent(A.created, "r@a", "a", 7), OLD),
            id="another generation alone is noted in place",
        ),
        pytest.param(
            (A, OLD),
            TagEvent(LATER, "r@a", "b", 7),
            (TagEvent(A.created, "r@a", "b", 7), OLD),
            id="another image under the same reference is put in place",
        ),
        pytest.param(
            (A, OLD),
            TagEvent(LATER, "r@a", "", 7),
            (TagEvent(A.created, "r@a", "", 7), OLD),
            id="which can blank the image",
        ),
        pytest.param(
            (A, OLD),
            TagEvent(LATER, "mirror@a", "a", 7),
            (TagEvent(A.created, "mirror@a", "a", 7), OLD),
            id="another reference to the same image is put in place",
        ),
        pytest.param(
            (A, OLD),
            TagEvent(LATER, "r@b", "b", 1),
            (TagEvent(LATER, "r@b", "b", 1), A, OLD),
            id="another image and reference comes in front",
        ),
        pytest.param(
            (A, OLD),
            TagEvent(LATER, "r@o", "o", 2),
            (TagEvent(LATER, "r@o", "o", 2), A, OLD),
            id="an image of the past comes in front anew",
        ),
    ],
)
def test_an_event_changes_the_history(
    items: tuple[TagEvent, ...], event: TagEvent, expected: tuple[TagEvent, ...]
) -> None:
    """Each rule of AddTagEvent holds."""
    assert expected == add_event(items, event)


_EVENTS = st.lists(
    st.builds(
        lambda image, reference, generation: (reference, image, generation),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["r@a", "r@b", "m@a"]),
        st.integers(1, 9),
    ),
    max_size=30,
)


@given(_EVENTS, st.integers(1, 5))
def test_history_is_bounded_ordered_and_keeps_its_times(
    events: list[tuple[str, str, int]], keep: int
) -> None:
    """After any events: no more than `keep` items, newest first, and no item's time ever changes."""
    items: tuple[TagEvent, ...] = ()
    for number, (reference, image, generation) in enumerate(events):
        event = TagEvent(f"2026-01-01T00:00:{number:02}Z", reference, image, generation)
        before, items = items, add_event(items, event, keep=keep)

        assert len(items) <= keep
        assert sorted((item.created for item in items), reverse=True) == [item.created for item in items]
        assert (reference, image, generation) == (items[0].reference, items[0].image, items[0].generation)
        in_front = len(before) > 0 and before[0].created != items[0].created
        assert (before[: keep - 1] if in_front else before[1:]) == items[1:]
        if not in_front and before:
            assert before[0].created == items[0].created


def test_by_default_fifty_items_are_kept() -> None:
    """The oldest of fifty items makes room for the next."""
    items: tuple[TagEvent, ...] = ()
    for number in range(KEEP_ITEMS + 10):
        items = add_event(items, TagEvent(LATER, f"r@{number}", str(number)))

    assert 50 == KEEP_ITEMS == len(items)
    assert ("59", "10") == (items[0].image, items[-1].image)
