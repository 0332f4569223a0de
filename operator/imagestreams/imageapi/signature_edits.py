"""An ImageSignature as what it is: one of the `signatures` of its Image. Pure.

Its name is IMAGE@SIGNATURE, its rules are those of the original's ValidateImageSignature. What a signature
says, and whether it is trusted, is found out by verifying it, and not taken from whoever sends it; as in the
original, what is sent of that is dropped. Who reads and writes is imageapi.signatures.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers
from imagestreams.imageapi.answers import Cause
from imagestreams.imageapi.bodies import unmet_precondition
from imagestreams.imageapi.shapes import check_shape
from imagestreams.imageapi.validation import invalid, required, segment
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND = "ImageSignature"
RESOURCE = "imagesignatures"
_TOLD = "imageSignatures"
"""As the original calls the resource in what it answers."""
_SINCE = {"UID": "deleted and then recreated", "ResourceVersion": "modified"}
_FORM = "name must be of format <imageName>@<signatureName>"


def split_signature(name: str) -> tuple[str, str] | None:
    """Read IMAGE@SIGNATURE; None where it is not of that form."""
    image, _, signature = name.partition("@")
    return (image, signature) if image and signature and "@" not in signature else None


def signed_image(name: str) -> str:
    """Say which image a signature's name is about. Raises StatusError (400)."""
    parts = split_signature(name)
    if parts is None:
        raise answers.bad_request("ImageSignatures must be accessed with <imageName>@<signatureName>")
    return parts[0]


def read_signature(sent: Mapping[str, Any], *, now: str) -> dict[str, Any]:
    """Read a signature that was sent, as it is stored; `now` is RFC 3339 in UTC.

    Raises StatusError (400, 422) with all that is wrong with it.
    """
    check_shape(KIND, sent)
    metadata = border.mapping(sent.get("metadata"))
    name, content = border.text(metadata.get("name")), border.text(sent.get("content"))
    if _decoded(content) is None:
        kind = f'{KIND} in version "v1"'
        raise answers.bad_request(f"{kind} cannot be handled as a {KIND}: content must be base64")
    causes = _named(name)
    causes += [
        Cause("FieldValueForbidden", f"metadata.{field}", f"Forbidden: signature {field} cannot be set")
        for field in ("labels", "annotations")
        if metadata.get(field)
    ]
    causes += [required(field) for field in ("type", "content") if not sent.get(field)]
    if causes:
        raise answers.invalid(KIND, name, causes)
    return {
        "metadata": {"name": name, "creationTimestamp": now},
        "type": sent["type"],
        "content": content,
    }


def with_signature(image: Mapping[str, Any], signature: Mapping[str, Any]) -> list[Any]:
    """Give the signatures of an Image with one more.

    Raises StatusError (409) where it has one of that name, or one of that type and content.
    """
    known = border.items(image.get("signatures"))
    if any(_same(each, signature) for each in map(border.mapping, known)):
        raise answers.already_exists(_TOLD, signature["metadata"]["name"])
    return [*known, dict(signature)]


def without_signature(image: Mapping[str, Any], name: str, options: Mapping[str, Any]) -> list[Any]:
    """Give the signatures of an Image without one; `options` are those of the deletion.

    A signature has neither uid nor version of its own, so its Image's are the preconditions.
    Raises StatusError: 404 where there is no such, 409 where a precondition is not met.
    """
    if unmet := unmet_precondition(options, image):
        why = (
            f"the {unmet.name} in the precondition ({unmet.wanted}) does not match the {unmet.name} in "
            f"record ({unmet.found}). The object might have been {_SINCE[unmet.name]}"
        )
        raise answers.conflict(RESOURCE, name, why)
    known = border.items(image.get("signatures"))
    left = [each for each in known if _name(border.mapping(each)) != name]
    if len(left) == len(known):
        raise answers.not_found(_TOLD, name)
    return left


def _named(name: str) -> list[Cause]:
    path = "metadata.name"
    causes = segment(name, path) if name else [required(path, "name or generateName is required")]
    return causes if split_signature(name) else [*causes, invalid(path, name, _FORM)]


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if _name(one) == _name(other):
        return True
    contents = [_decoded(border.text(each.get("content"))) for each in (one, other)]
    return one.get("type") == other.get("type") and contents[0] == contents[1]


def _name(signature: Mapping[str, Any]) -> str:
    return border.text(border.mapping(signature.get("metadata")).get("name"))


def _decoded(content: str) -> bytes | None:
    try:
        return base64.b64decode(content.encode(), validate=True)
    except (binascii.Error, ValueError):
        return None
