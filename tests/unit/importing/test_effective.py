"""What a stream asks for in effect, and what plan and record make of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import Reason, Retry
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.plan import Attempt, plan
from imagestreams.importing.record import Failed, Imported
from imagestreams.importing.repository import NOTHING_KNOWN, Known, Unlisted, Wanted, select, wanted_of
from imagestreams.model.stream import Source, TagSpec, intent_of
from unit.importing.streams import EARLIER, NOW, digest, record, stream, tag

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream

APP = "r.io/app"
A, B = digest("a"), digest("b")
LEGACY = Defaults()


def known(*tags: str, repository: str = APP) -> Known:
    """Say what the list of a repository held."""
    return Known(select(Wanted(repository, 50), tags))


def listed(name: str, mode: str = "Legacy", *, insecure: bool = False) -> TagSpec:
    """Make the tag that stands for a repository's."""
    source = Source("DockerImage", f"{APP}:{name}")
    return TagSpec(name, source, insecure=insecure, scheduled=True, import_mode=mode, listed=True)


def names(given_stream: Stream) -> list[str]:
    """Name the tags of a stream."""
    return [item.name for item in given_stream.tags]


def imported(given_stream: Stream, what: Known, image: str = A) -> Stream:
    """Give a stream the status after all it asks for was imported."""
    asked = effective(given_stream, what, LEGACY)
    outcomes = {item.name: Imported(intent_of(asked, item), f"{APP}@{image}", image) for item in asked.tags}
    status = record(asked, outcomes, now=EARLIER, known=what)
    return dataclasses.replace(given_stream, status=status)


def test_the_repositorys_tags_come_after_those_of_spec() -> None:
    """Each is a scheduled tag of kind DockerImage; one of spec of the same name stays as it was written."""
    given_stream = stream(tag("b", "m.io/b:1"), repository=APP)

    found = effective(given_stream, known("a", "b", "1.0"), LEGACY)

    assert ["b", "1.0", "a"] == names(found)
    assert Source("DockerImage", "m.io/b:1") == found.tags[0].source
    assert (listed("1.0"), listed("a")) == found.tags[1:]


def test_a_tag_of_spec_without_a_source_is_the_repositorys_with_its_notes() -> None:
    """So a tag of the repository is held, or has its own interval; one that is not listed has no source."""
    notes = {"imagestreams.dev/hold": A, "imagestreams.dev/interval": "5m"}
    given_stream = stream(
        {"name": "b", "annotations": notes}, {"name": "gone", "annotations": notes}, repository=APP
    )

    found = effective(given_stream, known("a", "b"), LEGACY)

    annotated = dataclasses.replace(listed("b"), hold=A, interval="5m")
    assert (TagSpec("gone", hold=A, interval="5m"), listed("a"), annotated) == found.tags
    assert found == effective(found, known("a", "b"), LEGACY)


def test_the_insecure_annotation_is_the_repositorys_alone() -> None:
    """The original's openshift.io/image.insecureRepository does not count for the tags of spec."""
    notes = {"openshift.io/image.insecureRepository": "true"}
    found = effective(stream(tag("a"), repository=APP, notes=notes), known("b"), LEGACY)
    assert [False, True] == [item.insecure for item in found.tags]


@pytest.mark.parametrize("mode", ["Legacy", "PreserveOriginal"])
def test_the_default_import_mode_is_the_operators(mode: str) -> None:
    """It counts for what is imported and does not say; one that says and one of another kind keep theirs."""
    other = {"name": "c", "from": {"kind": "ImageStreamTag", "name": "a"}}
    given_stream = stream(tag("a"), tag("b", importMode="Legacy"), other, repository=APP)
    found = effective(given_stream, known("d"), Defaults(mode))
    assert [mode, "Legacy", "Legacy", mode] == [intent_of(found, item).import_mode for item in found.tags]
    assert "" == found.tags[2].import_mode


def test_a_stream_without_a_repository_has_no_other_tags() -> None:
    """What was listed for a repository that spec names no more, or for another, does not count."""
    assert ["v1"] == names(effective(stream(tag()), known("a"), LEGACY))
    assert [] == names(effective(stream(repository="r.io/other"), known("a"), LEGACY))


def test_before_the_first_list_the_status_counts() -> None:
    """A process that knows nothing follows what the one before it followed, of the present repository."""
    before = imported(stream(tag("x", "m.io/x:1"), repository=APP), known("a", "b"))
    assert ["x", "a", "b"] == names(effective(before, NOTHING_KNOWN, LEGACY))
    moved = dataclasses.replace(before, repository="r.io/other")
    assert ["x"] == names(effective(moved, NOTHING_KNOWN, LEGACY))


