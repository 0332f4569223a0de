"""The plan: which tags a registry is asked for now, and when to look again."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import Reason, Retry
from imagestreams.importing.intervals import INTERVAL_LEAST, interval_of, interval_problem, pace
from imagestreams.importing.plan import Ask, Attempt, Priority, plan, retry_delay, retry_text
from imagestreams.importing.record import Failed, Imported
from imagestreams.importing.schedule import jitter
from imagestreams.model.stream import intent_of
from unit.importing.streams import EARLIER, digest, record, stream, tag

if TYPE_CHECKING:
    from imagestreams.importing.plan import Plan
    from imagestreams.model.stream import Stream

START, NOW, DEFAULT = 1000.0, 2000.0, 900.0
REQUESTED = "imagestreams.dev/requested-at"
INTERVAL = "imagestreams.dev/interval"


def imported(given: Stream) -> Stream:
    """Give a stream the status after all its tags were imported."""
    outcomes = {
        item.name: Imported(intent_of(given, item), f"r.io/app@{digest('a')}", digest("a"))
        for item in given.tags
    }
    return dataclasses.replace(given, status=record(given, outcomes, now=EARLIER))


def failed(given: Stream) -> Stream:
    """Give a stream the status after all its imports failed."""
    outcomes = {item.name: Failed(intent_of(given, item), Reason.NOT_FOUND, "why") for item in given.tags}
    return dataclasses.replace(given, status=record(given, outcomes, now=EARLIER))


def attempt(
    given: Stream, asked: float = NOW, failures: int = 0, retry: Retry = Retry.TRANSIENT
) -> dict[str, Attempt]:
    """Remember an ask of every tag of a stream."""
    return {item.name: Attempt(intent_of(given, item), asked, failures, retry) for item in given.tags}


def planned(
    given: Stream, attempts: dict[str, Attempt] | None = None, now: float = NOW, since: float = START
) -> Plan:
    """Plan a stream."""
    return plan(given, attempts or {}, now=now, since=since, default_interval=DEFAULT)


def due(given: Stream, attempts: dict[str, Attempt] | None = None) -> float | None:
    """Find when the stream's one tag is asked for, by planning at the times that plans name."""
    first = planned(given, attempts, now=START)
    if first.asks:
        return START
    if first.wake is None:
        return None
    # One that is well may be asked for a moment early, with others; nothing names that time.
    well = any(not item.failures for item in (attempts or {}).values())
    assert not planned(given, attempts, now=first.wake - (1.001 if well else 0.001)).asks
    assert ["v1"] == [ask.tag for ask in planned(given, attempts, now=first.wake).asks]
    return first.wake


def spread(span: float) -> float:
    """Say when a tag that nothing is known of is asked for: in the last three quarters of a span."""
    return START + (0.25 + 0.75 * jitter("u-1/v1", 1.0)) * span


@pytest.mark.parametrize("scheduled", [True, False])
def test_a_tag_without_status_is_asked_for_at_once(scheduled: bool) -> None:
    """What was never imported is due now, scheduled or not."""
    given = stream(tag(scheduled=scheduled))

    assert (Ask("v1", intent_of(given, given.tags[0])),) == planned(given).asks


@pytest.mark.parametrize(
    "change",
    [
        tag(image="r.io/app:2"),
        tag(insecure=True),
        tag(importMode="PreserveOriginal"),
        tag(notes={REQUESTED: "now"}),
    ],
    ids=["image", "insecure", "mode", "requested"],
)
def test_a_tag_whose_intent_changed_is_asked_for_at_once(change: dict[str, Any]) -> None:
    """A status made for another intent is out of date, whatever was asked a moment ago."""
    before = imported(stream(tag()))
    after = dataclasses.replace(stream(change, generation=2), status=before.status)

    assert ["v1"] == [ask.tag for ask in planned(after).asks]
    assert ["v1"] == [ask.tag for ask in planned(after, attempt(before)).asks]


