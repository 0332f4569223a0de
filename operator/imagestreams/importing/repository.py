"""spec.dockerImageRepository: which of its tags are followed, and what is said of the others. Pure.

The original imports the tags of a repository once and writes them into spec; here its list is read again and
again, and spec is nobody's but its author's. importing.plan says when to list, importing.asking has it done,
importing.effective makes tags of what came, and importing.record tells of it in a condition.
"""

from __future__ import annotations

import dataclasses
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError, Reason
from imagestreams.model.glob import fits
from imagestreams.model.status import REPOSITORY_FOLLOWED, Condition
from imagestreams.model.tag_order import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagestreams.importing.effective import Defaults
    from imagestreams.model.stream import Stream

_MAX_TAGS_MOST = 1000
_PATTERNS_MOST = 20
_PATTERN = re.compile(r"[\w.*?-]{1,128}", re.ASCII)
_SPARE_MOST = 1000
_NAMED = 5
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream wants of its repository; a change of it is a reason to list at once."""

    repository: str
    max_tags: int
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    insecure: bool = False
    requested_at: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """What a list held for a stream."""

    wanted: Wanted
    followed: tuple[str, ...]
    """The tags to follow, the newest versions first."""
    spare: tuple[str, ...] = ()
    """Those that come after them, the first thousand."""
    left_out: int = 0
    """How many come after them in all."""
    excluded: int = 0
    """How many the filters leave out."""
    complete: bool = True
    """Whether the list was read to its end."""
    digests: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)
    """The digests of the tags to follow, where the list told them; importing.confirming uses them at once."""
    tells_digests: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Unlisted:
    """Why a repository could not be listed: the reason of a condition, and what to do."""

    wanted: Wanted
    reason: Reason
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """What this process knows of a stream's repository: the last list, and why there is no newer one."""

    listing: Listing | None = None
    failure: Unlisted | None = None

    @property
    def digests_to_come(self) -> bool:
        """Whether the next list will tell which tags moved, if it is as the last one was."""
        return self.failure is None and self.listing is not None and self.listing.tells_digests


NOTHING_KNOWN = Known()


def wanted_of(stream: Stream, defaults: Defaults) -> Wanted | None:
    """Say what a stream wants of its repository, None where it names none.

    An annotation that cannot be read counts as not set; `repository_problems` tells the user.
    """
    if not stream.repository:
        return None
    return Wanted(
        stream.repository,
        _max_tags(stream, defaults),
        _patterns(stream.include_tags),
        _patterns(stream.exclude_tags),
        stream.insecure,
        stream.requested_at,
    )


def read_max_tags(text: str, default: int) -> int:
    """Read `imagestreams.dev/max-tags`; "" is the default.

    Raises InvalidError, which says how to write it.
    """
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= _MAX_TAGS_MOST):
        raise InvalidError(f'"{text[:40]}" is not a number of tags from 1 to {_MAX_TAGS_MOST}')
    return int(text)


def read_patterns(text: str) -> tuple[str, ...]:
    """Read a list of globs such as "1.*, 2.?". Raises InvalidError, which says how to write it."""
    patterns = tuple(pattern for part in text.split(",") if (pattern := part.strip()))
    if len(patterns) > _PATTERNS_MOST:
        raise InvalidError(f"{len(patterns)} patterns are more than {_PATTERNS_MOST}")
    for pattern in patterns:
        if _PATTERN.fullmatch(pattern) is None:
            raise InvalidError(
                f'"{pattern[:40]}" fits no tag; write names with * and ? and commas between, like 1.*,2.?'
            )
    return patterns


def repository_problems(stream: Stream, defaults: Defaults) -> str:
    """Say which annotations about the repository cannot be read, "" if all can."""
    problems: list[str] = []
    try:
        read_max_tags(stream.max_tags, defaults.max_tags)
    except InvalidError as error:
        problems.append(f"annotation imagestreams.dev/max-tags: {error}; {defaults.max_tags} are followed")
    for name, text in (("include-tags", stream.include_tags), ("exclude-tags", stream.exclude_tags)):
        try:
            read_patterns(text)
        except InvalidError as error:
            problems.append(f"annotation imagestreams.dev/{name}: {error}; it is not used")
    return "; ".join(problems)


