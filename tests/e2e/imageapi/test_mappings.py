"""What a registry says of a push, and of signatures, through the image API: with the operator beside it."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from e2e.imageapi.asking import BASE
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


@pytest.fixture
def rest(operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster) -> Iterator[Rest]:
    """The image API, with the operator at work."""
    assert operator.alive
    assert facade.alive
    with contextlib.closing(Rest(cluster.kubeconfig)) as found:
        yield found


_CONFIG = json.dumps({"architecture": "s390x"})


def _sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _digest() -> str:
    """Make the manifest of another image, and give its digest."""
    manifest = json.dumps(
        {"config": {"digest": _sha256(_CONFIG)}, "layers": [], "annotations": {"a": secrets.token_hex(8)}}
    )
    _MANIFESTS[_sha256(manifest)] = manifest
    return _sha256(manifest)


_MANIFESTS: dict[str, str] = {}


def _push(
    rest: Rest,
    kubectl: Kubectl,
    digest: str,
    *,
    to: str = "1",
    query: dict[str, str] | None = None,
    manifest: str = "",
) -> Answer:
    space = kubectl.namespace
    body = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamMapping",
        "metadata": {"name": "app", "namespace": space},
        "tag": to,
        "image": {
            "metadata": {"name": digest},
            "dockerImageReference": f"registry.example/{space}/app@{digest}",
            "dockerImageManifest": manifest or _MANIFESTS[digest],
            "dockerImageConfig": _CONFIG,
        },
    }
    return rest("POST", f"{BASE}/namespaces/{space}/imagestreammappings", body, query=query or {})


def test_a_pushed_image_is_at_its_tag_and_stays_there(rest: Rest, kubectl: Kubectl) -> None:
    """The status gets it, spec does not; the Image is made once, followers move, and edits undo nothing."""
    follower = {"name": "live", "from": {"kind": "ImageStreamTag", "name": "app:1"}}
    kubectl.apply(stream("app", follower))
    first, second = _digest(), _digest()
    answer = _push(rest, kubectl, first)
    assert (201, "Success") == (answer.code, (answer.body or {}).get("status")), answer
    assert 201 == _push(rest, kubectl, first).code
    assert 201 == _push(rest, kubectl, second).code
    found = kubectl.get("is", "app")
    assert ["live"] == [each["name"] for each in found["spec"]["tags"]]
    histories = {each["tag"]: [item["image"] for item in each["items"]] for each in found["status"]["tags"]}
    assert [second, first] == histories["1"]
    assert second == histories["live"][0]
    image = kubectl.get("istag", "app:1")["image"]
    assert (second, "s390x") == (image["metadata"]["name"], image["dockerImageMetadata"]["Architecture"])
    assert f"registry.example/{kubectl.namespace}/app@{second}" in kubectl("get", "istag", "app:1")
    kubectl("annotate", "is", "app", "edited=yes")
    kubectl.apply(stream("app", follower, {"name": "other", "from": {"kind": "ImageStreamTag", "name": "1"}}))
    eventually(lambda: current(kubectl, "app", "other"), within=20, what="the operator's next write")
    after = {each["tag"]: each["items"] for each in kubectl.get("is", "app")["status"]["tags"]}
    assert [second, first] == [item["image"] for item in after["1"]]
    assert first == kubectl.get("image", first)["metadata"]["name"]


def test_a_push_to_an_imported_tag_is_left_alone(
    rest: Rest, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """A tag that was imported once keeps what was pushed to it after that."""
    space = kubectl.namespace
    publisher.push(f"{space}/app", "1", contents.image({"f": contents.File(space.encode())}))
    kubectl.apply(stream("app", tag("1", f"{cluster.registry}/{space}/app:1")))
    eventually(lambda: current(kubectl, "app", "1"), within=20, what="the image")
    digest = _digest()
    assert 201 == _push(rest, kubectl, digest).code
    publisher.push(f"{space}/app", "2", contents.image({"f": contents.File(b"2")}))
    kubectl.apply(
        stream(
            "app",
            tag("1", f"{cluster.registry}/{space}/app:1"),
            tag("2", f"{cluster.registry}/{space}/app:2"),
        )
    )
    eventually(lambda: current(kubectl, "app", "2"), within=20, what="the operator's next write")
    assert digest == kubectl.get("istag", "app:1")["image"]["metadata"]["name"]


def test_pushes_at_once_lose_nothing(rest: Rest, cluster: Cluster, kubectl: Kubectl) -> None:
    """Each has its tag, whoever wrote the stream in between; an Image that was to be removed is kept."""
    kubectl.apply(stream("app"))
    digests = {str(number): _digest() for number in range(8)}
    assert 201 == _push(rest, kubectl, digests["0"], to="0").code
    kubectl("annotate", "image", digests["0"], "imagestreams.dev/unreferenced-since=2026-01-01T00:00:00Z")

    def push(to: str) -> int:
        with contextlib.closing(Rest(cluster.kubeconfig)) as own:
            return _push(own, kubectl, digests[to], to=to).code

    with concurrent.futures.ThreadPoolExecutor(len(digests)) as threads:
        assert [201] * len(digests) == list(threads.map(push, digests))
    tags = kubectl.get("is", "app")["status"]["tags"]
    assert digests == {each["tag"]: each["items"][0]["image"] for each in tags}
    assert not kubectl.get("image", digests["0"])["metadata"].get("annotations")


def test_what_cannot_be_mapped_is_told(rest: Rest, kubectl: Kubectl) -> None:
    """No stream is a 404 of the kind by which the original's registry makes it; a dry run stores nothing."""
    digest = _digest()
    answer = _push(rest, kubectl, digest)
    details = (answer.body or {})["details"]
    assert (404, "imagestreammappings", "app") == (answer.code, details["kind"], details["name"])
    assert "NotFound" in kubectl.run("get", "image", digest).stderr
    kubectl.apply(stream("app"))
    assert 201 == _push(rest, kubectl, digest, query={"dryRun": "All"}).code
    assert "NotFound" in kubectl.run("get", "image", digest).stderr
    assert not (kubectl.get("is", "app").get("status") or {}).get("tags")
    assert 422 == _push(rest, kubectl, digest, to="").code
    other = _digest()
    answer = _push(rest, kubectl, digest, manifest=_MANIFESTS[other])
    (cause,) = (answer.body or {})["details"]["causes"]
    assert (422, "image.dockerImageManifest") == (answer.code, cause["field"])
    assert digest in cause["message"]
    assert other in cause["message"]
    assert "NotFound" in kubectl.run("get", "image", digest).stderr