def test_an_edit_of_a_failed_tag_goes_before_retries() -> None:
    """Somebody waits for it; a host that wants to be left alone is left alone all the same."""
    before = stream(tag())
    after = stream(tag() | {"referencePolicy": {"type": "Local"}}, generation=2)
    failed = Attempt(intent_of(before, before.tags[0]), NOW, 9, Retry.PERMANENT, spec=before.tags[0])

    assert () == planned(before, {"v1": failed}).asks
    assert [Priority.EDIT] == [ask.priority for ask in planned(after, {"v1": failed}).asks]
    assert () == planned(after, {"v1": dataclasses.replace(failed, wait=60.0)}).asks


def test_an_ask_shares_the_intent_of_the_status() -> None:
    """It is kept with each attempt: a second, equal one would be kept for each of 50,000 tags."""
    given = imported(stream(tag(scheduled=True)))
    asked = plan(given, {}, now=NOW, since=START, default_interval=DEFAULT).asks[0]

    assert asked.intent is given.status.tags[0].intent


def test_a_change_to_one_tag_asks_for_that_tag_alone() -> None:
    """The other tags of the stream are left alone."""
    before = imported(stream(tag("a"), tag("b"), tag("c")))
    after = dataclasses.replace(
        stream(tag("a"), tag("b", "r.io/other:1"), tag("c"), generation=2), status=before.status
    )

    assert ["b"] == [ask.tag for ask in planned(after).asks]


def test_a_request_on_the_stream_asks_for_every_tag() -> None:
    """A new requested-at annotation of the stream makes all its tags due."""
    before = imported(stream(tag("a"), tag("b")))
    after = dataclasses.replace(stream(tag("a"), tag("b"), notes={REQUESTED: "now"}), status=before.status)

    assert ["a", "b"] == [ask.tag for ask in planned(after).asks]


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "v1"},
        {"name": "v1", "from": {"kind": "ImageStreamTag", "name": "other:v1"}},
        {"name": "v1", "from": {"kind": "DockerImage", "name": "r.io/app:1"}, "reference": True},
    ],
    ids=["no source", "another tag", "reference"],
)
def test_no_registry_is_asked_for_what_is_no_import(raw: dict[str, Any]) -> None:
    """A tag without a source, of another tag, or that is only a reference, asks for nothing, ever."""
    plans = planned(stream(raw))

    assert ((), None) == (plans.asks, plans.wake)


def test_an_imported_tag_that_is_not_scheduled_is_never_due() -> None:
    """What is imported and not scheduled waits for a change, before and after a restart."""
    given = imported(stream(tag()))

    assert due(given) is None
    assert due(given, attempt(given)) is None


def test_a_scheduled_tag_is_due_an_interval_after_it_was_asked_for() -> None:
    """The interval counts from the last ask, not from the answer."""
    given = imported(stream(tag(scheduled=True)))

    assert START - 100 + DEFAULT == due(given, attempt(given, asked=START - 100))


@pytest.mark.parametrize(("interval", "soonest"), [(5.0, 4.5), (9.0, 8.1), (10.0, 9.0), (900.0, 899.0)])
def test_what_is_due_within_a_moment_is_asked_for_with_the_rest(interval: float, soonest: float) -> None:
    """Up to a tenth of its interval early, a second at the most; by itself it waits for its time."""
    given = imported(stream(tag(scheduled=True, notes={INTERVAL: f"{interval:g}s"})))
    attempts = attempt(given, asked=START)

    assert soonest == pace(interval)
    assert planned(given, attempts, now=START + soonest).asks
    assert not planned(given, attempts, now=START + soonest - 0.001).asks
    assert START + interval == planned(given, attempts, now=START + 1).wake


def test_of_a_stream_that_was_planned_before_only_what_is_due_is_asked_for() -> None:
    """The plan of a stream that is seen again is that of one that is new, but for what is being asked."""
    given = imported(stream(*(tag(name, scheduled=True) for name in ("a", "b", "c")), tag("d")))
    attempts = attempt(given, asked=START)
    attempts["b"] = dataclasses.replace(attempts["b"], asked=START + 100)
    for now in (START + 1, START + DEFAULT, START + DEFAULT + 200):
        plan_now = functools.partial(plan, given, attempts, now=now, since=START, default_interval=DEFAULT)
        new = plan_now()
        assert new == plan_now(seen=True)
        rest = plan_now(seen=True, asking={"a"})
        assert tuple(ask for ask in new.asks if ask.tag != "a") == rest.asks


