"""What answers make of a status: history, conditions, Ready, summary."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import Reason
from imagestreams.importing.plan import Priority, plan
from imagestreams.importing.record import Failed, Imported, changes_nothing
from imagestreams.model.status import Condition, Intent, StreamStatus, Summary, TagEvent, TagStatus
from imagestreams.model.stream import Stream, intent_of
from unit.importing.streams import EARLIER, NOW, digest, record, stream, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.importing.record import Outcome

A, B, C = digest("a"), digest("b"), digest("c")
LATER = "2026-04-04T04:04:04Z"


def good(given: Stream, name: str = "v1", image: str = A) -> dict[str, Outcome]:
    """Answer a tag with an image."""
    spec = given.tag(name)
    assert spec is not None
    return {name: Imported(intent_of(given, spec), f"r.io/app@{image}", image)}


def bad(
    given: Stream, name: str = "v1", message: str = "why", reason: Reason = Reason.NOT_FOUND
) -> dict[str, Outcome]:
    """Answer a tag with a failure."""
    spec = given.tag(name)
    assert spec is not None
    return {name: Failed(intent_of(given, spec), reason, message)}


def after(given: Stream, outcomes: Mapping[str, Outcome], now: str = EARLIER) -> Stream:
    """Give the stream as it is stored after these outcomes, read back from its JSON."""
    status = record(given, outcomes, now=now)
    return dataclasses.replace(given, status=StreamStatus.parse(status.to_json()))


def with_spec(given: Stream, *tags: dict[str, Any], generation: int = 2, **parts: Any) -> Stream:
    """Change the spec of a stream; its status stays."""
    return dataclasses.replace(stream(*tags, generation=generation, **parts), status=given.status)


def ready(given: Stream) -> Condition:
    """Find the stream's one condition."""
    (condition,) = given.status.conditions
    assert "Ready" == condition.type
    return condition


def said(given: Stream) -> tuple[str, str, str]:
    """Tell what Ready says: status, reason, message."""
    condition = ready(given)
    return condition.status, condition.reason, condition.message


def test_the_first_image_is_the_whole_status() -> None:
    """An import that succeeds gives the tag an item, no condition, and the intent it was made for."""
    given = stream(tag(), generation=4)

    assert StreamStatus(
        repository="",
        tags=(
            TagStatus(
                "v1",
                (TagEvent(NOW, f"r.io/app@{A}", A, 4),),
                (),
                Intent("DockerImage", "r.io/app:v1", import_mode="Legacy"),
            ),
        ),
        conditions=(Condition("Ready", "True", "Imported", "1 tag is imported", NOW, 4),),
        observed_generation=4,
        summary=Summary("r.io/app", "v1", NOW),
    ) == record(given, good(given), now=NOW)


def test_another_image_comes_in_front_of_the_history() -> None:
    """A tag that moved has the new image first, with its time, and the old one behind it, unchanged."""
    given = after(stream(tag()), good(stream(tag())))
    status = record(given, good(given, image=B), now=NOW)

    assert ((B, NOW), (A, EARLIER)) == tuple((item.image, item.created) for item in status.tags[0].items)
    assert NOW == status.summary.updated


def test_the_same_image_again_changes_nothing() -> None:
    """A poll of a tag that did not move gives the very status that is stored."""
    given = after(stream(tag()), good(stream(tag())))

    assert given.status == record(given, good(given), now=NOW)
    assert given.status == record(given, {}, now=NOW)


def test_the_index_that_an_image_was_chosen_from_is_noted() -> None:
    """It is kept over failures, follows the registry, and goes when the tag is a single image."""
    given = stream(tag())
    intent = intent_of(given, given.tags[0])
    chosen = Imported(intent, f"r.io/app@{A}", A, index=B)
    first = after(given, {"v1": chosen})
    failed = after(first, bad(first))
    rebuilt = after(failed, {"v1": dataclasses.replace(chosen, index=C)})
    single = after(rebuilt, good(rebuilt))

    found = [each.status.tags[0] for each in (first, failed, rebuilt, single)]
    assert [B, B, C, ""] == [status.index for status in found]
    assert [1, 1, 1, 1] == [len(status.items) for status in found]
    assert [True, False, False] == [
        changes_nothing(chosen, each.status.tags[0]) for each in (first, failed, rebuilt)
    ]
    assert Stream.parse({"status": {"tags": [found[2].to_json()]}}).status.tags == (found[2],)


