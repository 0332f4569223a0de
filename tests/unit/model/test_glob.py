"""Globs: * is any characters, ? is one, all else is itself."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.glob import fits


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "1.2", True),
        ("?", "", False),
        ("?", "a", True),
        ("1.*", "1.2", True),
        ("1.*", "1", False),
        ("1.*", "11.2", False),
        ("*-rc*", "1.2-rc1", True),
        ("*-rc*", "1.2", False),
        ("*a*b", "xaybzb", True),
        ("*a*b", "xaybz", False),
        ("v?.?", "v1.2", True),
        ("v?.?", "v1.12", False),
        ("[0-9]", "1", False),
        ("[0-9]", "[0-9]", True),
        ("a*", "*a", False),
        ("A*", "abc", False),
    ],
)
def test_a_pattern_fits_the_whole_text(pattern: str, text: str, expected: bool) -> None:
    """The pattern stands for the text from its beginning to its end."""
    assert expected is fits(pattern, text)


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=8))
def test_a_glob_is_the_regular_expression_it_stands_for(pattern: str, text: str) -> None:
    """What fits is what .* for each * and . for each ? would match."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    assert (re.fullmatch(expression, text) is not None) is fits(pattern, text)


def test_no_pattern_hangs() -> None:
    """A pattern that a backtracking matcher takes for ever over is answered at once."""
    started = time.monotonic()
    assert not fits("*a" * 60 + "b", "a" * 128)
    assert time.monotonic() - started < 1.0
