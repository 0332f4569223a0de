"""Held tags: back to an image of their history, there until released, and what is said meanwhile."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import Reason
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.record import Failed, Imported, changes_nothing
from imagestreams.importing.repository import Known, Wanted, select
from imagestreams.model.status import Condition, StreamStatus, TagEvent, TagStatus
from imagestreams.model.stream import intent_of
from unit.importing.streams import digest, record, stream, tag

if TYPE_CHECKING:
    from imagestreams.importing.record import Outcome

HOLD = "imagestreams.dev/hold"
A, B, C, D = (digest(letter) for letter in "abcd")
APP = "r.io/app"


def holding(image: str, name: str = "v1", source: str = "", **policy: Any) -> dict[str, Any]:
    """Make a spec tag that is to be held."""
    return tag(name, source, notes={HOLD: image}, **policy)


def alias(name: str, source: str, kind: str = "ImageStreamTag", *, hold: str = "", **more: Any) -> Any:
    """Make a spec tag that gets its image from elsewhere."""
    return {"name": name, "from": {"kind": kind, "name": source}, "annotations": {HOLD: hold}, **more}


class Life:
    """A stream over time: each step is a day; what it makes of the status is stored and read back.

    After each step the same once more, a day later, must change nothing: that would be a write.
    """

    def __init__(self, *tags: dict[str, Any], **parts: Any) -> None:
        self.days = 0
        self.listed = Known()
        self.given = stream(*tags, **parts)
        self._settle({})

    def edit(self, *tags: dict[str, Any], **parts: Any) -> Life:
        """Let somebody change the spec."""
        generation = self.given.generation + 1
        edited = stream(*tags, generation=generation, **parts)
        self.given = dataclasses.replace(edited, status=self.given.status)
        return self._settle({})

    def answer(self, name: str = "v1", image: str = "", *, index: str = "", failure: str = "") -> Life:
        """Let a registry answer for a tag, with an image or with a failure."""
        asked = effective(self.given, self.listed, Defaults())
        spec = asked.tag(name)
        assert spec is not None
        assert spec.source is not None
        intent = intent_of(asked, spec)
        where = spec.source.name.rpartition(":")[0]
        outcome: Outcome = Imported(intent, f"{where}@{image}", image, index)
        if failure:
            outcome = Failed(intent, Reason.NOT_FOUND, failure)
        return self._settle({name: outcome})

    def lists(self, *tags: str) -> Life:
        """Let the registry list the tags of the stream's repository."""
        self.listed = Known(select(Wanted(self.given.repository, 50), tags))
        return self._settle({})

    def tag(self, name: str = "v1") -> TagStatus:
        """Find the status of a tag."""
        found = self.given.status.tag(name)
        assert found is not None
        return found

    def images(self, name: str = "v1") -> str:
        """Tell the history of a tag, the newest first, by the first letters of its digests."""
        return "".join(item.image[7] for item in self.tag(name).items)

    def available(self, name: str = "v1") -> str:
        """Tell what is available, by its first letter; "" if nothing else is."""
        found = self.tag(name).available
        return found.image[7] if found else ""

    def held(self, name: str = "v1") -> tuple[str, str]:
        """Tell status and reason of the condition Held, two times "" if there is none."""
        found = self.tag(name).held
        return (found.status, found.reason) if found else ("", "")

    def ready(self) -> tuple[str, str, str]:
        """Tell what Ready says."""
        ready = self.given.status.conditions[0]
        return ready.status, ready.reason, ready.message

    def _settle(self, outcomes: dict[str, Outcome]) -> Life:
        self.days += 1
        status = self._record(outcomes)
        stored = StreamStatus.parse(json.loads(json.dumps(status.to_json())))
        assert stored == status
        self.given = dataclasses.replace(self.given, status=stored)
        self.days += 1
        for again in ({}, outcomes):
            assert stored == self._record(again)
        for name, outcome in outcomes.items():
            assert changes_nothing(outcome, stored.tag(name)) == isinstance(outcome, Imported)
        return self

    def _record(self, outcomes: dict[str, Outcome]) -> StreamStatus:
        asked = effective(self.given, self.listed, Defaults())
        return record(asked, outcomes, now=day(self.days), known=self.listed)


