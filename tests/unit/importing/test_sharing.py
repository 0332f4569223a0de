"""importing.sharing: asking once what several want to know, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from imagestreams.errors import NotFoundError
from imagestreams.importing.gate import Gate
from imagestreams.importing.sharing import Matter, Sharing
from imagestreams.metrics import Metrics
from imagestreams.model.reference import parse_reference
from imagestreams.registry.names import place_of
from imagestreams.registry.question import Question
from unit.importing.streams import digest
from unit.importing.world import Registries, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NAME = "r.io/app:v1"


async def test_an_older_answer_that_comes_late_replaces_no_younger_one() -> None:
    """A request by hand overtakes a slow question; whoever takes a kept answer then takes the younger."""
    reference = parse_reference(NAME)
    home = place_of(reference)
    question = Question(reference, home)
    registries = Registries()
    sharing = Sharing(registries, Gate(total=8, share=8), Metrics())

    registries.digests[NAME], registries.delays[NAME] = digest("a"), 10.0
    slow = asyncio.ensure_future(sharing.put(question, Matter(reference, home), registries.resolve))
    await until(1)
    registries.digests[NAME], registries.delays[NAME] = digest("b"), 1.0
    by_hand = await sharing.put(question, Matter(reference, home, token="now"), registries.resolve)
    late = await slow
    kept = await sharing.put(question, Matter(reference, home, fresh=60.0), registries.resolve)

    assert [digest("b"), digest("a"), digest("b")] == [
        getattr(answer, "digest", answer) for answer in (by_hand, late, kept)
    ]
    assert [0.0, 1.0] == registries.times(NAME)


async def test_refusals_give_a_limited_host_its_places_back() -> None:
    """A host that limited us and then only answers 404 is asked as others are again, by and by."""
    reference = parse_reference(NAME)
    home = place_of(reference)
    question = Question(reference, home)
    registries, gate = Registries(), Gate(total=8, share=8)
    sharing = Sharing(registries, gate, Metrics())
    gate.narrow("r.io", pause=1.0)
    before = gate._limits.places("r.io")
    for _ in range(100):
        assert isinstance(
            await sharing.put(question, Matter(reference, home), registries.resolve), NotFoundError
        )

    assert (4.0, 8) == (before, gate._limits.places("r.io"))
