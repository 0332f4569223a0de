"""What Ready says of a stream, and why. Pure: (stream, its tags' new status) -> condition.

Called by importing.record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.importing.cautions import cautions
from imagestreams.importing.derive import derived
from imagestreams.model.status import READY, Condition
from imagestreams.model.stream import intent_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.importing.effective import Defaults
    from imagestreams.model.status import TagStatus
    from imagestreams.model.stream import Stream, TagSpec


def readiness(
    stream: Stream,
    tags: Mapping[str, TagStatus],
    followed: Condition | None,
    defaults: Defaults,
    now: str,
) -> Condition:
    """Say in a condition whether every tag is imported as its spec asks, held tags included.

    `tags` are those of the new status, `followed` is its condition RepositoryFollowed, if any.
    """
    # A tag that lost its source keeps its last condition, as in the original, but asks for nothing more.
    asked = [spec for spec in stream.tags if spec.source is not None]
    pending = [spec.name for spec in asked if _pending(stream, spec, tags.get(spec.name))]
    failed = [spec.name for spec in asked if spec.name in tags and tags[spec.name].failure]
    total = len(asked)
    if followed is not None and followed.status == "False":
        status, reason = "False", "ListingFailed"
        more = f"{len(failed)} of {total} tags failed to import, too: {_names(failed)}. " if failed else ""
        message = f"{more}spec.dockerImageRepository cannot be listed ({followed.reason}): {followed.message}"
    elif failed:
        status, reason = "False", "ImportFailed"
        message = f"{len(failed)} of {total} tags failed to import: {_names(failed)}"
        if len(failed) == 1 and (failure := tags[failed[0]].failure):
            message = f'tag "{failed[0]}" failed to import ({failure.reason}): {failure.message}'
    elif stream.repository and followed is None:
        status, reason = "Unknown", "Importing"
        message = f"the tags of {stream.repository} are being listed"
    elif pending:
        status, reason = "Unknown", "Importing"
        message = f"still being imported: {_names(pending)}"
    elif caution := "; ".join(filter(None, (_refused(stream, tags), cautions(stream, defaults)))):
        status, reason, message = "True", "ImportedWithWarning", caution
    else:
        status, reason = "True", "Imported"
        none = "no tag has a source" if followed is None else followed.message
        message = f"{total} {'tag is' if total == 1 else 'tags are'} imported" if total else none
        message += _held(stream, tags)
    last = stream.status.condition(READY)
    since = last.last_transition if last and last.status == status and last.last_transition else now
    return Condition(READY, status, reason, message, since, stream.generation)


def _pending(stream: Stream, spec: TagSpec, status: TagStatus | None) -> bool:
    return (spec.importable or derived(spec)) and (status is None or status.intent != intent_of(stream, spec))


def _refused(stream: Stream, tags: Mapping[str, TagStatus]) -> str:
    refused = _holds(stream, tags, "False")
    if len(refused) == 1 and (condition := tags[refused[0]].held):
        return f'tag "{refused[0]}": {condition.message}'
    return f"{len(refused)} tags cannot be held as they ask: {_names(refused)}" if refused else ""


def _held(stream: Stream, tags: Mapping[str, TagStatus]) -> str:
    names = _holds(stream, tags, "True")
    return f"; held by annotation imagestreams.dev/hold: {_names(names)}" if names else ""


def _holds(stream: Stream, tags: Mapping[str, TagStatus], status: str) -> list[str]:
    return [
        spec.name
        for spec in stream.tags
        if spec.hold and spec.name in tags and (held := tags[spec.name].held) and held.status == status
    ]


def _names(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