def day(number: int) -> str:
    """Name a day."""
    return f"2026-{1 + number // 28:02}-{1 + number % 28:02}T00:00:00Z"


def moved(*images: str) -> Life:
    """Make the life of a stream whose tag v1 had these images, the last one now."""
    life = Life(tag())
    for image in images:
        life.answer(image=image)
    return life


def test_a_held_tag_goes_back_and_shows_what_is_available() -> None:
    """Going back is an event like any other, of that day; what the tag was before is available."""
    life = moved(A, B)
    before = life.tag()
    life.edit(holding(A))

    (current, *older) = life.tag().items
    assert TagEvent(day(life.days - 1), f"{APP}@{A}", A, 1) == current
    assert list(before.items) == older
    assert dataclasses.replace(before.items[0], generation=0) == life.tag().available
    assert (
        Condition(
            "Held",
            "True",
            "NewerAvailable",
            f"held at {A} by annotation imagestreams.dev/hold; {APP}@{B} is available, and current as soon "
            "as the annotation is taken away",
            day(life.days - 1),
            1,
        ),
    ) == life.tag().conditions
    assert {"image": B, "dockerImageReference": f"{APP}@{B}", "created": before.items[0].created} == (
        life.tag().to_json()["available"]
    )


def test_while_it_is_held_only_what_is_available_moves() -> None:
    """Its source may move twice: the newest is available, the history knows the held image alone."""
    life = moved(A, B).edit(holding(A))
    items = life.tag().items
    life.answer(image=C)
    seen = life.tag().available
    life.answer(image=C).answer(image=D)

    assert items == life.tag().items
    assert seen is not None
    assert day(life.days - 5) == seen.created
    assert ("d", ("True", "NewerAvailable")) == (life.available(), life.held())
    life.answer(image=A)
    assert ("", ("True", "NothingNewer")) == (life.available(), life.held())
    assert f"held at {A} by annotation imagestreams.dev/hold; nothing newer was seen" == (
        life.tag().conditions[0].message
    )


def test_released_what_is_available_is_current_at_once() -> None:
    """No registry is asked before: the newest image seen is the tag's from that day, and nothing is held."""
    life = moved(A, B).edit(holding(A)).answer(image=C)
    life.edit(tag())

    assert "caba" == life.images()
    assert TagEvent(day(life.days - 1), f"{APP}@{C}", C, 1) == life.tag().current
    assert (None, ()) == (life.tag().available, life.tag().conditions)
    life.answer(image=D)
    assert "dcaba" == life.images()


def test_a_release_and_an_answer_together_go_to_the_answer() -> None:
    """What was available, and never was current, is no part of the history."""
    life = moved(A, B).edit(holding(A)).answer(image=C)
    generation = life.given.generation + 1
    released = dataclasses.replace(stream(tag(), generation=generation), status=life.given.status)
    outcome = Imported(intent_of(released, released.tags[0]), f"{APP}@{D}", D)
    status = record(released, {"v1": outcome}, now=day(99))

    assert [D, A, B, A] == [item.image for item in status.tags[0].items]


def test_held_where_it_is_it_stays() -> None:
    """A hold on the current image adds nothing to the history, and keeps out what comes."""
    life = moved(A, B)
    items = life.tag().items
    life.edit(holding(B)).answer(image=C)
    assert (items, "c") == (life.tag().items, life.available())
    life.edit(holding(C))
    assert ("cba", "", ("True", "NothingNewer")) == (life.images(), life.available(), life.held())
    life.edit(holding(A)).edit(holding(B))
    assert ("bacba", "c") == (life.images(), life.available())


@pytest.mark.parametrize(
    "text",
    [A, "sha256:aa", "aaaa", f"app@{A}", f"{APP}@{A}", f" {A}\n"],
    ids=["digest", "beginning", "bare", "of its stream", "pull spec", "blanks"],
)
def test_how_an_image_is_named(text: str) -> None:
    """By its digest or any unique beginning of it, with what may stand before it where one copies it."""
    assert ("True", "NewerAvailable") == moved(A, B).edit(holding(text)).held()


@pytest.mark.parametrize("text", ["", " "])
def test_a_hold_without_a_name_is_none(text: str) -> None:
    """An empty annotation holds nothing."""
    life = moved(A, B).edit(holding(text)).answer(image=C)
    assert ("cba", ("", "")) == (life.images(), life.held())


