"""The numbers of tags, beyond what was recorded (imageapi.generations)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imagestreams.imageapi.generations import tag_generations
from imagestreams.model.stream import Stream, intent_of
from unit.importing.streams import body, tag

GENERATIONS = st.integers(1, 3)
SOURCES = st.sampled_from(["r.io/app:v1", "r.io/app:v2"])
TAGS = st.dictionaries(st.sampled_from(["a", "b", "c"]), SOURCES)
DONE = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.tuples(SOURCES, GENERATIONS))


@given(TAGS, DONE, GENERATIONS)
def test_a_tag_has_the_generation_of_its_intent_while_it_asks_for_that(
    asked: dict[str, str], done: dict[str, tuple[str, int]], generation: int
) -> None:
    """Else the stream's: what is left out where the answer is known anyway changes none."""
    stored = body(*(tag(name, source) for name, source in asked.items()), generation=generation)
    histories: dict[str, dict[str, Any]] = {
        name: {"tag": name, "intent": _intent(name, source) | {"generation": at}}
        for name, (source, at) in done.items()
    }
    expected = {
        name: done[name][1] if name in done and done[name][0] == source else generation
        for name, source in asked.items()
    }
    assert expected == tag_generations(stored, histories, "Legacy")


def _intent(name: str, source: str) -> dict[str, Any]:
    stream = Stream.parse(body(tag(name, source)))
    return intent_of(stream, stream.tags[0]).to_json()