tags = st.lists(st.sampled_from(["latest", "1.0", "1.1", "1.0.1", "a", "b", "v1"]), max_size=7, unique=True)


@given(tags, tags, st.sampled_from(["Legacy", "PreserveOriginal"]), st.sampled_from([APP, "r.io/other", ""]))
def test_once_more_changes_nothing(spec: list[str], there: list[str], mode: str, repository: str) -> None:
    """The effective stream of an effective stream is itself."""
    given_stream = stream(*(tag(name) for name in spec), repository=repository)
    once = effective(given_stream, known(*there), Defaults(mode))
    assert once == effective(once, known(*there), Defaults(mode))


@given(tags, tags, st.booleans())
def test_a_restart_changes_nothing(spec: list[str], there: list[str], fails: bool) -> None:
    """The status that the next process computes, before it asked anybody, is the one that is stored."""
    before = imported(stream(*(tag(name) for name in spec), repository=APP), known(*there))
    if fails:
        asked = effective(before, known(*there), LEGACY)
        outcomes = {
            item.name: Failed(intent_of(asked, item), Reason.NOT_FOUND, "why") for item in asked.tags[::2]
        }
        failure = Unlisted(Wanted(APP, 50), Reason.NOT_FOUND, "there is no such repository")
        what = Known(known(*there).listing, failure)
        before = dataclasses.replace(before, status=record(asked, outcomes, now=EARLIER, known=what))

    again = effective(before, NOTHING_KNOWN, LEGACY)

    assert before.status == record(again, {}, now=NOW)
    assert () == planned(before, NOTHING_KNOWN).asks


def planned(given_stream: Stream, what: Known, now: float = 100.0, **options: Any) -> Any:
    """Plan a stream that was first seen at 100."""
    asked = effective(given_stream, what, LEGACY)
    return plan(asked, {}, now=now, since=100.0, default_interval=900.0, **options)


def test_a_tag_that_vanished_keeps_its_history_and_nothing_else() -> None:
    """Its items stay, its intent and condition go, and it is asked for no more; without items it goes."""
    before = imported(stream(tag("x"), repository=APP), known("a", "b"))
    asked = effective(before, known("a", "b", "c"), LEGACY)
    outcomes = {
        name: Failed(intent_of(asked, spec), Reason.NOT_FOUND, "why")
        for name in ("b", "c")
        if (spec := asked.tag(name))
    }
    before = dataclasses.replace(
        before, status=record(asked, outcomes, now=EARLIER, known=known("a", "b", "c"))
    )
    assert ["a", "b", "c", "x"] == [item.tag for item in before.status.tags]

    status = record(effective(before, known("a"), LEGACY), {}, now=NOW, known=known("a"))

    assert ["a", "b", "x"] == [item.tag for item in status.tags]
    gone = status.tag("b")
    assert gone is not None
    assert ([A], (), None) == ([item.image for item in gone.items], gone.conditions, gone.intent)
    after = dataclasses.replace(before, status=status)
    assert [] == [ask.tag for ask in planned(after, known("a")).asks]
    assert ["b"] == [ask.tag for ask in planned(after, known("a", "b")).asks]


@pytest.mark.parametrize("repository", ["", "r.io/other"])
def test_the_tags_of_a_repository_that_spec_names_no_more_keep_their_history(repository: str) -> None:
    """It is as if they had vanished; what spec names stays as it is."""
    before = imported(stream(tag("x"), repository=APP), known("a"))
    moved = effective(dataclasses.replace(before, repository=repository), known("a"), LEGACY)
    status = record(moved, {}, now=NOW, known=known("a"))
    assert [("a", False, 1), ("x", True, 1)] == [
        (item.tag, item.intent is not None, len(item.items)) for item in status.tags
    ]
    assert status.condition("RepositoryFollowed") is None


def test_ready_waits_for_the_first_list() -> None:
    """Before anything is known of the repository nobody can say that all is imported."""
    given_stream = effective(stream(tag(), repository=APP), NOTHING_KNOWN, LEGACY)
    done = {"v1": Imported(intent_of(given_stream, given_stream.tags[0]), f"{APP}@{A}", A)}
    ready = record(given_stream, done, now=NOW).condition("Ready")
    assert ready is not None
    assert ("Unknown", "the tags of r.io/app are being listed") == (ready.status, ready.message)


