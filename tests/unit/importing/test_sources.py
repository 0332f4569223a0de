"""What the tags of a stream can take images from, however many there are."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imagestreams.importing.sources import Sources, TagKey
from imagestreams.model.status import TagEvent, TagStatus
from imagestreams.model.stream import Stream, StreamKey
from unit.importing.streams import NOW, body, record, stream, tag

KEY, BASE = StreamKey("shop", "app"), StreamKey("shop", "base")
MANY = 2000
names = st.sampled_from("abcdef")


def alias(name: str, source: str, kind: str = "ImageStreamTag") -> dict[str, Any]:
    """Make a spec tag that gets its image from elsewhere."""
    return {"name": name, "from": {"kind": kind, "name": source}}


def nowhere(_: StreamKey) -> None:
    """Find no other stream."""


def circle(followed: dict[str, str], start: str) -> list[str]:
    """Find step by step which tags follow each other in a circle, if a tag leads into one."""
    path: list[str] = []
    while start not in path:
        if start not in followed:
            return []
        path.append(start)
        start = followed[start]
    return path[path.index(start) :]


@given(st.dictionaries(names, names), st.permutations("abcdef"))
def test_circles_are_those_that_one_finds_step_by_step(followed: dict[str, str], order: list[str]) -> None:
    """Whatever follows what, and whatever is asked first; a tag of a circle is named first itself."""
    made = stream(*(alias(name, source) for name, source in followed.items()))
    sources = Sources(made, {}, nowhere)
    for name in order:
        expected = circle(followed, name)
        found = [key.tag for key in sources.circle(TagKey(KEY, name))]
        if name in expected:
            assert expected == found
        assert sorted(expected) == sorted(found)


@given(st.lists(st.text("0ab", min_size=1, max_size=4)), st.text("0ab", max_size=3))
def test_images_are_found_by_how_they_begin(digests: list[str], prefix: str) -> None:
    """All that begin so are found, each once, also those that came later."""
    items = [TagEvent(NOW, f"r.io/x@{digest}", f"sha256:{digest}") for digest in digests]
    sources = Sources(stream(), {"a": TagStatus("a", tuple(items[:2]))}, nowhere)
    sources.images(KEY, prefix)
    for number, item in enumerate(items[2:]):
        sources.decided(TagStatus(f"t{number}", (item,)))
    expected = sorted({item.image for item in items if item.image.startswith(f"sha256:{prefix}")})

    assert expected == [item.image for item in sources.images(KEY, prefix)]
    assert expected == [item.image for item in sources.images(KEY, f"sha256:{prefix}")]


def test_two_thousand_tags_in_a_chain_hold_up_nobody() -> None:
    """A chain, a circle, and as many tags and pins of another large stream are decided in a moment."""
    chain = [alias(f"t{number}", f"t{number + 1}") for number in range(MANY - 1)]
    end = f"t{MANY - 1}"
    items = [
        TagStatus(f"t{number}", (TagEvent(NOW, "r.io/x", f"sha256:{number:064}"),)) for number in range(MANY)
    ]
    status = {"tags": [item.to_json() for item in items]}
    base = Stream.parse(body(*(tag(item.tag) for item in items), name="base", uid="u-2", status=status))
    pins = [alias(f"t{number}", f"base@{number:064}", "ImageStreamImage") for number in range(MANY)]
    for tags in (
        [*chain, tag(end)],
        [*chain, alias(end, "t0")],
        [alias(item.tag, f"base:{item.tag}") for item in items],
        pins,
    ):
        began = time.process_time()
        record(stream(*tags), {}, now=NOW, others=[base])

        # Looked for tag by tag it takes minutes.
        assert time.process_time() - began < 5
