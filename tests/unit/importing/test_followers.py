"""Who follows whom, whatever changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagestreams.importing.followers import Followers
from imagestreams.model.stream import StreamKey

KEYS = [StreamKey("shop", name) for name in "abcd"]
STREAMS = st.sampled_from(KEYS)


@given(st.lists(st.tuples(STREAMS, st.frozensets(STREAMS)), max_size=20))
def test_followers_are_those_whose_last_word_it_was(
    changes: list[tuple[StreamKey, frozenset[StreamKey]]],
) -> None:
    """After any changes, a stream's followers are exactly those that last said they follow it."""
    followers = Followers()
    last: dict[StreamKey, frozenset[StreamKey]] = {}
    for key, streams in changes:
        followers.set(key, streams)
        last[key] = streams

    for key in KEYS:
        assert {other for other, streams in last.items() if key in streams} == set(followers.of(key))
