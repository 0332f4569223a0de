"""A repository's tags: which are followed, and what is said of those that are not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError, Reason
from imagestreams.importing.effective import Defaults
from imagestreams.importing.repository import (
    NOTHING_KNOWN,
    Known,
    Listing,
    Unlisted,
    Wanted,
    follow_condition,
    listed_before,
    read_max_tags,
    read_patterns,
    select,
    wanted_of,
)
from imagestreams.model.status import REPOSITORY_FOLLOWED, Condition
from unit.importing.streams import EARLIER, NOW, stream, tag

APP = "r.io/app"
MAX, INCLUDE, EXCLUDE = (f"imagestreams.dev/{name}-tags" for name in ("max", "include", "exclude"))
SIXTY_SEVEN = [f"1.{number}" for number in range(67)]


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ({}, Wanted(APP, 50)),
        ({MAX: "7"}, Wanted(APP, 7)),
        ({MAX: "1000"}, Wanted(APP, 1000)),
        ({MAX: "1001"}, Wanted(APP, 50)),
        ({MAX: "0"}, Wanted(APP, 50)),
        ({MAX: "٣"}, Wanted(APP, 50)),
        ({INCLUDE: "1.*, v?.?,"}, Wanted(APP, 50, ("1.*", "v?.?"))),
        ({EXCLUDE: "*-rc*"}, Wanted(APP, 50, (), ("*-rc*",))),
        ({EXCLUDE: "(a+)+$"}, Wanted(APP, 50)),
        ({"openshift.io/image.insecureRepository": "true"}, Wanted(APP, 50, insecure=True)),
        ({"openshift.io/image.insecureRepository": "yes"}, Wanted(APP, 50)),
        ({"imagestreams.dev/requested-at": "now"}, Wanted(APP, 50, requested_at="now")),
    ],
)
def test_what_a_stream_wants_of_its_repository(notes: dict[str, str], expected: Wanted) -> None:
    """Annotations count where they can be read, else the defaults."""
    assert expected == wanted_of(stream(repository=APP, notes=notes), Defaults())


def test_a_stream_without_a_repository_wants_nothing_of_it() -> None:
    """Only spec.dockerImageRepository is listed; the cap is the operator's where none is said."""
    assert wanted_of(stream(tag(), notes={MAX: "7"}), Defaults()) is None
    assert Wanted(APP, 9) == wanted_of(stream(repository=APP), Defaults(max_tags=9))


@pytest.mark.parametrize("text", ["0", "-1", "1001", "1e2", "many", "٣", " 5"])
def test_a_cap_that_cannot_be_read_is_told(text: str) -> None:
    """The message shows the text and how to write it."""
    with pytest.raises(InvalidError, match="is not a number of tags from 1 to 1000"):
        read_max_tags(text, 50)


@pytest.mark.parametrize("text", ["[0-9]*", "a b", "a/b", "x" * 129, "é*"])
def test_a_filter_that_fits_no_tag_is_told(text: str) -> None:
    """What no tag can be is a mistake."""
    with pytest.raises(InvalidError, match="fits no tag"):
        read_patterns(text)


@pytest.mark.parametrize(
    ("wanted", "tags", "expected"),
    [
        pytest.param(Wanted(APP, 50), [], Listing(Wanted(APP, 50), ()), id="none"),
        pytest.param(
            Wanted(APP, 2), ["b", "a", "a"], Listing(Wanted(APP, 2), ("a", "b")), id="each once, in order"
        ),
        pytest.param(
            Wanted(APP, 2),
            ["a", "1.0", "latest"],
            Listing(Wanted(APP, 2), ("latest", "1.0"), ("a",), 1),
            id="the cap",
        ),
        pytest.param(
            Wanted(APP, 1, ("1.*",), ("*-rc*",)),
            ["1.0", "1.1-rc1", "2.0", "1.1"],
            Listing(Wanted(APP, 1, ("1.*",), ("*-rc*",)), ("1.1",), ("1.0",), 1, 2),
            id="filters",
        ),
    ],
)
def test_tags_are_selected(wanted: Wanted, tags: list[str], expected: Listing) -> None:
    """Filters first, then the order, then the cap; what is left out is counted, each way apart."""
    assert expected == select(wanted, tags)


names = st.lists(st.text("12.-rcv", min_size=1, max_size=5), max_size=12)


@given(names, st.integers(1, 5), names, names)
def test_every_tag_is_followed_left_out_or_excluded(
    tags: list[str], most: int, include: list[str], exclude: list[str]
) -> None:
    """The three add up to what was listed, and no more than the cap is followed."""
    wanted = Wanted(APP, most, tuple(f"{each}*" for each in include), tuple(exclude))
    found = select(wanted, tags)
    assert len(set(tags)) == len(found.followed) + found.left_out + found.excluded
    assert len(found.followed) <= most
    assert not set(found.followed) & set(exclude)


def test_what_is_remembered_of_a_huge_repository_is_bounded() -> None:
    """Of the tags that are not followed a thousand names are kept, and the number of all."""
    found = select(Wanted(APP, 50), (f"1.{number}" for number in range(20_000)))
    assert (50, 1000, 19_950) == (len(found.followed), len(found.spare), found.left_out)