X1, X2 = "sha256:ab" + "1" * 62, "sha256:ab" + "2" * 62


@pytest.mark.parametrize(
    ("images", "text", "reason", "message"),
    [
        (
            (A, B),
            D,
            "NotInHistory",
            (
                f"annotation imagestreams.dev/hold: no image of its history begins with {D}; there is "
                "sha256:bbbbbbbbbbbb of 2026-01-06T00:00:00Z, sha256:aaaaaaaaaaaa of 2026-01-04T00:00:00Z. "
                f"Until it is corrected or taken away the tag stays at {APP}@{B}"
            ),
        ),
        (
            (X1, X2),
            "sha256:ab",
            "Ambiguous",
            "2 images of its history begin with sha256:ab; write more digits: sha256:ab2222222222 of",
        ),
        (
            (A, B),
            "latest",
            "Invalid",
            '"latest" is no digest: write sha256: and how the digest of an image of status.tags[].items',
        ),
        ((A, B), "sha512:aa", "Invalid", '"sha512:aa" is no digest'),
        ((A, B), "sha256:", "Invalid", '"sha256:" is no digest'),
        ((A, B), "AAAA", "Invalid", '"AAAA" is no digest'),
    ],
    ids=["unknown", "ambiguous", "a tag", "another algorithm", "nothing", "capitals"],
)
def test_a_hold_that_cannot_be_kept_leaves_the_tag_as_it_is(
    images: tuple[str, ...], text: str, reason: str, message: str
) -> None:
    """Somebody wants the tag to stand still: it does; its condition tells what there is, and Ready too."""
    life = moved(*images)
    items = life.tag().items
    life.edit(holding(text))
    assert ("False", reason) == life.held()
    assert message in life.tag().conditions[0].message
    assert ("True", "ImportedWithWarning", f'tag "v1": {life.tag().conditions[0].message}') == life.ready()

    life.answer(image=C)
    assert (items, "c", ("False", reason)) == (life.tag().items, life.available(), life.held())


def test_of_a_long_history_the_newest_are_offered() -> None:
    """Eight images are named, and the others counted."""
    life = Life(tag())
    for number in range(12):
        life.answer(image=f"sha256:{number:064x}")
    message = life.edit(holding(A)).tag().conditions[0].message
    assert 8 == message.count(" of 2026-")
    assert " and 4 more. Until" in message


def test_a_hold_that_is_spoilt_does_not_release() -> None:
    """A held tag whose annotation becomes wrong stays where it is held; corrected, it is held as before."""
    life = moved(A, B).edit(holding(A)).answer(image=C)
    items = life.tag().items
    assert ("False", items) == (life.edit(holding(D)).held()[0], life.tag().items)
    assert ("True", items) == (life.edit(holding(A)).held()[0], life.tag().items)


def test_a_tag_that_was_never_imported_has_nothing_to_hold() -> None:
    """Its first image is taken, held or not; until it is there nothing is said, unless the import fails."""
    life = Life(holding(A))
    assert None is life.given.status.tag("v1")
    life.answer(failure="why")
    lacking = f"annotation imagestreams.dev/hold: the tag has had no image yet, and so not {A}"
    assert [("ImportSuccess", "why"), ("Held", lacking)] == [
        (item.type, item.message) for item in life.tag().conditions
    ]
    life.answer(image=B)
    assert ("b", ("False", "NotInHistory")) == (life.images(), life.held())
    life.answer(image=A)
    assert ("ab", ("True", "NothingNewer")) == (life.images(), life.held())
    other = Life(holding(A)).answer(image=A).answer(image=B)
    assert ("a", "b", ("True", "NewerAvailable")) == (other.images(), other.available(), other.held())


def test_a_failing_import_and_a_hold_are_both_told() -> None:
    """The tag is held, its import fails, Ready is False; released it goes to what was seen last."""
    life = moved(A, B).edit(holding(A)).answer(image=C).answer(failure="why")
    assert ["ImportSuccess", "Held"] == [item.type for item in life.tag().conditions]
    assert ("aba", "c", ("True", "NewerAvailable")) == (life.images(), life.available(), life.held())
    assert ("False", "ImportFailed", 'tag "v1" failed to import (NotFound): why') == life.ready()
    life.edit(tag())
    assert ("caba", "") == (life.images(), life.available())
    assert ["ImportSuccess"] == [item.type for item in life.tag().conditions]


