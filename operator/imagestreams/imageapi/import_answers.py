"""What is answered to an ImageStreamImport: its status, filled as the original fills it. Pure.

Made of outcomes, which importing.asking brings, by imageapi.imports.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.errors import Reason
from imagestreams.imageapi import answers
from imagestreams.imageapi.image_view import embedded_image
from imagestreams.imageapi.import_specs import shown_spec
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.importing.plan import unretried
from imagestreams.importing.record import Failed, Outcome
from imagestreams.importing.repository import Unlisted
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagestreams.imageapi.import_specs import Wanted
    from imagestreams.importing.repository import Listing

    Done = Sequence[tuple[Wanted, Outcome]]

_CODES = {
    Reason.NOT_FOUND: 404,
    Reason.UNAUTHORIZED: 401,
    Reason.FORBIDDEN: 403,
    Reason.INVALID: 422,
    Reason.INTERNAL_ERROR: 500,
}
_BLOBS = ("dockerImageManifest", "dockerImageConfig")
_VERSION = ("resourceVersion",)
_STORED = (*_VERSION, "uid", "creationTimestamp")


@dataclasses.dataclass(frozen=True, slots=True)
class Images:
    """What is known of images, by digest."""

    stored: Mapping[str, Mapping[str, Any]]
    """As they are stored, or would be."""
    blobs: Mapping[str, tuple[bytes, bytes]] = dataclasses.field(default_factory=dict)
    """The manifests and configs of those that are shown whole."""


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
    told = _Told(known, kept=stream is not None)
    status: dict[str, Any] = {}
    if stream is not None:
        status["import"] = _inside(stream)
    if repository is not None:
        status["repository"] = told.repository(*repository)
    if images:
        status["images"] = [told.image(wanted, outcome) for wanted, outcome in images]
    metadata = {"creationTimestamp": now, "uid": uid, **border.mapping(sent.get("metadata"))}
    return {
        "kind": "ImageStreamImport",
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "spec": shown_spec(sent, mode=mode),
        "status": status,
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Told:
    """How images and failures are shown."""

    known: Images
    kept: bool
    """Whether the stream has them now; who only looks is told nothing of what is stored."""

    def repository(self, wanted: Wanted, found: Listing | Unlisted, done: Done) -> dict[str, Any]:
        if isinstance(found, Unlisted):
            return {"status": self._failure(found.reason, found.message, wanted.source)}
        return {
            "status": _success(),
            **border.without_empty(
                images=[self.image(each, outcome) for each, outcome in done],
                additionalTags=list(found.spare),
            ),
        }

    def image(self, wanted: Wanted, outcome: Outcome) -> dict[str, Any]:
        if isinstance(outcome, Failed):
            # So does the original: of a failure it names the tag that was asked for.
            failed = self._failure(outcome.reason, outcome.message, wanted.source)
            return {"status": failed, **border.without_empty(tag=wanted.source_tag)}
        shown = embedded_image(
            self.known.stored.get(outcome.image), outcome.image, pull_spec=outcome.pull_spec
        )
        if wanted.whole and (blobs := self.known.blobs.get(outcome.image)) is not None:
            texts = (blob.decode(errors="replace") for blob in blobs)
            shown |= border.without_empty(**dict(zip(_BLOBS, texts, strict=True)))
        hidden = _VERSION if self.kept else _STORED
        shown["metadata"] = {key: value for key, value in shown["metadata"].items() if key not in hidden}
        return {
            "status": _success(),
            "image": shown,
            **border.without_empty(tag=wanted.tag or wanted.source_tag),
        }

    def _failure(self, reason: Reason, message: str, source: str) -> dict[str, Any]:
        details = answers.not_found("dockerimage", source).details if reason is Reason.NOT_FOUND else {}
        return {
            "metadata": {},
            "status": "Failure",
            "message": message if self.kept else unretried(message),
            "reason": str(reason),
            **border.without_empty(details=details),
            "code": _CODES[reason],
        }


def _inside(stream: Mapping[str, Any]) -> dict[str, Any]:
    """Spell a stream inside of another object."""
    metadata = {key: value for key, value in stream["metadata"].items() if key != "managedFields"}
    shown = {key: value for key, value in stream.items() if key not in ("kind", "apiVersion")}
    return {**shown, "metadata": metadata}


def _success() -> dict[str, Any]:
    return {"metadata": {}, "status": "Success"}
