"""What is kept of a stream is small: there may be ten thousand, and more, in one process."""

from __future__ import annotations

import gc
import hashlib
import json
import tracemalloc

from imagestreams.importing.memory import Memory
from imagestreams.importing.plan import Attempt
from imagestreams.importing.record import Imported
from imagestreams.importing.schedule import Schedule
from imagestreams.model.stream import Stream, StreamKey, intent_of
from imagestreams.watching.store import Store
from unit.importing.streams import body, record, tag

STREAMS = 500
_MOST = 10_000


def text(number: int) -> str:
    """Make what the API server sends of a stream of five tags with two items each: about 5 KB.

    Its digests and times are its own, as nearly all are in a real cluster.
    """
    name = f"application-{number}"
    tags = [tag(f"v{nth}", f"registry.example.com/team/{name}:v{nth}", scheduled=True) for nth in range(5)]
    given = body(*tags, name=name, uid=f"0c8d5a52-0000-4000-8000-{number:012}")
    for day in (1, 2):
        stream = Stream.parse(given)
        outcomes = {}
        for each in stream.tags:
            image = f"sha256:{hashlib.sha256(f'{name}:{each.name} {day}'.encode()).hexdigest()}"
            pull_spec = f"registry.example.com/team/{name}@{image}"
            outcomes[each.name] = Imported(intent_of(stream, each), pull_spec, image)
        now = f"2026-01-{day:02}T{number // 60:02}:{number % 60:02}:00Z"
        given["status"] = record(stream, outcomes, now=now).to_json()
    return json.dumps(given)


def test_a_stream_of_five_tags_takes_less_than_ten_kilobytes() -> None:
    """Its spec, its status, what is remembered of each tag's last check, and its place on the heap."""
    texts = [text(number) for number in range(STREAMS)]
    store = Store()
    memories: dict[StreamKey, Memory] = {}
    schedule: Schedule[StreamKey] = Schedule()
    gc.collect()
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
