"""What is answered to an ImageStreamImport: its status, filled as the original fills it. Pure.

Made of outcomes, which importing.asking brings, by imageapi.imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.errors import Reason
from imagestreams.imageapi import answers
from imagestreams.imageapi.image_view import embedded_image
from imagestreams.imageapi.import_specs import shown_spec
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.importing.record import Failed, Outcome
from imagestreams.importing.repository import Unlisted
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagestreams.imageapi.import_specs import Wanted
    from imagestreams.importing.repository import Listing

    Images = Mapping[str, Mapping[str, Any]]
    """Those that are known, by digest, as they are stored."""
    Done = Sequence[tuple[Wanted, Outcome]]

_CODES = {
    Reason.NOT_FOUND: 404,
    Reason.UNAUTHORIZED: 401,
    Reason.FORBIDDEN: 403,
    Reason.INVALID: 422,
    Reason.INTERNAL_ERROR: 500,
}


def filled(
    sent: Mapping[str, Any],
    *,
    images: Done,
    repository: tuple[Wanted, Listing | Unlisted, Done] | None,
    known: Images,
    stream: Mapping[str, Any] | None,
    mode: str,
    now: str,
    uid: str,
) -> dict[str, Any]:
    """Fill in the status of an import.

    `images` and `repository` are what came of what it asks for, `stream` the view of the stream after it,
    None where nothing was written; `now` (RFC 3339) is when it was made, and `uid` its own.
    """
    status: dict[str, Any] = {}
    if stream is not None:
        status["import"] = dict(stream)
    if repository is not None:
        status["repository"] = _repository(*repository, known)
    if images:
        status["images"] = [_image(wanted, outcome, known) for wanted, outcome in images]
    metadata = {"creationTimestamp": now, "uid": uid, **border.mapping(sent.get("metadata"))}
    return {
        "kind": "ImageStreamImport",
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "spec": shown_spec(sent, mode=mode),
        "status": status,
    }


def _repository(wanted: Wanted, found: Listing | Unlisted, done: Done, known: Images) -> dict[str, Any]:
    if isinstance(found, Unlisted):
        return {"status": _failure(found.reason, found.message, wanted.source)}
    return {
        "status": _success(),
        **border.without_empty(
            images=[_image(each, outcome, known) for each, outcome in done],
            additionalTags=list(found.spare),
        ),
    }


def _image(wanted: Wanted, outcome: Outcome, known: Images) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        # So does the original: of a failure it names the tag that was asked for.
        tag = wanted.source_tag
        failed = _failure(outcome.reason, outcome.message, wanted.source)
        return {"status": failed, **border.without_empty(tag=tag)}
    image = embedded_image(known.get(outcome.image), outcome.image, pull_spec=outcome.pull_spec)
    return {
        "status": _success(),
        "image": image,
        **border.without_empty(tag=wanted.tag or wanted.source_tag),
    }


def _success() -> dict[str, Any]:
    return {"metadata": {}, "status": "Success"}


def _failure(reason: Reason, message: str, source: str) -> dict[str, Any]:
    details = answers.not_found("dockerimage", source).details if reason is Reason.NOT_FOUND else {}
    return {
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": str(reason),
        **border.without_empty(details=details),
        "code": _CODES[reason],
    }
