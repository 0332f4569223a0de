"""The cells of `kubectl get is`, row by row as the original was seen to print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.status import Intent, Summary, TagEvent, TagStatus
from imagestreams.model.summary import shorten_tags, summarize

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


DIGEST = "sha256:" + "1" * 64


def imported(name: str, created: str = EARLY, reference: str = f"r.io/a@{DIGEST}") -> TagStatus:
    """Make a tag with one image."""
    return TagStatus(name, (TagEvent(created, reference, DIGEST),))


def short(number: int) -> list[str]:
    """Name tags v1, v2, ..."""
    return [f"v{nth}" for nth in range(1, number + 1)]


def long(number: int) -> list[str]:
    """Name tags of twenty letters."""
    return [f"release-2026-{nth:02}-long" for nth in range(1, number + 1)]


def grow(number: int) -> list[str]:
    """Name tags of 3, 6, 9, ... letters."""
    return ["x" * (3 * nth) for nth in range(1, number + 1)]


@pytest.mark.parametrize(
    ("tags", "cell"),
    [
        ([], ""),
        (short(1), "v1"),
        (short(2), "v1,v2"),
        (short(9), "v1,v2,v3,v4,v5,v6,v7,v8,v9"),
        (short(10), "v1,v10,v2,v3,v4,v5,v6,v7,v8,v9"),
        (short(11), "v1,v10,v11,v2,v3,v4,v5,v6,v7,v8,v9"),
        (short(12), "v1,v10,v11,v12,v2,v3,v4,v5,v6,v7,v8,v9"),
        (short(20), "v1,v10,v11,v12,v13,v14,v15,v16,v17,v18 + 10 more..."),
        (short(30), "v1,v10,v11,v12,v13,v14,v15,v16,v17,v18 + 20 more..."),
        (long(1), "release-2026-01-long"),
        (long(2), "release-2026-01-long,release-2026-02-long"),
        (long(3), "release-2026-01-long,release-2026-02-long + 1 more..."),
        (long(12), "release-2026-01-long,release-2026-02-long + 10 more..."),
        (grow(1), "xxx"),
        (grow(3), "xxx,xxxxxx,xxxxxxxxx"),
        (grow(4), "xxx,xxxxxx,xxxxxxxxx,xxxxxxxxxxxx"),
        (grow(5), "xxx,xxxxxx,xxxxxxxxx,xxxxxxxxxxxx + 1 more..."),
        (grow(6), "xxx,xxxxxx,xxxxxxxxx,xxxxxxxxxxxx + 2 more..."),
        (grow(12), "xxx,xxxxxx,xxxxxxxxx,xxxxxxxxxxxx + 8 more..."),
        (["y" * 128, "z"], "y" * 128 + " + 1 more..."),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_tags_of_one_age_fill_about_forty_columns(tags: list[str], cell: str) -> None:
    """Each row is what the original printed for these tags."""
    assert cell == shorten_tags(imported(tag) for tag in tags)


def test_the_newest_tag_comes_first_and_one_without_an_image_last() -> None:
    """Tags are named by the time of their image, those of one time by name, those without an image last."""
    tags = [TagStatus("a-none"), imported("b-old"), imported("d-new", LATE), imported("c-new", LATE)]

    assert "c-new,d-new,b-old,a-none" == shorten_tags(tags)


@given(st.lists(st.text(alphabet="abcdef", min_size=1, max_size=60), unique=True, max_size=40))
def test_no_tag_is_lost_from_the_cell(names: list[str]) -> None:
    """The tags that are named and those that are counted are all there are; the width is bounded."""
    cell = shorten_tags(imported(name) for name in names)
    shown, _, rest = cell.partition(" + ")
    more = int(rest.removesuffix(" more...")) if rest else 0

    assert len(names) == len([name for name in shown.split(",") if name]) + more
    assert sorted(names)[: len(names) - more] == [name for name in shown.split(",") if name]
    assert len(shown) <= max(60, 40 + 10)


def test_updated_is_the_newest_image_of_all_tags() -> None:
    """The cell UPDATED counts from the newest image, and is empty where there is none."""
    assert LATE == summarize("", [imported("a"), imported("b", LATE), TagStatus("c")]).updated
    assert Summary("", "c", "") == summarize("", [TagStatus("c")])
    assert Summary() == summarize("", [])


def test_the_repository_is_the_streams_own_else_the_one_all_tags_share() -> None:
    """IMAGE REPOSITORY is spec's, else that of all tags when there is just one, by image or by source."""
    waiting = TagStatus("b", intent=Intent("DockerImage", "r.io/a:2"))

    assert "r.io/own" == summarize("r.io/own", [imported("a")]).repository
    assert "r.io/a" == summarize("", [imported("a"), waiting]).repository
    assert "" == summarize("", [imported("a"), imported("b", reference=f"r.io/b@{DIGEST}")]).repository
    assert "" == summarize("", [imported("a", reference="NOT A REFERENCE")]).repository
    assert "" == summarize("", [TagStatus("a")]).repository


@pytest.mark.parametrize(
    "intent",
    [Intent("ImageStreamTag", "base:1"), Intent("ImageStreamImage", "base@sha256:0a"), None],
    ids=["tag", "image", "removed from spec"],
)
def test_a_tag_that_has_no_image_of_a_registry_does_not_count(intent: Intent | None) -> None:
    """IMAGE REPOSITORY names no stream, and is not blank for a tag that never had an image."""
    failed = TagStatus("b", intent=intent)

    assert "r.io/a" == summarize("", [imported("a"), failed]).repository
    assert "" == summarize("", [failed]).repository
