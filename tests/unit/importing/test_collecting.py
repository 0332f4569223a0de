"""Which Images are marked, unmarked and deleted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.importing.collecting import Action, KeptImage, collect

NOW, GRACE = 10_000.0, 3_600.0


@pytest.mark.parametrize(
    ("named", "since", "action"),
    [
        (True, None, None),
        (True, NOW - 10 * GRACE, Action.UNMARK),
        (False, None, Action.MARK),
        (False, NOW, None),
        (False, NOW - GRACE + 1, None),
        (False, NOW - GRACE, Action.DELETE),
        (False, NOW + 1, Action.MARK),
    ],
    ids=[
        "named",
        "named again",
        "named no more",
        "marked just now",
        "marked, the grace not over",
        "marked, the grace over",
        "marked in the future",
    ],
)
def test_what_is_done_with_an_image(named: bool, since: float | None, action: Action | None) -> None:
    """Marked first, deleted after the grace time, unmarked when it is named again; else nothing."""
    image = KeptImage("sha256:a", "u", "1", since)

    done = list(collect([image], {"sha256:a"} if named else set(), now=NOW, grace=GRACE))
    assert ([(action, image)] if action else []) == done


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.none() | st.floats(0, 2 * NOW)), unique_by=lambda item: item[0]
    ),
    st.sets(st.integers(0, 20)),
)
def test_nothing_that_is_named_or_unmarked_is_deleted(
    images: list[tuple[int, float | None]], named: set[int]
) -> None:
    """Only what was marked at least a grace time ago, and is named by nobody, is deleted."""
    kept = [KeptImage(str(number), "u", "1", since) for number, since in images]
    for action, image in collect(kept, {str(number) for number in named}, now=NOW, grace=GRACE):
        if action is Action.DELETE:
            assert int(image.digest) not in named
            assert image.unnamed_since is not None
            assert image.unnamed_since <= NOW - GRACE
