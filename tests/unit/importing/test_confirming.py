"""What a status tells of those who moved tags before we did (importing.confirming)."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.importing.confirming import moved_elsewhere
from imagestreams.model.status import StreamStatus


def status(*images: str, **more: Any) -> StreamStatus:
    """Make the status of a tag with these images, the newest first."""
    items = [{"image": image, "dockerImageReference": f"r.io/app@{image}"} for image in images]
    return StreamStatus.parse({"tags": [{"tag": "1", "items": items, **more}]})


FAILED = [{"type": "ImportSuccess", "status": "False", "reason": "NotFound", "generation": 2}]
AVAILABLE = {"image": "c", "dockerImageReference": "r.io/app@c"}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (status("a"), status("a"), False),
        (status("a"), status("b", "a"), True),
        (status("b", "a"), status("b"), False),
        (status(), status("a"), True),
        (status("a"), status(), True),
        (StreamStatus(), status(), False),
        (StreamStatus(), status(conditions=FAILED), False),
        (StreamStatus(), status("a"), True),
        (status("a"), StreamStatus(), True),
        (status("a"), status("a", conditions=FAILED), False),
        (status("a"), status("a", intent={"kind": "DockerImage", "name": "r.io/app:1"}), False),
        (status("a"), status("a", available=AVAILABLE), True),
    ],
)
def test_a_tag_with_another_image_is_told(before: StreamStatus, now: StreamStatus, expected: bool) -> None:
    """One that others imported, pushed, pruned or found for a held tag; what failed for them moved none."""
    assert (frozenset({"1"}) if expected else frozenset()) == moved_elsewhere(now, before)