def test_a_retry_is_never_early() -> None:
    """Its back-off is kept, whatever else is asked for."""
    given = imported(stream(tag(scheduled=True)))
    attempts = attempt(given, asked=START, failures=1)

    assert not planned(given, attempts, now=START + 5 - 0.001).asks
    assert planned(given, attempts, now=START + 5).asks


@pytest.mark.parametrize(
    ("on_tag", "on_stream", "seconds"),
    [
        ("", "", DEFAULT),
        ("", "5m", 300),
        ("1m", "5m", 60),
        ("1h", "5m", 3600),
        ("1s", "", INTERVAL_LEAST),
        ("0s", "", INTERVAL_LEAST),
        ("", "1s", INTERVAL_LEAST),
        ("often", "5m", 300),
        ("often", "seldom", DEFAULT),
        ("", "-5m", DEFAULT),
    ],
)
def test_the_interval_is_the_tags_else_the_streams_else_the_default(
    on_tag: str, on_stream: str, seconds: float
) -> None:
    """Annotations are taken in that order, none under 5 s, and those that cannot be read are passed over."""
    given = imported(stream(tag(scheduled=True, notes={INTERVAL: on_tag}), notes={INTERVAL: on_stream}))

    assert seconds == interval_of(given, given.tags[0], DEFAULT)
    assert START + seconds == due(given, attempt(given, asked=START))


def test_an_interval_that_cannot_be_read_is_told() -> None:
    """The user is told which annotation is wrong and that the default is used; good ones are no problem."""
    good = stream(tag(notes={INTERVAL: "5m"}), notes={INTERVAL: "1h"})
    on_tag = stream(tag("a"), tag("b", notes={INTERVAL: "often"}))
    on_stream = stream(tag(), notes={INTERVAL: "seldom"})

    assert "" == interval_problem(good)
    assert (
        'annotation imagestreams.dev/interval of tag "b": "often" is not a duration; '
        "write it like 30s, 15m or 1h30m; the default is used"
    ) == interval_problem(on_tag)
    assert interval_problem(on_stream).startswith(
        'annotation imagestreams.dev/interval of the stream: "seldom"'
    )


def test_the_back_off_doubles_to_its_cap() -> None:
    """Transient trouble is retried from 5 s to 5 min, permanent from 15 s to 60 min, each time doubled."""
    transient = [retry_delay(nth, Retry.TRANSIENT) for nth in range(1, 10)]
    permanent = [retry_delay(nth, Retry.PERMANENT) for nth in range(1, 11)]

    assert [5, 10, 20, 40, 80, 160, 300, 300, 300] == transient
    assert [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600] == permanent
    assert 3600 == retry_delay(100_000, Retry.PERMANENT)
    assert "Retried by itself, at most every 5 min." == retry_text(Retry.TRANSIENT)
    assert "Retried by itself, at most every 60 min." == retry_text(Retry.PERMANENT)


@pytest.mark.parametrize("retry", list(Retry))
@pytest.mark.parametrize("failures", [1, 2, 6, 7, 20])
def test_a_failed_tag_is_due_when_its_back_off_is_over(retry: Retry, failures: int) -> None:
    """A tag that is not scheduled is retried after the back-off of its failures in a row."""
    given = failed(stream(tag()))

    assert START + retry_delay(failures, retry) == due(given, attempt(given, START, failures, retry))


@pytest.mark.parametrize(
    ("failures", "delay"), [(1, 10), (2, 10), (3, 10), (5, 10), (6, 480), (7, 960), (9, 3600)]
)
def test_a_scheduled_tag_that_fails_keeps_its_interval_for_five_failures(failures: int, delay: float) -> None:
    """A short interval shortens the back-off, but not for ever."""
    given = failed(stream(tag(scheduled=True, notes={INTERVAL: "10s"})))

    assert START + delay == due(given, attempt(given, START, failures, Retry.PERMANENT))