def test_the_same_image_for_a_new_intent_is_noted_in_place() -> None:
    """A new request that finds the same image keeps the item and its time, and takes the new generation."""
    before = after(stream(tag()), good(stream(tag())))
    given = with_spec(before, tag(notes={"imagestreams.dev/requested-at": "now"}), generation=7)
    (status,) = record(given, good(given), now=NOW).tags

    assert (TagEvent(EARLIER, f"r.io/app@{A}", A, 7),) == status.items
    assert status.intent is not None
    assert ("now", 7) == (status.intent.requested_at, status.intent.generation)


def test_a_failure_keeps_the_last_good_image() -> None:
    """A failed import adds one condition, of the intent's generation, and leaves the items."""
    before = after(stream(tag()), good(stream(tag())))
    given = with_spec(before, tag(image="r.io/app:gone"), generation=2)
    (status,) = record(given, bad(given, message="nothing there"), now=NOW).tags

    assert before.status.tags[0].items == status.items
    assert (Condition("ImportSuccess", "False", "NotFound", "nothing there", NOW, 2),) == status.conditions
    assert intent_of(given, given.tags[0]) == status.intent


def test_the_same_failure_again_changes_nothing() -> None:
    """The same failure of the same intent is the very status that is stored, its time included."""
    given = after(stream(tag()), bad(stream(tag())))

    assert given.status == record(given, bad(given), now=NOW)


@pytest.mark.parametrize(
    "outcome",
    [{"message": "why else"}, {"reason": Reason.UNAUTHORIZED}],
    ids=["message", "reason"],
)
def test_another_failure_is_another_condition(outcome: dict[str, Any]) -> None:
    """A failure of another reason or message replaces the condition and takes the present time."""
    given = after(stream(tag()), bad(stream(tag())))
    (condition,) = record(given, bad(given, **outcome), now=NOW).tags[0].conditions

    assert NOW == condition.last_transition


def test_a_failure_of_a_new_intent_is_another_condition() -> None:
    """The same words about another intent are about something else."""
    before = after(stream(tag()), bad(stream(tag())))
    given = with_spec(before, tag(insecure=True), generation=2)
    (condition,) = record(given, bad(given), now=NOW).tags[0].conditions

    assert (NOW, 2) == (condition.last_transition, condition.generation)


def test_a_success_takes_the_condition_away() -> None:
    """An import that succeeds after a failure leaves no condition."""
    given = after(stream(tag()), bad(stream(tag())))
    (status,) = record(given, good(given), now=NOW).tags

    assert ((), 1) == (status.conditions, len(status.items))


@pytest.mark.parametrize(
    "now",
    [tag(image="r.io/app:2"), tag(insecure=True), {"name": "v1"}, {"name": "other"}],
    ids=["other image", "other policy", "no source", "no such tag"],
)
def test_an_overtaken_answer_is_dropped(now: dict[str, Any]) -> None:
    """An answer to what the spec no longer asks changes no tag."""
    asked = stream(tag())
    given = with_spec(after(asked, good(asked)), now)

    unasked = record(given, {}, now=NOW).tags
    assert given.status.tags[0].items == unasked[0].items
    assert unasked == record(given, good(asked, image=B), now=NOW).tags
    assert unasked == record(given, bad(asked), now=NOW).tags


def test_a_tag_removed_from_spec_keeps_its_history() -> None:
    """History and condition stay in status when a tag leaves the spec, and count for nothing in Ready."""
    both = stream(tag("a"), tag("b"))
    before = after(both, good(both, "a") | bad(both, "b"))
    given = with_spec(before, tag("a"))
    status = record(given, {}, now=NOW)

    kept, removed = before.status.tags
    assert (kept, dataclasses.replace(removed, intent=None)) == status.tags
    assert ("True", "1 tag is imported") == (status.conditions[0].status, status.conditions[0].message)
    assert "a,b" == status.summary.tags


