"""What is wrong with a request is answered as the original answers it: code, reason, text and causes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from e2e.reading import current
from localcluster import images as contents
from support.manifests import stream, tag
from support.oc import Rest
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import FacadeProcess, OperatorProcess
    from support.oc.rest import Answer

_GROUP = "image.openshift.io"
_MERGE = "application/merge-patch+json"


class Shop:
    """A stream `app` with the tag 1, imported, and a way to ask about it."""

    def __init__(self, rest: Rest, namespace: str, registry: str) -> None:
        """Ask as the user of `rest`."""
        self._rest = rest
        self._base = f"/apis/{_GROUP}/v1/namespaces/{namespace}"
        self.repository = f"{registry}/{namespace}/app"

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a request for something in the namespace."""
        return self._rest(method, f"{self._base}/{path}", body, **options)

    def tag(self, name: str, **fields: Any) -> dict[str, Any]:
        """Write an ImageStreamTag; `fields` are of its tag."""
        stream_, _, inner = name.partition(":")
        return {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "ImageStreamTag",
            "metadata": {"name": f"{stream_}:{inner}"},
            "tag": {**tag(inner, f"{self.repository}:1"), **fields},
        }


@pytest.fixture
def shop(
    operator: OperatorProcess,
    facade: FacadeProcess,
    cluster: Cluster,
    kubectl: Kubectl,
    publisher: Publisher,
) -> Iterator[Shop]:
    """The stream, in the test's namespace."""
    assert operator.alive
    assert facade.alive
    image = contents.image({"f": contents.File(kubectl.namespace.encode())})
    publisher.push(f"{kubectl.namespace}/app", "1", image)
    with contextlib.closing(Rest(cluster.kubeconfig)) as rest:
        found = Shop(rest, kubectl.namespace, cluster.registry)
        kubectl.apply(stream("app", tag("1", f"{found.repository}:1")))
        eventually(lambda: current(kubectl, "app", "1"), within=20, what="the image")
        yield found


@pytest.mark.parametrize(
    ("path", "code", "reason", "message", "details"),
    [
        (
            "imagestreams/no",
            404,
            "NotFound",
            'imagestreams.image.openshift.io "no" not found',
            ("imagestreams", "no"),
        ),
        (
            "imagestreamtags/no:1",
            404,
            "NotFound",
            'imagestreams.image.openshift.io "no" not found',
            ("imagestreams", "no"),
        ),
        (
            "imagestreamtags/app:no",
            404,
            "NotFound",
            'imagestreamtags.image.openshift.io "app:no" not found',
            ("imagestreamtags", "app:no"),
        ),
        (
            "imagetags/app:no",
            404,
            "NotFound",
            'imagetags.image.openshift.io "app:no" not found',
            ("imagetags", "app:no"),
        ),
        (
            "imagestreamtags/app",
            400,
            "BadRequest",
            "ImageStreamTags must be retrieved with <name>:<tag>",
            None,
        ),
    ],
)
def test_what_is_not_there_is_named(  # noqa: PLR0917
    shop: Shop, path: str, code: int, reason: str, message: str, details: tuple[str, str] | None
) -> None:
    """A missing stream is named as a stream, a missing tag as a tag: clients branch on the kind."""
    answer = shop("GET", path)
    assert (code, reason, message) == (answer.code, answer.reason, answer.message)
    if details:
        found = answer.body["details"]
        assert (*details, _GROUP) == (found["kind"], found["name"], found["group"])


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"from": {"kind": "DockerImage", "name": ""}}, "from.name", "FieldValueRequired"),
        ({"from": {"kind": "DockerImage", "name": "UPPER/CASE"}}, "from.name", "FieldValueInvalid"),
        (
            {"from": {"kind": "ImageStreamTag", "name": "app:1"}, "importPolicy": {"scheduled": True}},
            "importPolicy.scheduled",
            "FieldValueInvalid",
        ),
    ],
)
def test_an_invalid_tag_is_refused_with_its_field(
    shop: Shop, fields: dict[str, Any], field: str, reason: str
) -> None:
    """Streams and tags alike are refused as Invalid, with a cause that names the field."""
    made = stream("other", {**tag("x", "127.0.0.1:1/a:1"), **fields})
    for path, body in (("imagestreams", made), ("imagestreamtags", shop.tag("app:x", **fields))):
        answer = shop("POST", path, body)
        assert (422, "Invalid") == (answer.code, answer.reason), answer
        causes = {cause["field"]: cause["reason"] for cause in answer.body["details"]["causes"]}
        assert [reason] == [found for at, found in causes.items() if at.endswith(field)], causes


def test_what_is_there_is_not_made_again(shop: Shop) -> None:
    """A second create is refused as AlreadyExists, of a stream and of a tag."""
    for path, kind, name, body in (
        ("imagestreams", "imagestreams", "app", stream("app")),
        # The singular is the original's.
        ("imagestreamtags", "imagestreamtag", "app:1", shop.tag("app:1")),
    ):
        answer = shop("POST", path, body)
        assert (409, "AlreadyExists") == (answer.code, answer.reason), answer
        assert f'{kind}.{_GROUP} "{name}" already exists' == answer.message
        assert name == answer.body["details"]["name"]