def test_ready_says_why_a_repository_is_not_listed_while_its_known_tags_are_followed() -> None:
    """The registry's words are in Ready, the tags stay, and tags that failed are told beside."""
    before = imported(stream(repository=APP), known("a", "b"))
    what = Known(known("a", "b").listing, Unlisted(Wanted(APP, 50), Reason.NOT_FOUND, "no such repository"))
    asked = effective(before, what, LEGACY)
    status = record(asked, {}, now=NOW, known=what)
    ready = status.condition("Ready")
    assert ready is not None
    text = "spec.dockerImageRepository cannot be listed (NotFound): no such repository"
    assert ("False", "ListingFailed", text) == (ready.status, ready.reason, ready.message)
    assert ["a", "b"] == [item.tag for item in status.tags if item.intent]

    failed = {"a": Failed(intent_of(asked, asked.tags[0]), Reason.NOT_FOUND, "why")}
    ready = record(asked, failed, now=NOW, known=what).condition("Ready")
    assert ready is not None
    assert f"1 of 2 tags failed to import, too: a. {text}" == ready.message


def test_an_empty_repository_is_ready_and_says_so() -> None:
    """No tag is no failure."""
    ready = record(effective(stream(repository=APP), known(), LEGACY), {}, now=NOW, known=known()).condition(
        "Ready"
    )
    assert ready is not None
    assert ("True", "r.io/app has no tags") == (ready.status, ready.message)


def test_the_history_is_as_long_as_the_operators_setting_says() -> None:
    """An annotation that can be read wins, one that cannot is as none."""
    for note, expected in (("", 2), ("3", 3), ("all", 2)):
        given_stream = stream(tag(), notes={"imagestreams.dev/keep": note})
        for letter in "abcde":
            outcome = Imported(
                intent_of(given_stream, given_stream.tags[0]), f"{APP}@{digest(letter)}", digest(letter)
            )
            status = record(given_stream, {"v1": outcome}, now=NOW, defaults=Defaults(keep=2))
            given_stream = dataclasses.replace(given_stream, status=status)
        assert expected == len(given_stream.status.tags[0].items)


def test_a_repository_is_listed_at_once_when_it_is_new_or_something_else_is_wanted_of_it() -> None:
    """A filter, a cap, a policy, a request and another repository each ask for a list."""
    given_stream = stream(repository=APP)
    assert wanted_of(given_stream, LEGACY) == planned(given_stream, NOTHING_KNOWN).listing
    done = Attempt(Wanted(APP, 50), 99.0)
    assert planned(given_stream, known("a"), listed=done).listing is None
    assert planned(stream(tag()), NOTHING_KNOWN).listing is None
    for changed in (
        stream(repository="r.io/other"),
        stream(repository=APP, notes={"imagestreams.dev/max-tags": "5"}),
        stream(repository=APP, notes={"imagestreams.dev/include-tags": "5"}),
        stream(repository=APP, notes={"imagestreams.dev/exclude-tags": "5"}),
        stream(repository=APP, notes={"imagestreams.dev/requested-at": "5"}),
        stream(repository=APP, notes={"openshift.io/image.insecureRepository": "true"}),
    ):
        assert wanted_of(changed, LEGACY) == planned(changed, known("a"), listed=done).listing


@pytest.mark.parametrize(
    ("attempt", "notes", "earliest", "latest"),
    [
        pytest.param(Attempt(Wanted(APP, 50), 100.0), {}, 910.0, 1000.0, id="the interval, spread"),
        pytest.param(
            Attempt(Wanted(APP, 50), 100.0), {"imagestreams.dev/interval": "1m"}, 154.0, 160.0, id="annotated"
        ),
        pytest.param(
            Attempt(Wanted(APP, 50), 100.0), {"imagestreams.dev/interval": "1s"}, 105.0, 105.0, id="the least"
        ),
        pytest.param(Attempt(Wanted(APP, 50), 100.0, 1, Retry.TRANSIENT), {}, 105.0, 105.0, id="transient"),
        pytest.param(Attempt(Wanted(APP, 50), 100.0, 1, Retry.PERMANENT), {}, 115.0, 115.0, id="permanent"),
        pytest.param(Attempt(Wanted(APP, 50), 100.0, 99, Retry.PERMANENT), {}, 3700.0, 3700.0, id="often"),
    ],
)
def test_a_repository_is_listed_again_when_its_time_has_come(
    attempt: Attempt, notes: dict[str, str], earliest: float, latest: float
) -> None:
    """After a success an interval later, or a little earlier; after a failure when its back-off is over."""
    given_stream = stream(repository=APP, notes=notes)
    wake = planned(given_stream, known(), listed=attempt).wake
    assert wake is not None
    assert earliest <= wake <= latest
    assert planned(given_stream, known(), listed=attempt, now=wake - 0.01).listing is None
    assert planned(given_stream, known(), listed=attempt, now=wake).listing is not None


def test_after_a_restart_a_known_repository_is_listed_within_a_minute() -> None:
    """Each stream in its own place, so that a restart is no stampede."""
    before = imported(stream(repository=APP), known())
    found = planned(before, NOTHING_KNOWN)
    assert found.listing is None
    assert found.wake is not None
    assert 100.0 < found.wake <= 160.0
