"""What the image API answers when a request cannot be done (imageapi.answers)."""

from imagestreams.imageapi import answers
from imagestreams.imageapi.answers import Cause


def test_a_missing_object_is_told_as_kubernetes_tells_it() -> None:
    """A Status of 404 names the plural, the group and the name, on which clients branch."""
    expected = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'imagestreamtags.image.openshift.io "app:1" not found',
        "reason": "NotFound",
        "details": {"name": "app:1", "group": "image.openshift.io", "kind": "imagestreamtags"},
        "code": 404,
    }
    assert expected == answers.body(answers.not_found("imagestreamtags", "app:1"))


def test_several_causes_are_told_in_brackets() -> None:
    """An invalid object is told with each cause: by its path and its words, and again as a list."""
    causes = [
        Cause("FieldValueRequired", "spec.tags[1].from.name", "Required value"),
        Cause("InternalError", "", 'Internal error: imagestreams "app" is invalid'),
    ]
    error = answers.invalid("ImageStream", "app", causes)
    expected = (
        'ImageStream.image.openshift.io "app" is invalid: [spec.tags[1].from.name: Required value, '
        'Internal error: imagestreams "app" is invalid]'
    )
    assert expected == str(error)
    assert {"reason": "InternalError", "message": causes[1].message} == error.details["causes"][1]


def test_what_is_done_says_so() -> None:
    """Success is a Status without a code, and without details where nothing is named."""
    assert {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"} == answers.success()


def test_a_warning_is_a_header_that_kubectl_shows() -> None:
    """In quotes, whatever it tells; a line break or another script would end the answer."""
    assert [("Warning", '299 - "tag \\"1\\" of C:\\\\ ?"'), ("Warning", '299 - "b c"')] == answers.warned(
        ['tag "1" of C:\\ ü', "b\r\nc"]
    )
    assert [] == answers.warned([])
