"""What a new status tells people, and what it does not repeat."""

from __future__ import annotations

import dataclasses

import pytest

from imagestreams.importing.news import News, news
from imagestreams.model.status import (
    HELD,
    REPOSITORY_FOLLOWED,
    Condition,
    Intent,
    StreamStatus,
    TagEvent,
    TagStatus,
)

A, B = TagEvent("1", "r.io/app@a", "a"), TagEvent("2", "r.io/app@b", "b")


def failure(reason: str = "NotFound", message: str = "why") -> Condition:
    """Make a tag's failure."""
    return Condition("ImportSuccess", "False", reason, message, "1")


NOTHING = TagStatus("v1")
ASKED = Intent("DockerImage", "r.io/app:v1")
FIRST = TagStatus("v1", (A,), (), ASKED)
MOVED = TagStatus("v1", (B, A), (), ASKED)
FAILED = TagStatus("v1", (A,), (failure(),), ASKED)

TO_A = News("TagMoved", 'tag "v1" moved to r.io/app@a')
TO_B = News("TagMoved", 'tag "v1" moved from r.io/app@a to r.io/app@b')
FAILS = News("ImportFailed", 'tag "v1" (NotFound): why', warning=True)
HEALS = News("ImportHealed", 'tag "v1" is imported again')


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(None, FIRST, [TO_A], id="the first image"),
        pytest.param(NOTHING, FIRST, [TO_A], id="the first image of a known tag"),
        pytest.param(FIRST, MOVED, [TO_B], id="another image"),
        pytest.param(FIRST, FIRST, [], id="nothing new"),
        pytest.param(FIRST, FAILED, [FAILS], id="a failure"),
        pytest.param(None, TagStatus("v1", (), (failure(),)), [FAILS], id="a failure at once"),
        pytest.param(FAILED, FAILED, [], id="the same failure"),
        pytest.param(
            FAILED, TagStatus("v1", (A,), (failure(message="else"),)), [], id="the same reason in other words"
        ),
        pytest.param(
            FAILED,
            TagStatus("v1", (A,), (failure("Unauthorized"),)),
            [News("ImportFailed", 'tag "v1" (Unauthorized): why', warning=True)],
            id="another reason",
        ),
        pytest.param(FAILED, FIRST, [HEALS], id="healed"),
        pytest.param(FAILED, MOVED, [TO_B, HEALS], id="healed and moved"),
        pytest.param(FAILED, TagStatus("v1", (A,)), [], id="asked for no more"),
        pytest.param(
            FIRST,
            TagStatus("v1", (TagEvent("1", "m.io/app@a", "a"),)),
            [News("TagMoved", 'tag "v1" moved from r.io/app@a to m.io/app@a')],
            id="another reference",
        ),
        pytest.param(
            FIRST, TagStatus("v1", (TagEvent("1", "r.io/app@a", "a", 9),)), [], id="another generation"
        ),
    ],
)
def test_what_changed_is_told_once(before: TagStatus | None, after: TagStatus, told: list[News]) -> None:
    """Each change between two statuses is told, and nothing that was known."""
    known = StreamStatus(tags=(before,) if before else ())

    assert told == list(news(known, StreamStatus(tags=(after,))))


def test_a_tag_that_went_away_is_no_news() -> None:
    """Only what the new status has is told, tag by tag."""
    other = TagStatus("v2", (B,))

    assert [News("TagMoved", 'tag "v2" moved to r.io/app@b')] == list(
        news(StreamStatus(tags=(FIRST,)), StreamStatus(tags=(other,)))
    )


C = TagEvent("3", "r.io/app@c", "c")


def held(status: str = "True", reason: str = "NewerAvailable", message: str = "held at a") -> Condition:
    """Say that a tag is held, or why it cannot be."""
    return Condition(HELD, status, reason, message, "1")


BACK = TagStatus("v1", (A, B, A), (held(),), ASKED, available=B)
THERE = TagStatus("v1", (B, A), (held(),), ASKED)
REFUSED = TagStatus("v1", (B, A), (held("False", "NotInHistory", "there is a, b"),), ASKED)
TO_A_AGAIN = News("TagMoved", 'tag "v1" moved from r.io/app@b to r.io/app@a')
HOLDS = News("TagHeld", 'tag "v1" is held at a')
REFUSES = News("HoldFailed", 'tag "v1" (NotInHistory): there is a, b', warning=True)
RELEASED = News("TagReleased", 'tag "v1" is held no more')