@pytest.mark.parametrize("without", [[], [{"name": "v1"}]], ids=["without the tag", "without its source"])
def test_a_tag_that_comes_back_to_spec_is_imported_again(without: list[dict[str, Any]]) -> None:
    """Who takes a tag out of spec and puts it back asks for its image anew, as in the original."""
    before = after(stream(tag()), good(stream(tag())))
    removed = with_spec(before, *without, generation=2)
    removed = dataclasses.replace(removed, status=record(removed, {}, now=NOW))
    back = with_spec(removed, tag(), generation=3)
    (ask,) = plan(back, {}, now=1.0, since=0.0, default_interval=900.0).asks
    status = record(back, good(back), now=NOW)

    assert ("v1", Priority.EDIT) == (ask.tag, ask.priority)
    assert [(EARLIER, 3)] == [(item.created, item.generation) for item in status.tags[0].items]


def test_tags_are_ordered_by_name() -> None:
    """Whatever the order of the spec, the status is sorted."""
    given = stream(tag("c"), tag("a"), tag("b"))
    status = record(given, good(given, "c") | good(given, "a") | good(given, "b"), now=NOW)

    assert ["a", "b", "c"] == [item.tag for item in status.tags]


def test_a_reference_is_recorded_without_an_answer() -> None:
    """A tag that is only a reference gets its pull spec as typed, at once, and no image."""
    raw = tag(image="R.io/app:1") | {"reference": True}
    given = stream(raw)
    stored = after(given, {}, now=EARLIER)

    assert (TagEvent(EARLIER, "R.io/app:1", "", 1),) == stored.status.tags[0].items
    assert stored.status == record(stored, {}, now=NOW)
    moved = with_spec(stored, raw | {"from": {"kind": "DockerImage", "name": "r.io/app:2"}})
    assert ["r.io/app:2"] == [item.reference for item in record(moved, {}, now=NOW).tags[0].items]


def test_a_source_of_no_known_kind_is_told_once() -> None:
    """A kind that the CRD would refuse is a condition, and the same again changes nothing."""
    given = stream(tag() | {"from": {"kind": "Nonsense", "name": "x"}})
    status = record(given, {}, now=EARLIER)
    (failure,) = status.tags[0].conditions
    assert "Invalid" == failure.reason
    assert 'a source of kind "Nonsense" is none' in failure.message
    assert status == record(dataclasses.replace(given, status=status), {}, now=NOW)


def test_a_tag_without_a_source_has_no_status() -> None:
    """A tag of the spec that names no source is neither imported nor failed."""
    given = stream({"name": "pushed"})

    assert () == record(given, {}, now=NOW).tags
    assert ("True", "Imported", "no tag has a source") == said(after(given, {}))


def test_a_tag_that_lost_its_source_does_not_spoil_ready() -> None:
    """A failure of a source that is no longer there is nobody's failure any more."""
    before = after(stream(tag()), bad(stream(tag())))
    given = with_spec(before, {"name": "v1"})

    assert ("True", "no tag has a source") == (
        ready(after(given, {})).status,
        ready(after(given, {})).message,
    )


def test_the_repository_of_the_spec_is_shown_in_status() -> None:
    """status.dockerImageRepository and the summary are the spec's repository, where there is one."""
    given = stream(tag(), repository="r.io/shop/app")
    status = record(given, good(given), now=NOW)

    assert ("r.io/shop/app", "r.io/shop/app") == (status.repository, status.summary.repository)


def test_ready_has_three_states() -> None:
    """Unknown while imports are under way, True when all are there, False as soon as one failed."""
    given = stream(tag("a"), tag("b"))
    waiting = after(given, good(given, "a"))
    done = after(waiting, good(waiting, "b"))
    spoilt = after(given, bad(given, "a"))

    assert ("Unknown", "Importing", "still being imported: b") == said(waiting)
    assert ("True", "Imported", "2 tags are imported") == said(done)
    assert ("False", "ImportFailed", 'tag "a" failed to import (NotFound): why') == said(spoilt)


def test_ready_is_unknown_for_an_intent_that_is_not_acted_on_yet() -> None:
    """A change of the spec makes Ready Unknown, at the new generation, until its answer is there."""
    before = after(stream(tag()), good(stream(tag())))
    given = with_spec(before, tag(image="r.io/app:2"), generation=2)
    condition = ready(after(given, {}, now=NOW))

    assert ("Unknown", NOW, 2) == (condition.status, condition.last_transition, condition.generation)
    assert 2 == after(given, {}).status.observed_generation


