"""Malformed trigger annotations: what is wrong is told, what is right beside it is still done."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from support.malformed import malformed, mangled
from unit.fuzz.counts import seeds
from unit.importing.streams import body, digest
from unit.importing.world import now, until
from unit.triggering.deployments import DEPLOYMENT, deployment, trigger
from unit.watching.world import World

A = digest("a")
OTHER = "registry.example.com/untouched:1"


def annotation(seed: int) -> tuple[str, bool]:
    """Make an annotation with a right entry and a malformed one, or mangled; tell whether it is a list."""
    chance = random.Random(seed)
    right = trigger()
    if chance.random() < 0.3:
        text = mangled(seed, json.dumps([right]).encode()).decode(errors="replace")
        return text, False
    wrong = malformed(seed, [trigger()])
    entries = [right, *(wrong if isinstance(wrong, list) else [wrong])]
    return json.dumps(entries), True


def made(seed: int, text: str) -> dict[str, Any]:
    """Make a Deployment with an annotation."""
    raw = deployment(trigger(), name=f"web-{seed}", uid=f"d-{seed}")
    raw["metadata"]["annotations"]["image.openshift.io/triggers"] = text
    return raw


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.timeout(400)
async def test_the_right_entry_is_done_whatever_stands_beside_it() -> None:
    """No annotation ends the operator; where the list can be read, its right entry is followed."""
    world = World()
    event = {"created": "2026-01-01T00:00:00Z", "dockerImageReference": f"r.io/app@{A}", "image": A}
    world.intake.stream_seen(body(status={"tags": [{"tag": "v1", "items": [event]}]}))
    readable: set[str] = set()
    for seed in seeds():
        text, lists = annotation(seed)
        raw = made(seed, text)
        world.workloads.apply(raw)
        world.intake.workload_seen(DEPLOYMENT, raw)
        # A second entry for the same field is another mistake: then neither is done.
        paths = (
            [entry.get("fieldPath") for entry in json.loads(text)[1:] if isinstance(entry, dict)]
            if lists
            else []
        )
        if lists and trigger()["fieldPath"] not in paths:
            readable.add(f"web-{seed}")
    await until(now() + 120)

    done = {
        key.name
        for key, stored in world.workloads.bodies.items()
        if f"r.io/app@{A}" == stored["spec"]["template"]["spec"]["containers"][0]["image"]
    }
    assert readable <= done
    assert readable
