"""What is answered to an ImageStreamImport, as the original fills it in."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import Reason, Retry
from imagestreams.imageapi.import_answers import Images, filled
from imagestreams.imageapi.import_specs import Wanted
from imagestreams.importing.plan import retry_text
from imagestreams.importing.record import Failed, Imported, Outcome
from imagestreams.importing.repository import Listing, Unlisted
from imagestreams.importing.repository import Wanted as WantedTags
from imagestreams.model.status import Intent

DIGEST = f"sha256:{'a' * 64}"
INTENT = Intent("DockerImage", "r.io/app:1")
FOUND = Imported(INTENT, f"r.io/app@{DIGEST}", DIGEST)
STORED = {
    "metadata": {"name": DIGEST.replace(":", "-"), "uid": "i", "resourceVersion": "7"},
    "dockerImageReference": "first.io/app@x",
    "dockerImageMetadata": {"Size": 7},
}
IMAGE = {
    "metadata": {"name": DIGEST, "uid": "i"},
    "dockerImageReference": f"r.io/app@{DIGEST}",
    "dockerImageMetadata": {"Size": 7},
    "dockerImageMetadataVersion": "1.0",
}
SUCCESS = {"metadata": {}, "status": "Success"}
TAGS = WantedTags("r.io/app", 50)
STREAM = {
    "kind": "ImageStream",
    "apiVersion": "image.openshift.io/v1",
    "metadata": {"name": "app", "managedFields": [{}]},
    "spec": {},
}


def answer(
    *images: tuple[Wanted, Outcome],
    repository: Any = None,
    stream: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Fill an import in."""
    return filled(
        {"metadata": {"name": "app"}, "spec": {"import": True}},
        images=images,
        repository=repository,
        known=Images({DIGEST: STORED}, {DIGEST: (b"{}", b"[]")}),
        stream=stream,
        mode="Legacy",
        now="2026-01-01T00:00:00Z",
        uid="u",
    )


def test_what_was_imported_is_shown_whole() -> None:
    """The image with the pull spec of this import, the tag it went to, and the stream as it is now."""
    found = answer((Wanted("r.io/app:1", "one"), FOUND), stream=STREAM)

    assert {
        "kind": "ImageStreamImport",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z", "uid": "u", "name": "app"},
        "spec": {"import": True},
        "status": {
            "import": {"metadata": {"name": "app"}, "spec": {}},
            "images": [{"status": SUCCESS, "image": IMAGE, "tag": "one"}],
        },
    } == found


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.NOT_FOUND, 404),
        (Reason.UNAUTHORIZED, 401),
        (Reason.FORBIDDEN, 403),
        (Reason.INVALID, 422),
        (Reason.INTERNAL_ERROR, 500),
    ],
)
def test_a_failure_has_its_reason_and_names_the_tag_of_the_source(reason: Reason, code: int) -> None:
    """As `oc` prints it: not the tag of the stream, but the one that is not there."""
    found = answer((Wanted("r.io/app:1", "one"), Failed(INTENT, reason, "why")))
    details = {"name": "r.io/app:1", "group": "image.openshift.io", "kind": "dockerimage"}

    assert [
        {
            "status": {
                "metadata": {},
                "status": "Failure",
                "message": "why",
                "reason": str(reason),
                **({"details": details} if code == 404 else {}),
                "code": code,
            },
            "tag": "1",
        }
    ] == found["status"]["images"]


def test_a_repository_tells_its_images_and_what_was_left_out() -> None:
    """Each tag that was imported, and the names of those that are too many."""
    wanted = Wanted("r.io/app", "")
    looked_at = {**IMAGE, "metadata": {"name": DIGEST}}
    listing = Listing(TAGS, ("1",), spare=("0.9", "0.8"), left_out=2)
    found = answer(repository=(wanted, listing, [(Wanted("r.io/app:1", "1"), FOUND)]))

    assert {
        "repository": {
            "status": SUCCESS,
            "images": [{"status": SUCCESS, "image": looked_at, "tag": "1"}],
            "additionalTags": ["0.9", "0.8"],
        }
    } == found["status"]


def test_a_repository_that_cannot_be_listed_says_why() -> None:
    """The cause is in the answer, and not nowhere."""
    wanted = Wanted("r.io/app", "")
    found = answer(repository=(wanted, Unlisted(TAGS, Reason.UNAUTHORIZED, "why"), []))
    failure = {
        "metadata": {},
        "status": "Failure",
        "message": "why",
        "reason": "Unauthorized",
        "code": 401,
    }

    assert {"repository": {"status": failure}} == found["status"]


def test_who_wants_it_whole_gets_manifest_and_config() -> None:
    """As they are in the registry; all others get neither."""
    whole, other = Wanted("r.io/app:1", "1", whole=True), Wanted("r.io/app:1", "2")
    found = answer((whole, FOUND), (other, FOUND))["status"]["images"]

    assert [("{}", "[]"), (None, None)] == [
        (each["image"].get("dockerImageManifest"), each["image"].get("dockerImageConfig")) for each in found
    ]


def test_nobody_promises_to_retry_what_was_only_looked_at() -> None:
    """What the stream is not to have is not asked for again."""
    message = f"gone. {retry_text(Retry.PERMANENT)}"
    failed = Failed(INTENT, Reason.NOT_FOUND, message)
    wanted = Wanted("r.io/app:1", "1")

    assert ["gone.", message] == [
        answer((wanted, failed), stream=stream)["status"]["images"][0]["status"]["message"]
        for stream in (None, STREAM)
    ]
