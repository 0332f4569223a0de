"""What is written to the CRD for a stream that was sent, or 422 with all that is wrong with it. Pure.

What imageapi.stored needs of both imageapi.validation, which tells mistakes as the original does, and
imageapi.stream_edits, which finds what was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers
from imagestreams.imageapi.stream_edits import stored_status, stored_stream
from imagestreams.imageapi.validation import validate_status, validate_stream
from imagestreams.model import border
from imagestreams.model.stream import IMPORT_MODE_LEGACY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def written_stream(
    view: Mapping[str, Any], before: Mapping[str, Any] | None, *, mode: str = IMPORT_MODE_LEGACY
) -> dict[str, Any]:
    """Say what to write for a stream, as stored_stream does. Raises StatusError (400, 422)."""
    _refuse(view, validate_stream(view, before))
    return stored_stream(view, before, mode=mode)


def written_status(
    view: Mapping[str, Any], before: Mapping[str, Any], *, mode: str = IMPORT_MODE_LEGACY
) -> dict[str, Any]:
    """Say what to write for a status, as stored_status does. Raises StatusError (400, 422)."""
    _refuse(view, validate_status(view, before))
    return stored_status(view, before, mode=mode)


def _refuse(view: Mapping[str, Any], causes: Sequence[answers.Cause]) -> None:
    if causes:
        name = border.text(border.mapping(view.get("metadata")).get("name"))
        raise answers.invalid("ImageStream", name, causes)