def test_ready_and_the_tags_column_tell_of_held_tags() -> None:
    """Held is what was asked for, so Ready is True and says it; the tag is listed by its latest move."""
    life = Life(tag("a"), tag("b")).answer("a", A).answer("a", B).answer("b", A)
    assert "b,a" == life.given.status.summary.tags
    life.edit(holding(A, "a"), tag("b"))
    message = "2 tags are imported; held by annotation imagestreams.dev/hold: a"
    assert ("True", "Imported", message) == life.ready()
    assert ("a,b", day(life.days - 1)) == (
        life.given.status.summary.tags,
        life.given.status.summary.updated,
    )


def test_the_time_of_a_hold_is_when_it_began() -> None:
    """The condition's time stays while the source moves on."""
    life = moved(A, B).edit(holding(A))
    since = life.tag().conditions[0].last_transition
    life.answer(image=C).edit(holding(B))
    assert since == life.tag().conditions[0].last_transition


def test_the_time_of_a_hold_that_could_not_be_is_when_it_could() -> None:
    """Wrong at first and corrected later: the condition changed then."""
    life = moved(A, B).edit(holding(D))
    refused = life.tag().conditions[0].last_transition
    life.edit(holding(A))
    assert (day(life.days - 1), True) == (
        life.tag().conditions[0].last_transition,
        refused < life.tag().conditions[0].last_transition,
    )


def test_an_image_that_was_available_a_moment_ago_can_be_held() -> None:
    """Who holds what was shown as available gets it, though the next one came in the same moment."""
    life = moved(A, B).edit(holding(A)).answer(image=C)
    generation = life.given.generation + 1
    edited = dataclasses.replace(stream(holding(C), generation=generation), status=life.given.status)
    outcome = Imported(intent_of(edited, edited.tags[0]), f"{APP}@{D}", D)
    (status,) = record(edited, {"v1": outcome}, now=day(99)).tags
    assert ([C, A, B, A], D) == (
        [item.image for item in status.items],
        status.available.image if status.available else "",
    )


def test_what_is_offered_stays_the_same_while_nothing_moves() -> None:
    """A source that goes away and comes back leaves the choice as it was, to the letter."""
    life = moved(A, B).edit(holding(D))
    offered = life.tag().conditions[0].message
    away = life.answer(image=C).tag().conditions[0].message
    assert "there is sha256:cccccccccccc of" in away
    assert offered == life.answer(image=B).tag().conditions[0].message


def test_a_reference_without_a_digest_is_released_to() -> None:
    """What is only a reference cannot be named by a hold, but it is what a held tag goes back to."""
    reference = {"name": "v1", "from": {"kind": "DockerImage", "name": "r.io/app:x"}, "reference": True}
    other = {**reference, "from": {"kind": "DockerImage", "name": "r.io/app:y"}}
    life = moved(A).edit(reference).edit({**reference, "annotations": {HOLD: A}})
    assert [f"{APP}@{A}", "r.io/app:x", f"{APP}@{A}"] == [item.reference for item in life.tag().items]
    assert {"dockerImageReference": "r.io/app:x"}.items() < life.tag().to_json()["available"].items()
    message = life.edit({**reference, "annotations": {HOLD: D}}).tag().conditions[0].message
    assert 1 == message.count(" of 2026-")
    life.edit({**other, "annotations": {HOLD: A}}).edit(other)
    assert "r.io/app:y" == life.tag().items[0].reference

    stays = moved(A).edit(reference).edit({**reference, "annotations": {HOLD: D}})
    stays.edit({**other, "annotations": {HOLD: D}})
    assert "r.io/app:x" == stays.tag().items[0].reference
    assert "r.io/app:y" == stays.tag().to_json()["available"]["dockerImageReference"]


def test_who_follows_a_held_tag_follows_the_held_image() -> None:
    """Tags of the same stream move with it in one status, back and forth; so do other streams."""
    tags = [alias("latest", "v1"), alias("newest", "latest")]
    life = Life(tag(), *tags).answer(image=A).answer(image=B)
    life.edit(holding(A), *tags).answer(image=C)
    assert ("aba", "aba") == (life.images("latest"), life.images("newest"))
    other = stream(alias("base", "app:v1"), name="other")
    assert A == record(other, {}, now=day(0), others=[life.given]).tags[0].items[0].image
    life.edit(tag(), *tags)
    assert ("caba", "caba") == (life.images("latest"), life.images("newest"))


