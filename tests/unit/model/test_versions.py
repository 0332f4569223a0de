"""Which of two readings of one object is the newer."""

from __future__ import annotations

import pytest

from imagestreams.model.versions import is_older


@pytest.mark.parametrize(
    ("version", "other", "expected"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("10", "10", False),
        ("99999999999999999998", "99999999999999999999", True),
        ("", "1", False),
        ("1", "", False),
        ("abc", "xyz", False),
        ("-1", "1", False),
    ],
)
def test_versions_compare_as_numbers_and_only_so(version: str, other: str, expected: bool) -> None:
    """A version is older when it is the smaller number; one that is no number is never older."""
    assert expected is is_older(version, other)