def test_a_stale_version_is_a_conflict(shop: Shop) -> None:
    """Who names a resourceVersion that is gone is refused; who names none is not."""
    old = shop("GET", "imagestreams/app").body
    shop("PATCH", "imagestreams/app", {"metadata": {"labels": {"a": "b"}}}, content_type=_MERGE)
    stale = {"resourceVersion": old["metadata"]["resourceVersion"]}
    tagged = shop.tag("app:2")
    for method, path, body in (
        ("PUT", "imagestreams/app", old),
        ("PUT", "imagestreamtags/app:2", {**tagged, "metadata": {**tagged["metadata"], **stale}}),
    ):
        answer = shop(method, path, body)
        assert (409, "Conflict") == (answer.code, answer.reason), f"{method} {path}: {answer}"
    del old["metadata"]["resourceVersion"]
    assert 200 == shop("PUT", "imagestreams/app", old).code
    assert shop("PUT", "imagestreamtags/app:2", tagged).ok


def test_a_version_of_what_is_not_there_is_not_found(shop: Shop) -> None:
    """A tag that names the version of a stream that is gone makes no new stream."""
    tagged = shop.tag("no:1")
    tagged["metadata"]["resourceVersion"] = "1"
    assert 404 == shop("PUT", "imagestreamtags/no:1", tagged).code
    assert 404 == shop("GET", "imagestreams/no").code


def test_a_precondition_is_kept(shop: Shop) -> None:
    """Who deletes by a UID that is another's deletes nothing."""
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "another"}}
    for path in ("imagestreams/app", "imagestreamtags/app:1"):
        answer = shop("DELETE", path, body)
        assert (409, "Conflict") == (answer.code, answer.reason), f"{path}: {answer}"
    assert 200 == shop("GET", "imagestreamtags/app:1").code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "imagestreams"),
        ("POST", "imagestreamtags"),
        ("PATCH", "imagestreams/app"),
        ("PATCH", "imagestreamtags/app:1"),
        ("DELETE", "imagestreamtags/app:1"),
        ("DELETE", "imagestreams/app"),
    ],
)
def test_a_dry_run_stores_nothing(shop: Shop, method: str, path: str) -> None:
    """Each write can be tried: it is answered as if done, and nothing is changed."""
    bodies = {
        "imagestreams": stream("new"),
        "imagestreamtags": shop.tag("new:1"),
    }
    body = {"metadata": {"annotations": {"a": "b"}}} if method == "PATCH" else bodies.get(path)
    options = {"content_type": _MERGE} if method == "PATCH" else {}
    before = shop("GET", "imagestreams/app").body
    answer = shop(method, path, body, query={"dryRun": "All"}, **options)
    assert answer.ok, answer
    assert before == shop("GET", "imagestreams/app").body
    assert 404 == shop("GET", "imagestreams/new").code


def test_bodies_and_types_that_are_not_read_are_refused(shop: Shop) -> None:
    """A media type that is unknown is 415, a body that does not parse or is of another kind is 400."""
    assert 415 == shop("PATCH", "imagestreams/app", "x", content_type="text/plain").code
    assert 400 == shop("POST", "imagestreams", "{").code
    wrong = {**stream("other"), "kind": "ImageStreamTag"}
    assert (400, "BadRequest") == ((answer := shop("POST", "imagestreams", wrong)).code, answer.reason)
    other = {**stream("other"), "metadata": {"name": "other", "namespace": "elsewhere"}}
    assert 400 == shop("POST", "imagestreams", other).code
    assert 400 == shop("PUT", "imagestreams/app", stream("other")).code


def test_lists_are_selected_and_paged(shop: Shop) -> None:
    """Labels, fields, limit and continue work for streams and for tags."""
    for number in range(3):
        made = stream(f"more-{number}", tag("1", f"{shop.repository}:1"))
        made["metadata"]["labels"] = {"number": str(number)}
        assert shop("POST", "imagestreams", made).ok
    eventually(
        lambda: len(shop("GET", "imagestreamtags").body["items"]) == 4, within=20, what="all tags imported"
    )
    for plural, suffix in (("imagestreams", ""), ("imagestreamtags", ":1")):
        labelled = shop("GET", plural, query={"labelSelector": "number in (0,2)"}).body["items"]
        assert [f"more-0{suffix}", f"more-2{suffix}"] == [each["metadata"]["name"] for each in labelled]
        named = shop("GET", plural, query={"fieldSelector": f"metadata.name=app{suffix}"}).body["items"]
        assert [f"app{suffix}"] == [each["metadata"]["name"] for each in named]
        found, query = [], {"limit": "2"}
        while True:
            page = shop("GET", plural, query=query).body
            found += [each["metadata"]["name"] for each in page["items"]]
            if not page["metadata"].get("continue"):
                break
            query["continue"] = page["metadata"]["continue"]
        assert sorted(found) == [f"{name}{suffix}" for name in ("app", "more-0", "more-1", "more-2")]