def test_a_tag_that_follows_another_can_be_held() -> None:
    """What its source is meanwhile is available, and current when it is released."""
    life = Life(tag(), alias("latest", "v1")).answer(image=A).answer(image=B)
    life.edit(tag(), alias("latest", "v1", hold=A)).answer(image=C)
    assert ("cba", "aba", "c") == (life.images(), life.images("latest"), life.available("latest"))
    life.answer(image=D).edit(tag(), alias("latest", "v1"))
    assert ("daba", "", ("", "")) == (life.images("latest"), life.available("latest"), life.held("latest"))


def test_a_release_while_its_source_moves_goes_to_where_that_is() -> None:
    """What was available, and is the source's image no more, is no part of the history of who follows it."""
    life = Life(tag(), alias("latest", "v1")).answer(image=A).answer(image=B)
    life.edit(tag(), alias("latest", "v1", hold=A))
    edited = stream(tag(), alias("latest", "v1"), generation=life.given.generation + 1)
    edited = dataclasses.replace(edited, status=life.given.status)
    outcome = Imported(intent_of(edited, edited.tags[0]), f"{APP}@{C}", C)
    latest = record(edited, {"v1": outcome}, now=day(99)).tags[0]
    assert ("latest", [C, A, B, A]) == (latest.tag, [item.image for item in latest.items])


def test_a_held_tag_that_can_follow_no_more_keeps_what_is_available() -> None:
    """Tags that come to follow each other are told so; released, the tag goes to what it saw last."""
    life = Life(tag(), alias("latest", "v1")).answer(image=A).answer(image=B)
    life.edit(tag(), alias("latest", "v1", hold=A)).edit(alias("v1", "latest"), alias("latest", "v1", hold=A))
    assert ["ImportSuccess", "Held"] == [item.type for item in life.tag("latest").conditions]
    assert ("aba", "b") == (life.images("latest"), life.available("latest"))
    life.edit(alias("v1", "latest"), alias("latest", "v1"))
    assert ("baba", "") == (life.images("latest"), life.available("latest"))


@pytest.mark.parametrize(
    "copy",
    [alias("copy", "v1", reference=True), alias("copy", f"app@{B}", "ImageStreamImage")],
    ids=["reference", "pinned"],
)
def test_a_copy_can_be_held_and_comes_back(copy: dict[str, Any]) -> None:
    """Released it is the copy that it was, though its source moved on."""
    life = Life(tag(), alias("copy", "v1")).answer(image=A).answer(image=B)
    life.edit(tag(), copy).edit(tag(), {**copy, "annotations": {HOLD: A}}).answer(image=C)
    assert ("aba", "b") == (life.images("copy"), life.available("copy"))
    life.edit(tag(), copy)
    assert ("baba", "") == (life.images("copy"), life.available("copy"))


OTHER = "m.io/team/app:2"


def test_held_while_its_source_is_edited() -> None:
    """It stays held; what is available is of the old source until the new one answers."""
    life = moved(A, B).edit(holding(A, source=OTHER))
    assert ("aba", "b") == (life.images(), life.available())
    assert ("Unknown", "Importing", "still being imported: v1") == life.ready()
    life.answer(image=C)
    assert ("aba", "c") == (life.images(), life.available())
    life.edit(tag(image=OTHER))
    assert f"m.io/team/app@{C}" == life.tag().items[0].reference


def test_held_while_its_new_source_fails() -> None:
    """Nothing of the old source is available any more: released, the tag waits for what its spec names."""
    life = moved(A, B).edit(holding(A, source=OTHER)).answer(failure="why")
    assert ("aba", "", ("True", "NothingNewer")) == (life.images(), life.available(), life.held())
    life.edit(tag(image=OTHER))
    assert "aba" == life.images()
    life.answer(image=C)
    assert "caba" == life.images()


