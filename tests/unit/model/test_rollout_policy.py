"""The annotations that order rollouts: what they take, and what a slip counts as."""

from __future__ import annotations

import pytest

from imagestreams.errors import InvalidError
from imagestreams.model.rollout_policy import (
    after_ready,
    most_rollouts,
    read_max_rollouts,
    read_rollout_order,
)


@pytest.mark.parametrize(("text", "limit"), [("", None), ("1", 1), ("007", 7), ("10000", 10_000)])
def test_a_limit_is_a_number(text: str, limit: int | None) -> None:
    """Any number from 1 to 10,000 is a limit; nothing is none."""
    assert limit == read_max_rollouts(text)
    assert limit == most_rollouts(text)


@pytest.mark.parametrize("text", ["0", "-1", "10001", "ten", "1.5", " 2", "٣", "1" * 5000])
def test_a_limit_that_is_none_is_told_and_counts_as_one(text: str) -> None:
    """Who wanted a limit and slipped does not get a thousand rollouts at once."""
    with pytest.raises(InvalidError, match="is not a number from 1 to 10000") as caught:
        read_max_rollouts(text)

    assert len(str(caught.value)) < 100
    assert 1 == most_rollouts(text)


@pytest.mark.parametrize(("text", "waits"), [("", False), ("after-ready", True)])
def test_an_order_has_one_value(text: str, waits: bool) -> None:
    """There is after-ready, and nothing."""
    assert waits is read_rollout_order(text)
    assert waits is after_ready(text)


@pytest.mark.parametrize("text", ["afterready", "After-Ready", "true", "x" * 5000])
def test_an_order_that_is_none_is_told_and_counts_as_after_ready(text: str) -> None:
    """Who wanted to wait and slipped waits."""
    with pytest.raises(InvalidError, match='is not "after-ready", the one value there is') as caught:
        read_rollout_order(text)

    assert len(str(caught.value)) < 100
    assert after_ready(text)