@pytest.mark.parametrize(
    ("given_stream", "listing", "reason", "message"),
    [
        pytest.param(stream(repository=APP), [], "AllTags", "r.io/app has no tags", id="none"),
        pytest.param(
            stream(repository=APP), ["a"], "AllTags", "the one tag of r.io/app is followed", id="one"
        ),
        pytest.param(
            stream(repository=APP),
            SIXTY_SEVEN[:12],
            "AllTags",
            "all 12 tags of r.io/app are followed",
            id="all",
        ),
        pytest.param(
            stream(repository=APP),
            SIXTY_SEVEN,
            "TagsLeftOut",
            "50 of 67 tags of r.io/app are followed; left out: 1.16, 1.15, 1.14, 1.13, 1.12 and 12 more; "
            "raise imagestreams.dev/max-tags (now 50), or name them in spec.tags",
            id="left out",
        ),
        pytest.param(
            stream(*(tag(f"1.{number}") for number in range(16)), repository=APP),
            SIXTY_SEVEN,
            "TagsLeftOut",
            "66 of 67 tags of r.io/app are followed; left out: 1.16; "
            "raise imagestreams.dev/max-tags (now 50), or name them in spec.tags",
            id="named in spec",
        ),
        pytest.param(
            stream(*(tag(f"1.{number}") for number in range(17)), repository=APP),
            SIXTY_SEVEN,
            "AllTags",
            "all 67 tags of r.io/app are followed",
            id="all named in spec",
        ),
        pytest.param(
            stream(repository=APP, notes={EXCLUDE: "1.6?"}),
            SIXTY_SEVEN,
            "TagsLeftOut",
            "50 of 67 tags of r.io/app are followed; 7 are excluded by imagestreams.dev/exclude-tags; "
            "left out: 1.9, 1.8, 1.7, 1.6, 1.5 and 5 more; "
            "raise imagestreams.dev/max-tags (now 50), or name them in spec.tags",
            id="excluded and left out",
        ),
        pytest.param(
            stream(repository=APP, notes={INCLUDE: "1.1*", EXCLUDE: "1.1"}),
            SIXTY_SEVEN,
            "TagsLeftOut",
            "10 of 67 tags of r.io/app are followed; "
            "57 are excluded by imagestreams.dev/include-tags and imagestreams.dev/exclude-tags",
            id="excluded",
        ),
    ],
)
def test_a_condition_says_what_is_followed(
    given_stream: Any, listing: list[str], reason: str, message: str
) -> None:
    """All of them, or how many of how many, which are not and why, and what to do."""
    wanted = wanted_of(given_stream, Defaults())
    assert wanted is not None
    known = Known(select(wanted, listing))
    expected = Condition(REPOSITORY_FOLLOWED, "True", reason, message, NOW, 1)
    assert expected == follow_condition(given_stream, known, NOW)


def test_a_list_that_was_not_read_to_its_end_is_told() -> None:
    """All that was read may be followed, and still it is not all."""
    known = Known(select(Wanted(APP, 50), ["a"], complete=False))
    condition = follow_condition(stream(repository=APP), known, NOW)
    assert condition is not None
    assert "TagsLeftOut" == condition.reason
    assert "its list is longer than is read; name in spec.tags what is missing" in condition.message


def followed(given: Any, condition: Condition) -> Any:
    """Give a stream the status that says how its repository is followed."""
    status = dataclasses.replace(given.status, repository=given.repository, conditions=(condition,))
    return dataclasses.replace(given, status=status)


def test_a_failure_is_told_with_the_registrys_words_and_goes_when_it_is_over() -> None:
    """The time of the condition is when its status changed, not its words."""
    bare = stream(repository=APP)
    listing = select(Wanted(APP, 50), ["a"])
    failed = Known(listing, Unlisted(Wanted(APP, 50), Reason.NOT_FOUND, "there is no such repository"))

    first = follow_condition(bare, Known(listing), EARLIER)
    assert first is not None
    second = follow_condition(followed(bare, first), failed, NOW)
    assert (
        Condition(REPOSITORY_FOLLOWED, "False", "NotFound", "there is no such repository", NOW, 1) == second
    )
    other = Known(listing, Unlisted(Wanted(APP, 50), Reason.UNAUTHORIZED, "it wants a credential"))
    third = follow_condition(followed(bare, second), other, "2027-01-01T00:00:00Z")
    assert third is not None
    assert NOW == third.last_transition


def test_what_was_known_before_a_restart_is_said_on() -> None:
    """Before the first list the status counts, if it is about the present repository."""
    known = Condition(
        REPOSITORY_FOLLOWED, "True", "AllTags", "all 12 tags of r.io/app are followed", EARLIER, 1
    )
    before = followed(stream(repository=APP), known)
    moved = dataclasses.replace(before, repository="r.io/other")

    assert known == follow_condition(before, NOTHING_KNOWN, NOW)
    assert listed_before(before)
    assert follow_condition(moved, NOTHING_KNOWN, NOW) is None
    assert not listed_before(moved)
    assert follow_condition(dataclasses.replace(before, repository=""), NOTHING_KNOWN, NOW) is None
    assert follow_condition(moved, Known(select(Wanted(APP, 50), ["a"])), NOW) is None