@pytest.mark.parametrize(
    ("edited", "answers"),
    [
        (tag(image=OTHER), True),
        (tag(image=OTHER), False),
        (tag(importMode="PreserveOriginal"), True),
    ],
    ids=["answered", "failed", "another import mode"],
)
def test_released_to_another_source_it_waits_for_that(edited: dict[str, Any], answers: bool) -> None:
    """Workloads never roll to an image of a source that spec does not name any more."""
    life = moved(A, B).edit(holding(A)).answer(image=C).edit(edited)
    assert ("aba", ("", "")) == (life.images(), life.held())
    life.answer(image=D) if answers else life.answer(failure="why")
    assert ("daba" if answers else "aba", "") == (life.images(), life.available())


def test_released_together_with_a_request_it_moves_at_once() -> None:
    """A request asks for the same anew: what was seen is current until the answer is there."""
    life = moved(A, B).edit(holding(A)).answer(image=C)
    life.edit(tag(notes={"imagestreams.dev/requested-at": "now"}))
    assert "caba" == life.images()
    assert "dcaba" == life.answer(image=D).images()


def test_a_hold_and_an_alias_edited_together() -> None:
    """From an image of a registry to another tag, held: both hold at once."""
    life = Life(tag(), tag("w")).answer(image=A).answer(image=B).answer("w", C)
    life.edit(alias("v1", "w", hold=A), tag("w"))
    assert ("aba", "c", ("True", "NewerAvailable")) == (life.images(), life.available(), life.held())
    life.edit(alias("v1", "w"), tag("w"))
    assert ("caba", "") == (life.images(), life.available())


def test_held_and_then_pinned_to_what_is_available() -> None:
    """From the annotation to the form for Git, at what was shown as available."""
    life = moved(A, B).edit(holding(A)).answer(image=C)
    life.edit(alias("v1", f"app@{C}", "ImageStreamImage"))
    assert ("caba", "", ()) == (life.images(), life.available(), life.tag().conditions)


def test_the_same_image_at_another_place_stays_the_held_one() -> None:
    """A new source that has the held digest is where it is pulled from then, as in any history."""
    life = moved(A, B).edit(holding(A)).edit(holding(A, source=OTHER)).answer(image=A)
    assert ("aba", f"m.io/team/app@{A}", "") == (
        life.images(),
        life.tag().items[0].reference,
        life.available(),
    )


def test_the_index_is_that_of_the_newest_image() -> None:
    """While its registry has it under the tag nothing has moved, held or not."""
    life = Life(tag()).answer(image=A, index=C).answer(image=B, index=D).edit(holding(A))
    assert D == life.tag().index
    message = life.edit(holding(D)).tag().conditions[0].message
    assert f"{D} is the index that {B} was chosen from: hold that" in message
    life.edit(holding(A)).answer(image=A, index=C)
    assert (C, "") == (life.tag().index, life.available())
    failed = life.answer(image=B, index=D).edit(holding(A, source="r.io/app:v2")).answer(failure="why")
    # The registry may have D there, too: it is no index of A.
    assert ("", "aba") == (failed.tag().index, failed.images())


def test_a_child_of_an_index_is_held_where_it_was_chosen() -> None:
    """A Legacy import's history names the children: they are held; those of an index kept whole are not."""
    child, whole = A, C
    life = Life(tag()).answer(image=child, index=whole).answer(image=B, index=D)
    assert ("True", "aba") == (life.edit(holding(child)).held()[0], life.images())
    kept = Life(tag(importMode="PreserveOriginal")).answer(image=whole).answer(image=D)
    assert ("False", "dc") == (
        kept.edit(holding(child, importMode="PreserveOriginal")).held()[0],
        kept.images(),
    )


def test_a_tag_of_the_repository_is_held_by_a_tag_of_spec_without_a_source() -> None:
    """The list says where it is, spec that it is held: nothing is asked anew, and it may leave the list."""
    life = Life(repository=APP).lists("1", "2").answer("1", A).answer("1", B).answer("2", C)
    intent = life.tag("1").intent
    note = {"name": "1", "annotations": {HOLD: A}}
    life.edit(note, repository=APP)
    assert ("aba", "b", intent) == (life.images("1"), life.available("1"), life.tag("1").intent)
    life.answer("1", D)
    assert ("aba", "d") == (life.images("1"), life.available("1"))
    assert "all 2 tags of r.io/app are followed" == life.given.status.conditions[1].message
    gone = Life(repository=APP)
    gone.given = dataclasses.replace(life.given)
    gone.lists("2")
    assert ("aba", "", ("True", "NothingNewer")) == (gone.images("1"), gone.available("1"), gone.held("1"))
    life.edit(repository=APP)
    assert ("daba", "", ("", "")) == (life.images("1"), life.available("1"), life.held("1"))