@pytest.mark.parametrize(("failures", "delay"), [(1, 5), (2, 10), (5, 10), (6, 20), (7, 20), (100, 20)])
def test_a_scheduled_tag_is_asked_for_every_two_intervals_however_long_its_registry_is_away(
    failures: int, delay: float
) -> None:
    """Transient trouble of any length is over for a tag two intervals after it is for its registry."""
    given = failed(stream(tag(scheduled=True, notes={INTERVAL: "10s"})))

    assert START + delay == due(given, attempt(given, START, failures, Retry.TRANSIENT))


def test_a_long_interval_does_not_lengthen_the_back_off() -> None:
    """A scheduled tag that fails is retried by its back-off when that is the shorter."""
    given = failed(stream(tag(scheduled=True)))

    assert START + 5 == due(given, attempt(given, START, 1))


def test_after_a_restart_each_scheduled_tag_takes_its_own_place_in_a_minute() -> None:
    """What is imported is not asked for at once by a new process, but within a minute, or its interval.

    Nor in the first quarter of it, when the process has the streams to take in.
    """
    given = imported(stream(tag(scheduled=True)))
    often = imported(stream(tag(scheduled=True, notes={INTERVAL: "30s"})))

    assert (spread(60), spread(30)) == (due(given), due(often))
    assert START + 15 < spread(60) < START + 60


def test_after_a_restart_failed_tags_are_spread_over_a_quarter_of_a_minute() -> None:
    """What failed before the restart is retried soon, though not all at once, and no later than scheduled."""
    often = tag(scheduled=True, notes={INTERVAL: "6s"})

    assert spread(15) == due(failed(stream(tag())))
    assert spread(15) == due(failed(stream(tag(scheduled=True))))
    assert spread(6) == due(failed(stream(often)))


def test_many_tags_are_spread_evenly_after_a_restart() -> None:
    """Of 1,000 tags about a tenth falls into each tenth of the minute's last three quarters."""
    given = imported(stream(*(tag(f"t{number}", scheduled=True) for number in range(1000))))
    asked = [len(planned(given, now=START + 15 + 45 * nth / 10).asks) for nth in range(11)]

    tenths = [after - before for before, after in itertools.pairwise(asked)]
    assert (0, 1000) == (asked[0], asked[-1])
    assert 60 < min(tenths) <= max(tenths) < 140


def test_the_plan_wakes_for_the_earliest_tag() -> None:
    """Of several tags that are not due, the next one's time is when to look again."""
    given = imported(
        stream(
            *(
                tag(name, scheduled=True, notes={INTERVAL: every})
                for name, every in [("a", "9m"), ("b", "3m"), ("c", "6m")]
            )
        )
    )
    plans = planned(given, attempt(given, asked=NOW))

    assert ((), NOW + 180) == (plans.asks, plans.wake)


def test_a_tag_asked_for_with_the_present_intent_waits_though_its_status_is_old() -> None:
    """An ask whose answer is not in the status yet is not repeated: failures count from the memory."""
    given = stream(tag())

    assert due(given, attempt(given, START, 1)) == START + 5


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["", "imported", "failed"]),
            st.integers(0, 8),
            st.integers(0, 4000),
        ),
        max_size=6,
    ),
    st.integers(1000, 5000),
)
def test_planning_again_at_the_same_time_changes_nothing(
    tags: list[tuple[bool, str, int, int]], now: int
) -> None:
    """The same input gives the same plan, nothing is asked twice, and the wake is always in the future."""
    given = stream(*(tag(f"t{nth}", scheduled=each[0]) for nth, each in enumerate(tags)))
    outcomes: dict[str, Imported | Failed] = {}
    attempts = {}
    for item, (_, known, failures, asked) in zip(given.tags, tags, strict=True):
        intent = intent_of(given, item)
        if known == "imported":
            outcomes[item.name] = Imported(intent, f"r.io/app@{digest('a')}", digest("a"))
        elif known:
            outcomes[item.name] = Failed(intent, Reason.NOT_FOUND, "why")
        if asked <= now:
            attempts[item.name] = Attempt(intent, asked, failures)
    given = dataclasses.replace(given, status=record(given, outcomes, now=EARLIER))

    first = planned(given, attempts, now=now)
    assert first == planned(given, attempts, now=now)
    assert len({ask.tag for ask in first.asks}) == len(first.asks)
    assert first.wake is None or first.wake > now
