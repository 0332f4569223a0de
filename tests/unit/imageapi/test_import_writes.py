"""What an import leaves to those who came in between (imageapi.import_writes)."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.imageapi.import_writes import changed_tags


def stored(source: str = "r.io/app:1", image: str = "a", **more: Any) -> dict[str, Any]:
    """Write a stream of one tag as it is stored."""
    return {
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": {"tags": [{"name": "1", "from": {"kind": "DockerImage", "name": source}}]},
        "status": {
            "tags": [{"tag": "1", "items": [{"image": image, "dockerImageReference": f"r.io/app@{image}"}]}]
        },
        **more,
    }


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (stored(), True),
        (stored(kind="ImageStream"), True),
        (stored("r.io/app:2"), False),
        (stored(image="b"), False),
        (stored(spec={}), False),
        (stored(status={}), False),
    ],
)
def test_a_tag_that_was_edited_or_moved_meanwhile_is_told(now: dict[str, Any], expected: bool) -> None:
    """What somebody else asked for, or found, after us is the newer; other changes are none of a tag's."""
    assert (frozenset() if expected else {"1"}) == changed_tags(stored(), now)