def test_ready_names_at_most_five_tags() -> None:
    """Of many failed tags five are named and the others counted."""
    given = stream(*(tag(f"t{number}") for number in range(8)))
    outcomes = {name: outcome for number in range(7) for name, outcome in bad(given, f"t{number}").items()}

    assert (
        "7 of 8 tags failed to import: t0, t1, t2, t3, t4 and 2 more" == ready(after(given, outcomes)).message
    )


def test_ready_tells_of_an_interval_that_cannot_be_read() -> None:
    """What is imported is ready, but a wrong annotation is told in its message."""
    given = stream(tag(scheduled=True, notes={"imagestreams.dev/interval": "often"}))
    condition = ready(after(given, good(given)))

    assert ("True", "ImportedWithWarning") == (condition.status, condition.reason)
    assert 'annotation imagestreams.dev/interval of tag "v1": "often" is not a duration' in condition.message


def test_ready_keeps_its_time_while_its_status_stays() -> None:
    """LastTransitionTime is when Ready changed between True, False and Unknown, not when its words did."""
    given = stream(tag("a"), tag("b"))
    one = after(given, bad(given, "a"), now=EARLIER)
    two = after(one, bad(one, "b"), now=NOW)
    healed = after(two, good(two, "a") | good(two, "b"), now=LATER)

    assert ("False", EARLIER) == (ready(two).status, ready(two).last_transition)
    assert ready(one).message != ready(two).message
    assert ("True", LATER) == (ready(healed).status, ready(healed).last_transition)


_TAGS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["image", "reference", "stream", "none"]),
        st.sampled_from(["good", "other", "bad", "no answer"]),
    ),
    max_size=4,
    unique_by=lambda item: item[0],
)


@given(st.lists(_TAGS, min_size=1, max_size=5))
def test_recording_again_changes_nothing(rounds: list[list[tuple[str, str, str]]]) -> None:
    """After any specs and answers, one after the other, the same answers again leave the status as it is."""
    given = stream()
    for generation, tags in enumerate(rounds, start=1):
        raws = []
        for name, kind, _ in tags:
            raw = tag(name) | ({"reference": True} if kind == "reference" else {})
            if kind == "stream":
                raw["from"] = {"kind": "ImageStreamTag", "name": "x:y"}
            raws.append({"name": name} if kind == "none" else raw)
        given = with_spec(given, *raws, generation=generation)
        outcomes: dict[str, Outcome] = {}
        for name, _, answer in tags:
            if answer == "bad":
                outcomes |= bad(given, name)
            elif answer != "no answer":
                outcomes |= good(given, name, A if answer == "good" else B)
        given = after(given, outcomes, now=EARLIER)

        assert given.status == record(given, outcomes, now=NOW)
        assert given.status == record(given, {}, now=NOW)
        assert [item.tag for item in given.status.tags] == sorted(item.tag for item in given.status.tags)


KEEP = "imagestreams.dev/keep"


def test_a_stream_says_how_many_items_are_kept() -> None:
    """The annotation bounds each tag's history, also one that is longer already; the newest stay."""
    long = stream(tag())
    for number in range(9):
        answer = good(long, image=f"sha256:{number:064x}")
        long = dataclasses.replace(long, status=record(long, answer, now=NOW))
    bounded = dataclasses.replace(long, keep="3")
    (status,) = record(bounded, {}, now=NOW).tags
    assert long.status.tags[0].items[:3] == status.items


@pytest.mark.parametrize("text", ["0", "1001", "-1", "many", "1e3", "٣"])
def test_a_number_of_items_that_cannot_be_read_is_told(text: str) -> None:
    """A wrong annotation keeps the default, and Ready says what is wrong."""
    given = stream(tag(), notes={KEEP: text})
    ready = record(given, good(given), now=NOW).conditions[0]
    assert ("True", "ImportedWithWarning") == (ready.status, ready.reason)
    assert f'"{text}" is not a number of items from 1 to 1000; 50 are kept' in ready.message