def select(
    wanted: Wanted, tags: Iterable[str], *, complete: bool = True, digests: Mapping[str, str] = _NONE
) -> Listing:
    """Choose from a repository's tags: those that pass the filters, newest versions first, up to the cap."""
    there = list(dict.fromkeys(tags))
    passing = [tag for tag in there if _passes(wanted, tag)]
    ordered = in_order(passing)
    followed, rest = ordered[: wanted.max_tags], ordered[wanted.max_tags :]
    return Listing(
        wanted,
        tuple(followed),
        tuple(rest[:_SPARE_MOST]),
        len(rest),
        len(there) - len(passing),
        complete,
        {tag: digests[tag] for tag in followed if tag in digests},
        tells_digests=bool(digests),
    )


def listed_before(stream: Stream) -> bool:
    """Tell whether the status speaks of the present repository, so that its list is nothing new."""
    return (
        bool(stream.repository)
        and stream.status.repository == stream.repository
        and stream.status.condition(REPOSITORY_FOLLOWED) is not None
    )


def follow_condition(stream: Stream, known: Known, now: str) -> Condition | None:
    """Say in a condition of the stream how its repository is followed; None while nothing is known of it."""
    before = stream.status.condition(REPOSITORY_FOLLOWED) if listed_before(stream) else None
    listing, failure = known.listing, known.failure
    if failure is not None and failure.wanted.repository == stream.repository:
        status, reason, message = "False", str(failure.reason), failure.message
    elif listing is not None and listing.wanted.repository == stream.repository:
        status = "True"
        reason, message = _described(stream, listing)
    elif before is not None:
        status, reason, message = before.status, before.reason, before.message
    else:
        return None
    since = before.last_transition if before is not None and before.status == status else now
    return Condition(REPOSITORY_FOLLOWED, status, reason, message, since or now, stream.generation)


def _max_tags(stream: Stream, defaults: Defaults) -> int:
    try:
        return read_max_tags(stream.max_tags, defaults.max_tags)
    except InvalidError:
        return defaults.max_tags


def _patterns(text: str) -> tuple[str, ...]:
    try:
        return read_patterns(text)
    except InvalidError:
        return ()


def _described(stream: Stream, listing: Listing) -> tuple[str, str]:
    wanted = listing.wanted
    # Who names a tag in spec has it, whatever the cap.
    named = {tag.name for tag in stream.tags if not tag.listed}
    spare = [tag for tag in listing.spare if tag not in named]
    left_out = listing.left_out - (len(listing.spare) - len(spare))
    followed = len(listing.followed) + len(listing.spare) - len(spare)
    total = len(listing.followed) + listing.left_out + listing.excluded
    if not left_out and not listing.excluded and listing.complete:
        return "AllTags", _all(wanted.repository, total)
    parts = [f"{followed} of {total} tags of {wanted.repository} are followed"]
    if listing.excluded:
        given = [name for name, patterns in _filters(wanted) if patterns]
        parts.append(f"{listing.excluded} are excluded by {' and '.join(given)}")
    if left_out:
        parts.append(f"left out: {_names(spare, left_out)}")
        parts.append(f"raise imagestreams.dev/max-tags (now {wanted.max_tags}), or name them in spec.tags")
    if not listing.complete:
        parts.append("its list is longer than is read; name in spec.tags what is missing")
    return "TagsLeftOut", "; ".join(parts)


def _all(repository: str, total: int) -> str:
    if not total:
        return f"{repository} has no tags"
    if total == 1:
        return f"the one tag of {repository} is followed"
    return f"all {total} tags of {repository} are followed"


def _filters(wanted: Wanted) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("imagestreams.dev/include-tags", wanted.include), (
        "imagestreams.dev/exclude-tags",
        wanted.exclude,
    )


def _names(names: list[str], total: int) -> str:
    shown = names[:_NAMED]
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _passes(wanted: Wanted, tag: str) -> bool:
    if wanted.include and not any(fits(pattern, tag) for pattern in wanted.include):
        return False
    return not any(fits(pattern, tag) for pattern in wanted.exclude)