def _signature(digest: str, name: str, content: str, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageSignature",
        "metadata": {"name": f"{digest}@{name}"},
        "type": "AtomicImageV1",
        "content": base64.b64encode(content.encode()).decode(),
        **more,
    }


def test_signatures_are_added_to_their_image_and_taken_away(rest: Rest, kubectl: Kubectl) -> None:
    """One of the same name, or of the same content, is there already; one that is not there is not found."""
    kubectl.apply(stream("app"))
    digest, path = _digest(), f"{BASE}/imagesignatures"
    assert 404 == rest("POST", path, _signature(digest, "a", "one")).code
    assert 201 == _push(rest, kubectl, digest).code
    claimed = {"conditions": [{"type": "Trusted", "status": "True"}], "imageIdentity": "me"}
    assert 201 == rest("POST", path, _signature(digest, "a", "one", **claimed)).code
    for again in (_signature(digest, "a", "two"), _signature(digest, "b", "one")):
        answer = rest("POST", path, again)
        assert (409, "AlreadyExists") == (answer.code, answer.reason), answer
    assert 201 == rest("POST", path, _signature(digest, "b", "two")).code
    assert 422 == rest("POST", path, _signature(digest, "c", "")).code
    found = kubectl.get("image", digest)["signatures"]
    assert [f"{digest}@a", f"{digest}@b"] == [each["metadata"]["name"] for each in found]
    assert {"conditions", "imageIdentity"}.isdisjoint(found[0])
    uid = kubectl.get("image", digest)["metadata"]["uid"]
    for known in ({"uid": "another"}, {"uid": uid, "resourceVersion": "1"}):
        answer = rest("DELETE", f"{path}/{digest}@a", {"kind": "DeleteOptions", "preconditions": known})
        assert (409, "Conflict") == (answer.code, answer.reason), answer
    meant = {"kind": "DeleteOptions", "preconditions": {"uid": uid}, "dryRun": ["All"]}
    assert 200 == rest("DELETE", f"{path}/{digest}@a", meant).code
    assert 200 == rest("DELETE", f"{path}/{digest}@a", query={"dryRun": "All"}).code
    assert 200 == rest("DELETE", f"{path}/{digest}@a").code
    assert 404 == rest("DELETE", f"{path}/{digest}@a").code
    assert 400 == rest("DELETE", f"{path}/{digest}").code
    found = kubectl.get("image", digest)["signatures"]
    assert [f"{digest}@b"] == [each["metadata"]["name"] for each in found]