def available(event: TagEvent | None, of: TagStatus = BACK) -> TagStatus:
    """Make a tag that is held while another image is available."""
    return dataclasses.replace(of, available=event)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(MOVED, BACK, [TO_A_AGAIN, HOLDS], id="held at an earlier image"),
        pytest.param(MOVED, THERE, [HOLDS], id="held where it is"),
        pytest.param(
            None, dataclasses.replace(THERE, items=(A,)), [TO_A, HOLDS], id="held at its first image"
        ),
        pytest.param(BACK, BACK, [], id="nothing new"),
        pytest.param(
            BACK,
            available(C),
            [
                News(
                    "AvailableMoved",
                    'tag "v1" is held; what is available moved from r.io/app@b to r.io/app@c',
                )
            ],
            id="its source moved",
        ),
        pytest.param(
            THERE,
            available(C, THERE),
            [
                News(
                    "AvailableMoved",
                    'tag "v1" is held; what is available moved from r.io/app@b to r.io/app@c',
                )
            ],
            id="its source moved away from what it is held at",
        ),
        pytest.param(
            available(C),
            available(None),
            [
                News(
                    "AvailableMoved",
                    'tag "v1" is held; what is available moved from r.io/app@c to r.io/app@a',
                )
            ],
            id="its source moved to what it is held at",
        ),
        pytest.param(
            BACK,
            TagStatus("v1", (B, A, B, A), (held(message="held at b"),), ASKED),
            [TO_B, News("TagHeld", 'tag "v1" is held at b')],
            id="held elsewhere",
        ),
        pytest.param(BACK, TagStatus("v1", (B, A, B, A), (), ASKED), [TO_B, RELEASED], id="released"),
        pytest.param(THERE, MOVED, [RELEASED], id="released where it is"),
        pytest.param(MOVED, REFUSED, [REFUSES], id="a hold that cannot be"),
        pytest.param(REFUSED, REFUSED, [], id="the same again"),
        pytest.param(BACK, dataclasses.replace(REFUSED, items=BACK.items), [REFUSES], id="a hold spoilt"),
        pytest.param(REFUSED, THERE, [HOLDS], id="a hold corrected"),
        pytest.param(REFUSED, MOVED, [RELEASED], id="a hold that could not be is gone"),
    ],
)
def test_holds_are_told_once(before: TagStatus | None, after: TagStatus, told: list[News]) -> None:
    """That a tag is held, why it is not, that it is released, and what moves meanwhile, old and new."""
    known = StreamStatus(tags=(before,) if before else ())

    assert told == list(news(known, StreamStatus(tags=(after,))))


def followed(status: str, reason: str = "AllTags", message: str = "why") -> Condition:
    """Say how a repository is followed."""
    return Condition(REPOSITORY_FOLLOWED, status, reason, message, "1")


LISTING_FAILS = News(
    "ListingFailed", "spec.dockerImageRepository cannot be listed (NotFound): why", warning=True
)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param([], [followed("True")], [], id="listed"),
        pytest.param([], [followed("False", "NotFound")], [LISTING_FAILS], id="a failure at once"),
        pytest.param([followed("True")], [followed("False", "NotFound")], [LISTING_FAILS], id="a failure"),
        pytest.param(
            [followed("False", "NotFound", "so")], [followed("False", "NotFound")], [], id="the same reason"
        ),
        pytest.param(
            [followed("False", "Unauthorized")],
            [followed("False", "NotFound")],
            [LISTING_FAILS],
            id="another",
        ),
        pytest.param(
            [followed("False", "NotFound")],
            [followed("True", message="all 2 tags of r.io/app are followed")],
            [
                News(
                    "ListingHealed",
                    "spec.dockerImageRepository is listed again: all 2 tags of r.io/app are followed",
                )
            ],
            id="healed",
        ),
        pytest.param([followed("False", "NotFound")], [], [], id="no repository any more"),
    ],
)
def test_a_listing_that_fails_or_heals_is_told_once(
    before: list[Condition], after: list[Condition], told: list[News]
) -> None:
    """A repository that cannot be listed is told as it begins, changes its reason and ends."""
    assert told == list(news(StreamStatus(conditions=tuple(before)), StreamStatus(conditions=tuple(after))))
