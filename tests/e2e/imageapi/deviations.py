"""Where the image API answers otherwise than the original was recorded to answer, each with its reason.

A difference that no entry here explains fails the replay, and so does an entry that explains none any more.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from support.likeness import MISSING

if TYPE_CHECKING:
    from support.likeness import Difference


@dataclasses.dataclass(frozen=True, slots=True)
class Deviation:
    """One difference that is meant."""

    where: str
    """A pattern found in "SCENARIO/STEP PATH"."""
    reason: str
    recorded: str = ""
    """A pattern that fits what was recorded, whole; "" fits all."""
    answered: str = ""

    def explains(self, place: str, difference: Difference) -> bool:
        """Tell whether a difference is this one."""
        return (
            re.search(self.where, f"{place} {difference.path}") is not None
            and _fits(self.recorded, difference.recorded)
            and _fits(self.answered, difference.answered)
        )


def _fits(pattern: str, value: object) -> bool:
    return not pattern or re.fullmatch(pattern, str(value), re.DOTALL) is not None


_MISSING = re.escape(MISSING)

DEVIATIONS = (
    Deviation(
        r"[. ]status\.(observedGeneration|summary|conditions)$",
        "our own fields of a stream's status stay visible, so that `kubectl wait` works",
        recorded=_MISSING,
    ),
    Deviation(
        r"[. ]status\.(tags\[[^]]+\]\.)?(intent|index|available)$",
        "our own fields of a status tag stay visible: what it was resolved for, and what is held back",
        recorded=_MISSING,
    ),
    Deviation(
        r" after (items|\[0\])\[order\]$",
        "lists of ImageStreamTags are sorted by name; the original's come in another order each time",
    ),
    Deviation(
        r"conditions\[ImportSuccess\]\.message$",
        "conditions name the registry, the repository, the tag and the credential, and say how it is retried",
    ),
    Deviation(
        r"status\.message$",
        "and so do the answers of imports",
    ),
    Deviation(
        r"stderr\.\d+$",
        "which `oc` prints",
        recorded=r"error: tag \S+ failed: .*",
        answered=r"error: tag \S+ failed: .*",
    ),
    Deviation(
        r"metadata\.labels$",
        "Images say who made them, which is who deletes them when no stream names them any more",
        recorded=_MISSING,
        answered=r"\{'app\.kubernetes\.io/managed-by': 'imagestreams'\}",
    ),
    Deviation(
        r"^03-c-tag-moved/\d .*[. ]?generation$",
        "a tag that moved has changed nothing that was asked for: no generation counts it, and Git sees no "
        "drift",
        recorded=r"generation [234]",
        answered=r"generation 1",
    ),
    Deviation(
        r"^19-p-private/9 ",
        "of several pull secrets for a registry the others are tried after one that is refused",
        recorded=rf"0|1|{_MISSING}|error: .*|imagestream\.image\.openshift\.io/app imported with errors",
    ),
    Deviation(
        r"^19-p-private/(30|33|35|36) after .*(otherport|wildcard)(:1)?\](\.UPDATED)?$",
        "what failed without a password is tried again when a pull secret comes",
        recorded=rf"|{_MISSING}",
    ),
    Deviation(
        r"^04-d-oc-tag-stream/\d+ (after items\[ImageStream (app|other)\]\.)?.*generation$",
        "nor is it counted in a stream of several tags; and edits that are acted on together are one",
        recorded=r"generation \d",
        answered=r"generation \d",
    ),
    Deviation(
        r"^04-d-oc-tag-stream/15 items\[ImageStream(Tag)? app(:12)?\](\.status\.tags(\[12\]\..*)?)?$",
        "an image of another namespace is taken where the namespace may, not only who tags it",
    ),
    Deviation(
        r"^07-g-failing/23 (conditions\[ImportSuccess\]|tag)\.generation$",
        "nor does an import that fails",
        recorded="generation 2",
        answered="generation 1",
    ),
    Deviation(
        r"^07b-g-http-errors/(20|22|24) metadata\.annotations$",
        "a repository that cannot be listed tells nothing of the stream: the time of its last import is none",
        answered=_MISSING,
    ),
    Deviation(
        r"^12-l-multiarch/(6|27) ",
        "an index has one Image, which lists those in it; they have none of their own",
    ),
    Deviation(
        r"^12-l-multiarch/(1[34] (exit|std...\.\d)|\d+ (after )?.*(TAGS$|(armonly|nomatch)))",
        "an index without an image for the platform is told as such; there its first image is taken",
    ),
    Deviation(
        r"^12-l-multiarch/(23|24|25) .*pref\b",
        "another prefer-arch is a reason to import anew, which takes no command",
    ),
    Deviation(
        r"\.storageVersionHash$",
        "what is stored is not of this version: there is nothing to migrate by it",
        answered=_MISSING,
    ),
)

NOT_REPLAYED = (
    (r" oc (status|explain|api-resources)\b", "made of other groups' objects, or on the client alone"),
    (
        r" oc new-app (-S|--search|-L|nosuch|.*--name=(third|nine)\b)",
        "found, or not, by searching on the client",
    ),
    (r" oc new-app .*(--dry-run|-o yaml)", "printed on the client"),
    (r"18-o-new-app/11 ", "fails for the Deployment and the Service, which are no part of the image API"),
    (r" oc set (triggers|image)\b", "no call of the image API, but of workloads"),
    (r" oc set image-lookup deploy", "no call of the image API, but of workloads"),
    (r" oc (get|describe) (events|deploy|secret)\b", "no call of the image API"),
    (r" -o custom-columns", "printed on the client of what other steps compare"),
    (r" --no-headers", "prints the table of the step before without its heading"),
    (r" -H Accept| -H 'Accept", "a flag that the command line does not have"),
)
"""Commands that are not sent, by a pattern found in "SCENARIO/STEP COMMAND"; each with its reason."""

NOT_RENDERED = (
    (r"^oc new-app\b", "tells of what it found on the client"),
    (r"^oc describe\b", "describing happens on the client; the calls are made and their errors compared"),
    (r"^oc import-image .*-o (yaml|name)", "prints what the client had read before the import"),
)
"""Commands that are sent, but whose printed text is not compared."""
