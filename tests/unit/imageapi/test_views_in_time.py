"""What readers see of a stream while it lives: spec is edited, imports answer, the operator writes status.

Nothing of the status is made up here, so that the views and importing.record agree on what it means.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from imagestreams.errors import Reason
from imagestreams.imageapi import tables
from imagestreams.imageapi.stream_view import LAST_IMPORT, view_stream
from imagestreams.imageapi.tag_view import image_tag_names, stream_tag_names, view_image_tags
from imagestreams.importing.record import Failed, Imported, Outcome
from imagestreams.model.stream import Stream, intent_of
from unit.importing.streams import body, digest, record, tag

A, B = digest("a"), digest("b")
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class Life:
    """A stream over time: each step is a day, and leaves the status that our operator writes."""

    def __init__(self, *tags: dict[str, Any], **parts: Any) -> None:
        self.day = 0
        self.stored = body(*tags, **parts)
        self.settle()

    def edit(self, *tags: dict[str, Any], **parts: Any) -> None:
        """Let somebody change spec; the operator then sees it, but no registry answers yet."""
        generation = self.stored["metadata"]["generation"] + 1
        self.stored = body(*tags, generation=generation, status=self.stored["status"], **parts)
        self.settle()

    def settle(self, **answers: str) -> None:
        """Let registries answer for tags: with an image, or with "" for a failure."""
        self.day += 1
        stream = Stream.parse(self.stored)
        outcomes = {name: self._outcome(stream, name, image) for name, image in answers.items()}
        status = record(stream, outcomes, now=self.now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.stored["status"] = status.to_json()

    @property
    def now(self) -> dt.datetime:
        """The present time."""
        return START + dt.timedelta(days=self.day)

    @property
    def rows(self) -> list[list[Any]]:
        """The table of ImageTags, now."""
        shown = view_image_tags(self.stored, image_tag_names(self.stored))
        return [tables.cells("imagetags", each, self.now) for each in shown]

    @property
    def generations(self) -> dict[str, tuple[int, int]]:
        """The generation of each tag of spec, and the newest that its status shows."""
        shown = view_stream(self.stored)
        statuses = {each["tag"]: each for each in shown["status"].get("tags", [])}
        return {
            each["name"]: (each["generation"], self._observed(statuses.get(each["name"], {})))
            for each in shown["spec"].get("tags", [])
        }

    @property
    def last_import(self) -> str | None:
        """The day of the last import that readers are told."""
        time = view_stream(self.stored)["metadata"]["annotations"].get(LAST_IMPORT)
        return None if time is None else str(time)[:10]

    def _outcome(self, stream: Stream, name: str, image: str) -> Outcome:
        spec = stream.tag(name)
        assert spec is not None
        intent = intent_of(stream, spec)
        if image:
            return Imported(intent, f"r.io/app@{image}", image)
        return Failed(intent, Reason.NOT_FOUND, "there is none")

    def _observed(self, status: dict[str, Any]) -> int:
        made = [*(status.get("items") or [])[:1], *status.get("conditions", [])]
        return max((each["generation"] for each in made), default=0)


def test_a_tag_is_pending_until_it_is_imported_and_when_it_is_changed() -> None:
    """As `oc describe` reckons: the generation of spec is newer than that of status just while it waits."""
    life = Life(tag("v1"))
    assert life.generations == {"v1": (1, 0)}
    assert (life.last_import, stream_tag_names(life.stored)) == (None, [])
    life.settle(v1=A)
    assert life.generations == {"v1": (1, 1)}
    assert life.last_import == "2026-03-03"
    life.edit(tag("v1", "r.io/app:other"), tag("v2"))
    assert life.generations == {"v1": (2, 1), "v2": (2, 0)}
    assert life.rows == [
        ["app:v1", "Tag", "Importing", 1, "24 hours ago"],
        ["app:v2", "Tag", "r.io/app:v2", None, ""],
    ]
    life.settle(v1=B, v2="")
    assert life.generations == {"v1": (2, 2), "v2": (2, 2)}
    assert life.rows == [
        ["app:v1", "Tag", f"image/{B}", 2, "Less than a second ago"],
        ["app:v2", "Tag", "ImportFailed (NotFound)", None, "Less than a second ago"],
    ]
    assert stream_tag_names(life.stored) == ["v1"]


def test_an_edit_of_another_tag_or_of_no_intent_leaves_a_tag_done() -> None:
    """What re-imports nothing makes nothing look pending, whatever the generation of the stream."""
    life = Life(tag("v1"))
    life.settle(v1=A)
    life.edit(tag("v1", scheduled=True), repository="")
    life.edit(tag("v1", scheduled=True), tag("v2"))
    assert life.generations == {"v1": (1, 1), "v2": (3, 0)}
    assert life.rows[0] == ["app:v1", "Scheduled", f"image/{A}", 1, "2 days ago"]


def test_a_tag_that_fails_keeps_its_image_and_is_done_until_it_is_changed() -> None:
    """A failure is as good an answer as an image: who waits for the generation has it."""
    life = Life(tag("v1"))
    life.settle(v1=A)
    life.settle(v1="")
    assert life.generations == {"v1": (1, 1)}
    assert stream_tag_names(life.stored) == ["v1"]
    assert life.last_import == "2026-03-04"


def test_tags_of_tags_are_never_pending() -> None:
    """An alias, a pinned image and a reference are resolved at once; a source that is missing is told."""
    life = Life(tag("v1"))
    life.settle(v1=A)
    alias = {"name": "alias", "from": {"kind": "ImageStreamTag", "name": "v1"}}
    pin = {"name": "pin", "from": {"kind": "ImageStreamImage", "name": f"app@{A}"}}
    bare = {"name": "ref", "from": {"kind": "DockerImage", "name": "r.io/x:1"}, "reference": True}
    lost = {"name": "lost", "from": {"kind": "ImageStreamTag", "name": "nope"}}
    life.edit(tag("v1"), alias, pin, bare, lost)
    expected = {"alias": (2, 2), "lost": (2, 2), "pin": (2, 2), "ref": (2, 2), "v1": (1, 1)}
    assert expected == life.generations
    assert life.last_import == "2026-03-03"
    assert life.rows == [
        ["app:alias", "Track", f"image/{A}", 1, "24 hours ago"],
        ["app:lost", "Track", "ImportFailed (NotFound)", None, "Less than a second ago"],
        ["app:pin", "Tag", f"image/{A}", 1, "Less than a second ago"],
        ["app:ref", "Ref", "r.io/x:1", 1, "Less than a second ago"],
        ["app:v1", "Tag", f"image/{A}", 1, "24 hours ago"],
    ]
    life.settle(v1=B)
    assert life.generations == expected
    assert life.rows[0] == ["app:alias", "Track", f"image/{B}", 2, "Less than a second ago"]


def test_a_tag_that_is_held_goes_back_and_is_not_taken_for_a_push() -> None:
    """A hold puts an image of the history in front; the tag is shown as done, of its own source."""
    life = Life(tag("v1"))
    life.settle(v1=A)
    life.settle(v1=B)
    life.edit(tag("v1", notes={"imagestreams.dev/hold": A}))
    assert life.generations == {"v1": (1, 1)}
    assert life.rows == [["app:v1", "Tag", f"image/{A}", 3, "Less than a second ago"]]


def test_a_tag_that_is_removed_from_spec_is_shown_as_pushed() -> None:
    """Its history stays: it can still be pulled and followed."""
    life = Life(tag("v1"), tag("v2"))
    life.settle(v1=A, v2=B)
    life.edit(tag("v2"))
    assert life.rows[0] == ["app:v1", "Push", f"image/{A}", 1, "24 hours ago"]
    assert stream_tag_names(life.stored) == ["v1", "v2"]
