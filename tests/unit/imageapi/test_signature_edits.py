"""Signatures as parts of their Image (imageapi.signature_edits)."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi.signature_edits import (
    read_signature,
    signed_image,
    with_signature,
    without_signature,
)

IMAGE = f"sha256:{'1' * 64}"
NOW = "2026-01-01T00:00:00Z"
FORM = "name must be of format <imageName>@<signatureName>"


def sent(name: str = f"{IMAGE}@a", content: str = "YQ==", **more: Any) -> dict[str, Any]:
    """Make a signature."""
    metadata = {"name": name, **more.pop("metadata", {})}
    return {"metadata": metadata, "type": "AtomicImageV1", "content": content, **more}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (sent("a"), [f'metadata.name: Invalid value: "a": {FORM}']),
        (sent("a@b@c"), [f'metadata.name: Invalid value: "a@b@c": {FORM}']),
        (sent("@b"), [f'metadata.name: Invalid value: "@b": {FORM}']),
        (
            sent("a@/"),
            ["metadata.name: Invalid value: \"a@/\": may not contain '/'"],
        ),
        (sent(type=""), ["type: Required value"]),
        (sent(content=""), ["content: Required value"]),
        (
            sent(metadata={"labels": {"a": "b"}, "annotations": {"a": "b"}}),
            [
                "metadata.labels: Forbidden: signature labels cannot be set",
                "metadata.annotations: Forbidden: signature annotations cannot be set",
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_as_the_original_does(wrong: dict[str, Any], expected: list[str]) -> None:
    """Each field that cannot be is a cause."""
    with pytest.raises(StatusError) as caught:
        read_signature(wrong, now=NOW)
    assert 422 == caught.value.code
    assert expected == [f"{cause['field']}: {cause['message']}" for cause in caught.value.details["causes"]]


@pytest.mark.parametrize(
    "wrong", [sent(content="*"), sent(content="\u00e9"), sent(type=1), sent(metadata={"labels": 1})]
)
def test_what_cannot_be_read_is_a_bad_request(wrong: dict[str, Any]) -> None:
    """Content that is no base64, and wrong types, are 400."""
    with pytest.raises(StatusError) as caught:
        read_signature(wrong, now=NOW)
    assert 400 == caught.value.code


def test_what_a_signature_claims_of_itself_is_not_stored() -> None:
    """Whether it is trusted is found out, and not taken from whoever sends it."""
    claims: dict[str, Any] = {
        "conditions": [{"type": "Trusted", "status": "True"}],
        "issuedTo": {"commonName": "me"},
    }
    found = read_signature(sent(**claims), now=NOW)
    expected = {"name": f"{IMAGE}@a", "creationTimestamp": NOW}
    assert {"metadata": expected, "type": "AtomicImageV1", "content": "YQ=="} == found


def test_a_signature_is_added_once_and_taken_away_by_its_name() -> None:
    """The same name, or the same type and content, is there already; others keep their place."""
    one, two = sent(), sent(f"{IMAGE}@b", "Yg==")
    image = {"signatures": with_signature({"signatures": with_signature({}, one)}, two)}
    for again in (sent(content="Yw=="), sent(f"{IMAGE}@c")):
        with pytest.raises(StatusError) as caught:
            with_signature(image, again)
        assert (409, "AlreadyExists") == (caught.value.code, caught.value.reason)
    assert 3 == len(with_signature(image, sent(f"{IMAGE}@c", type="other")))
    assert [two] == without_signature(image, f"{IMAGE}@a", {})
    with pytest.raises(StatusError) as missing:
        without_signature(image, f"{IMAGE}@z", {})
    expected = f'imageSignatures.image.openshift.io "{IMAGE}@z" not found'
    assert (404, expected) == (missing.value.code, str(missing.value))


def test_the_image_is_named_before_the_signature() -> None:
    """What is no IMAGE@SIGNATURE is a bad request."""
    assert IMAGE == signed_image(f"{IMAGE}@a")
    with pytest.raises(StatusError) as caught:
        signed_image(IMAGE)
    assert 400 == caught.value.code


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ""),
        ({"uid": "u", "resourceVersion": "7"}, ""),
        (
            {"uid": "other"},
            (
                "the UID in the precondition (other) does not match the UID in record (u). "
                "The object might have been deleted and then recreated"
            ),
        ),
        (
            {"uid": "u", "resourceVersion": "6"},
            (
                "the ResourceVersion in the precondition (6) does not match the ResourceVersion in "
                "record (7). The object might have been modified"
            ),
        ),
    ],
)
def test_who_deletes_another_is_told_as_kubernetes_does(wanted: dict[str, str], expected: str) -> None:
    """The preconditions are those of the image, whether it has such a signature or not."""
    image = {"metadata": {"uid": "u", "resourceVersion": "7"}, "signatures": [{"metadata": {"name": "i@a"}}]}
    options = {"preconditions": wanted}
    if not expected:
        assert [] == without_signature(image, "i@a", options)
        return
    for name in ("i@a", "i@z"):
        with pytest.raises(StatusError) as caught:
            without_signature(image, name, options)
        assert (409, "Conflict") == (caught.value.code, caught.value.reason)
        about = f'imagesignatures.image.openshift.io "{name}"'
        assert f"Operation cannot be fulfilled on {about}: {expected}" == str(caught.value)
