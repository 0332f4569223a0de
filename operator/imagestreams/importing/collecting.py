"""Which Images are no longer needed. Pure: (what there is, what is named, now) -> what to do.

An Image that no history of any stream names is marked first, and deleted when it is still not named after a
grace time; one that is named again is unmarked. Called by importing.images after a sweep has listed every
stream.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


@dataclasses.dataclass(frozen=True, slots=True)
class KeptImage:
    """An Image of ours as it is stored."""

    digest: str
    uid: str
    resource_version: str
    unnamed_since: float | None = None
    """Since when it is marked, as Unix time; None: it is not."""


class Action(enum.Enum):
    """What is to be done with an Image."""

    MARK = "mark"
    UNMARK = "unmark"
    DELETE = "delete"


def collect(
    images: Iterable[KeptImage], named: Collection[str], *, now: float, grace: float
) -> Iterator[tuple[Action, KeptImage]]:
    """Decide for each Image. `named`: the digests of all histories; `now`: Unix time; `grace`: seconds."""
    for image in images:
        if image.digest in named:
            if image.unnamed_since is not None:
                yield Action.UNMARK, image
        elif image.unnamed_since is None or image.unnamed_since > now:
            # A mark from the future is a clock that was wrong, and would keep the Image for ever.
            yield Action.MARK, image
        elif now - image.unnamed_since >= grace:
            yield Action.DELETE, image