def test_the_pull_secrets_are_listed_and_no_other(rest: Rest, kubectl: Kubectl) -> None:
    """Those of both types, without those that their owner keeps back."""
    config = json.dumps({"auths": {}})
    for name, kind, key, kept_back in (
        ("new", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", ""),
        ("back", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", "true"),
        ("ahead", "kubernetes.io/dockercfg", ".dockercfg", "false"),
        ("other", "Opaque", "x", ""),
    ):
        notes = {"openshift.io/image.excludeSecret": kept_back} if kept_back else {}
        kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "annotations": notes},
                "type": kind,
                "stringData": {key: config if key != ".dockercfg" else "{}"},
            }
        )
    answer = rest("GET", f"{BASE}/namespaces/{kubectl.namespace}/imagestreams/app/secrets")
    body = answer.body or {}
    assert (200, "SecretList", "image.openshift.io/v1") == (answer.code, body["kind"], body["apiVersion"])
    assert ["ahead", "new"] == [each["metadata"]["name"] for each in body["items"]]


@pytest.mark.parametrize("way", ["replace", "merge", "strategic", "json"])
def test_a_tag_that_is_written_with_generation_0_is_imported_anew(
    rest: Rest, cluster: Cluster, kubectl: Kubectl, publisher: Publisher, way: str
) -> None:
    """As in the original: of a stream that is replaced or patched, the generation alone asks for it."""
    space = kubectl.namespace
    publisher.push(f"{space}/app", "1", contents.image({"f": contents.File(space.encode())}))
    kubectl.apply(stream("app", tag("1", f"{cluster.registry}/{space}/app:1")))
    eventually(lambda: current(kubectl, "app", "1"), within=20, what="the image")
    moved = publisher.push(f"{space}/app", "1", contents.image({"f": contents.File(b"moved")}))
    path = f"{BASE}/namespaces/{space}/imagestreams/app"
    stored = f"/apis/image.openshift.io/v1alpha1/namespaces/{space}/imagestreams/app"
    before = json.loads(kubectl("get", "--raw", stored))["spec"]
    shown = kubectl.get("is", "app")
    asked = {**shown["spec"]["tags"][0], "generation": 0}
    patch: Any = {"spec": {"tags": [asked]}}
    if way == "replace":
        answer = rest("PUT", path, {**shown, "spec": {**shown["spec"], "tags": [asked]}})
    else:
        if way == "json":
            patch = [{"op": "replace", "path": "/spec/tags/0/generation", "value": 0}]
        elif way == "strategic":
            patch = {"spec": {"tags": [{"name": "1", "generation": 0}]}}
        kind = f"application/{way}{'-merge' if way == 'strategic' else ''}-patch+json"
        answer = rest("PATCH", path, patch, content_type=kind)
    assert 200 == answer.code, answer
    eventually(lambda: moved in str(kubectl.get("istag", "app:1")), within=20, what="the image that moved")
    assert before == json.loads(kubectl("get", "--raw", stored))["spec"]