def test_a_tag_without_a_source_can_be_held_and_released() -> None:
    """What has a history can go back in it, and forth again, whoever made it."""
    life = moved(A, B).edit({"name": "v1"}).edit({"name": "v1", "annotations": {HOLD: A}})
    assert ("aba", "b", ("True", "NewerAvailable")) == (life.images(), life.available(), life.held())
    waits = moved(A, B).edit({"name": "v1"}).edit({"name": "v1", "annotations": {HOLD: A}}).edit(tag())
    assert "aba" == waits.images()
    assert "baba" == life.edit({"name": "v1"}).images()
    never = Life({"name": "v1", "annotations": {HOLD: A}})
    assert ("", ("False", "NotInHistory")) == (never.images(), never.held())
    assert () == never.edit({"name": "v1"}).given.status.tags


@pytest.mark.parametrize("tags", [(), ({"name": "v1"},)], ids=["the tag", "its source"])
def test_what_is_taken_out_of_spec_stays_where_it_was_held(tags: tuple[dict[str, Any], ...]) -> None:
    """Nothing moves when a held tag, or its source, leaves spec: there is nothing it should move to."""
    life = moved(A, B).edit(holding(A)).answer(image=C).edit(*tags)
    assert ("aba", "", ()) == (life.images(), life.available(), life.tag().conditions)


def test_a_held_image_is_never_dropped() -> None:
    """However few items are kept, and however much moves, the held one is there: it is the current one."""
    keep = {"imagestreams.dev/keep": "1"}
    life = Life(tag(), notes=keep).answer(image=A).edit(holding(A), notes=keep)
    for letter in "bcdef":
        life.answer(image=digest(letter))
    assert ("a", "f") == (life.images(), life.available())


_STEPS = st.lists(
    st.tuples(st.just("move"), st.sampled_from("abcd"))
    | st.tuples(st.just("hold"), st.sampled_from("abcdx"))
    | st.tuples(st.sampled_from(["release", "fail"]), st.just("")),
    max_size=12,
)


def test_the_whole_of_a_long_history_is_kept() -> None:
    """Going back and forth drops nothing that the stream says is kept."""
    keep = {"imagestreams.dev/keep": "100"}
    life = Life(tag(), notes=keep)
    for number in range(60):
        life.answer(image=f"sha256:{number:064x}")
    life.edit(holding(f"sha256:{0:064x}"), notes=keep)
    assert (61, "True") == (len(life.tag().items), life.held()[0])
    assert 62 == len(life.edit(tag(), notes=keep).tag().items)


def test_where_there_are_many_tags_messages_are_cut() -> None:
    """A condition takes no more room than there is for one of each tag."""
    others = [{"name": f"t{number}"} for number in range(1999)]
    life = moved(A, B).edit(holding(A), *others)
    assert 200 == len(life.tag().conditions[0].message)


@given(_STEPS, st.sampled_from([1, 2, 50]))
def test_whatever_happens_it_is_where_it_is_held(steps: list[tuple[str, str]], keep: int) -> None:
    """Whatever moves, holds, releases, fails: the current image is the held one, and released the newest."""
    notes = {"imagestreams.dev/keep": str(keep)}
    life = Life(tag(), notes=notes)
    hold, newest, history = "", "", ""
    for step, letter in steps:
        match step:
            case "move":
                newest = letter
                life.answer(image=digest(letter))
            case "fail":
                life.answer(failure="why")
            case _:
                hold = letter
                life.edit(holding(digest(letter) if letter else ""), notes=notes)
        known = {*history, newest} - {""}
        expected = (hold if hold in known else history[:1] or newest) if hold else newest
        if expected and expected != history[:1]:
            history = (expected + history)[:keep]
        if not known:
            continue

        assert history == life.images()
        assert (newest if newest != expected else "") == life.available()
        assert (("True" if hold in known else "False") if hold else "") == life.held()[0]
