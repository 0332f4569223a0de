"""The order of a repository's tags: the original's PrioritizeTags."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.tag_order import in_order

TABLE = [
    (
        ["5", "other", "latest", "v5.5", "5.2.3", "v5.3.6-bother", "5.3.6-abba", "5.6"],
        ["latest", "5.6", "v5.5", "v5.3.6-bother", "5.3.6-abba", "5.2.3", "5", "other"],
    ),
    (
        ["1.1-beta1", "1.2-rc1", "1.1-rc1", "1.1-beta2", "1.2-beta1", "1.2-alpha1", "1.2-beta4", "latest"],
        ["latest", "1.2-rc1", "1.2-beta4", "1.2-beta1", "1.2-alpha1", "1.1-rc1", "1.1-beta2", "1.1-beta1"],
    ),
    (["7.1", "v7.1", "7.1.0"], ["7.1", "v7.1", "7.1.0"]),
    (["7.1.0", "v7.1", "7.1"], ["7.1", "v7.1", "7.1.0"]),
    ([], []),
    (["latest"], ["latest"]),
    (["b", "a"], ["a", "b"]),
    (["Latest", "latest"], ["latest", "Latest"]),
    (["1.9", "1.10"], ["1.10", "1.9"]),
    (["2.0", "10.0"], ["10.0", "2.0"]),
    (["1.2.9", "1.2.10"], ["1.2.10", "1.2.9"]),
    (["1.2.3", "1.2"], ["1.2", "1.2.3"]),
    (["9.9.9", "0.1"], ["0.1", "9.9.9"]),
    (["1.0-rc1", "1.0"], ["1.0", "1.0-rc1"]),
    (["1.0.0-rc1", "1.0.0"], ["1.0.0", "1.0.0-rc1"]),
    (["1.0.0-rc.2", "1.0.0-rc.10"], ["1.0.0-rc.10", "1.0.0-rc.2"]),
    (["1.0-rc2", "1.0-rc10"], ["1.0-rc2", "1.0-rc10"]),
    (["1.0.0-1", "1.0.0-a"], ["1.0.0-a", "1.0.0-1"]),
    (["1.0.0-a", "1.0.0-a.1"], ["1.0.0-a.1", "1.0.0-a"]),
    (["1.0.0-2", "1.0.0-10"], ["1.0.0-10", "1.0.0-2"]),
    (["v2.1.0", "2.1.0"], ["2.1.0", "v2.1.0"]),
    (["v2.1.0", "2.0.9"], ["v2.1.0", "2.0.9"]),
    (["vv1.2", "1.1"], ["1.1", "vv1.2"]),
    (["V1.2", "1.1"], ["1.1", "V1.2"]),
    (["01.2", "1.1"], ["1.1", "01.2"]),
    (["1.02", "1.1"], ["1.1", "1.02"]),
    (["1.0.01", "1.0.0"], ["1.0.0", "1.0.01"]),
    (["1.0.0-01", "1.0.0-1"], ["1.0.0-1", "1.0.0-01"]),
    (["1.0.0-a..b", "1.0.0"], ["1.0.0", "1.0.0-a..b"]),
    (["1.0.0-a_b", "1.0.0"], ["1.0.0", "1.0.0-a_b"]),
    (["1.0-a_b", "1.0"], ["1.0", "1.0-a_b"]),
    (["1.0-a.b", "1.0"], ["1.0", "1.0-a.b"]),
    (["1.0-a-b", "1.0"], ["1.0", "1.0-a-b"]),
    (["1.0-", "1.0"], ["1.0", "1.0-"]),
    (["1.2.3.4", "1.2.3"], ["1.2.3", "1.2.3.4"]),
    (["1", "2", "3.0"], ["3.0", "1", "2"]),
    (["10", "9"], ["10", "9"]),
    (["alpine", "3.20-alpine", "3.20"], ["3.20", "3.20-alpine", "alpine"]),
    (["20261124.1", "20261123.9"], ["20261124.1", "20261123.9"]),
    (
        ["18446744073709551615.0", "18446744073709551616.0"],
        ["18446744073709551615.0", "18446744073709551616.0"],
    ),
    (["18446744073709551616.0", "1.0"], ["1.0", "18446744073709551616.0"]),
    (["sha-1a2b", "main", "pr-7"], ["main", "pr-7", "sha-1a2b"]),
]


@pytest.mark.parametrize(("tags", "expected"), TABLE)
def test_the_newest_versions_come_first(tags: list[str], expected: list[str]) -> None:
    """Latest, short versions down, full versions down, all else up; however the list was ordered."""
    shuffled = random.Random(7).sample(tags, len(tags))
    assert expected == in_order(tags) == in_order(reversed(tags)) == in_order(shuffled)


parts = st.sampled_from(["latest", "v", "", "1", "0", "10", ".", "-", "rc", "a", "_", "01"])


@given(st.lists(st.lists(parts, max_size=8).map("".join)))
def test_nothing_is_lost_and_order_is_order(tags: list[str]) -> None:
    """The answer holds the same tags, and ordering it again changes nothing."""
    ordered = in_order(tags)
    assert sorted(tags) == sorted(ordered)
    assert ordered == in_order(ordered)
    assert ordered == in_order(reversed(tags))
