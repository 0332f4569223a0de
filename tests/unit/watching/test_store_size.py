"""What is kept of a stream is small: there may be ten thousand, and more, in one process."""

from __future__ import annotations

import json
import tracemalloc

from imagestreams.importing.memory import Memory
from imagestreams.importing.plan import Attempt
from imagestreams.importing.record import Imported
from imagestreams.importing.schedule import Schedule
from imagestreams.model.stream import Stream, StreamKey, intent_of
from imagestreams.watching.store import Store
from unit.importing.streams import EARLIER, NOW, body, digest, record, tag

STREAMS = 500
_MOST = 8_000


def text(number: int) -> str:
    """Make what the API server sends of a stream of five tags with two items each: about 5 KB."""
    name = f"application-{number}"
    tags = [tag(f"v{nth}", f"registry.example.com/team/{name}:v{nth}", scheduled=True) for nth in range(5)]
    given = body(*tags, name=name, uid=f"0c8d5a52-0000-4000-8000-{number:012}")
    for now, letter in ((EARLIER, "a"), (NOW, "b")):
        stream = Stream.parse(given)
        outcomes = {
            each.name: Imported(
                intent_of(stream, each), f"registry.example.com/team/{name}@{digest(letter)}", digest(letter)
            )
            for each in stream.tags
        }
        given["status"] = record(stream, outcomes, now=now).to_json()
    return json.dumps(given)


def test_a_stream_of_five_tags_takes_less_than_eight_kilobytes() -> None:
    """Its spec, its status, what is remembered of each tag's last check, and its place on the heap."""
    texts = [text(number) for number in range(STREAMS)]
    store = Store()
    memories: dict[StreamKey, Memory] = {}
    schedule: Schedule[StreamKey] = Schedule()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number, each in enumerate(texts):
            stream = Stream.parse(json.loads(each))
            store.put(stream)
            memory = memories[stream.key] = Memory(stream.uid, since=0.0)
            for status in stream.status.tags:
                assert status.intent is not None
                memory.attempts[status.tag] = Attempt(status.intent, float(number), answered=float(number))
            schedule.set(stream.key, float(number))
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert (STREAMS, STREAMS) == (len(store), len(schedule))
    assert kept / STREAMS < _MOST
    assert len(texts[0]) > 4_000
