"""The registry when nothing is told to fail: a good registry by the distribution specification."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from support.faults import FaultRegistry

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.fixture
def registry() -> Iterator[FaultRegistry]:
    """Serve an empty registry that lets everyone pull."""
    with FaultRegistry() as started:
        yield started


def sha256(data: bytes) -> str:
    """Return the digest of `data`, computed here and not by the registry."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_ping(registry: FaultRegistry) -> None:
    """GET /v2/ says that this is a registry."""
    answer = requests.get(f"{registry.url}/v2/", timeout=2)

    assert (answer.status_code, answer.headers["Docker-Distribution-Api-Version"]) == (200, "registry/2.0")


@pytest.mark.parametrize(("docker", "media_type"), [(False, OCI_MANIFEST), (True, DOCKER_MANIFEST)])
def test_image_can_be_pulled_whole(registry: FaultRegistry, docker: bool, media_type: str) -> None:
    """An image's manifest, config and layer are served, and every digest is that of the bytes."""
    digest = registry.put_image("team/app", "1", docker=docker, config={"Labels": {"a": "b"}})

    manifest = requests.get(f"{registry.url}/v2/team/app/manifests/1", timeout=2)
    assert (manifest.headers["Content-Type"], manifest.headers["Docker-Content-Digest"]) == (
        media_type,
        digest,
    )
    assert sha256(manifest.content) == digest
    for part in [manifest.json()["config"], *manifest.json()["layers"]]:
        blob = requests.get(f"{registry.url}/v2/team/app/blobs/{part['digest']}", timeout=2)
        assert (sha256(blob.content), len(blob.content)) == (part["digest"], part["size"])
    config = requests.get(
        f"{registry.url}/v2/team/app/blobs/{manifest.json()['config']['digest']}", timeout=2
    )
    assert config.json()["config"]["Labels"] == {"a": "b"}


def test_head_tells_what_get_gives(registry: FaultRegistry) -> None:
    """HEAD by tag and by digest has the headers of GET, its length too, and no body."""
    digest = registry.put_image("team/app", "1")

    for reference in ("1", digest):
        url = f"{registry.url}/v2/team/app/manifests/{reference}"
        head, get = requests.head(url, timeout=2), requests.get(url, timeout=2)
        assert head.content == b""
        assert dict(head.headers) == dict(get.headers)
        assert int(head.headers["Content-Length"]) == len(get.content)


@pytest.mark.parametrize(("docker", "media_type"), [(False, OCI_INDEX), (True, DOCKER_LIST)])
def test_index_names_its_children(registry: FaultRegistry, docker: bool, media_type: str) -> None:
    """An index lists a manifest for each platform, and each can be fetched by its digest."""
    digest = registry.put_index("team/app", "1", ["linux/amd64", "linux/arm64/v8"], docker=docker)

    index = requests.get(f"{registry.url}/v2/team/app/manifests/{digest}", timeout=2)
    assert index.headers["Content-Type"] == media_type
    children = registry.children("team/app", digest)
    assert list(children) == ["linux/amd64", "linux/arm64/v8"]
    for child in children.values():
        manifest = requests.get(f"{registry.url}/v2/team/app/manifests/{child}", timeout=2)
        assert sha256(manifest.content) == child
    assert [child["digest"] for child in index.json()["manifests"]] == list(children.values())


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/nothing/here/manifests/1", "NAME_UNKNOWN"),
        ("/v2/team/app/manifests/2", "MANIFEST_UNKNOWN"),
        ("/v2/team/app/manifests/sha256:" + "0" * 64, "MANIFEST_UNKNOWN"),
        ("/v2/team/app/blobs/sha256:" + "0" * 64, "BLOB_UNKNOWN"),
        ("/v2/nothing/here/tags/list", "NAME_UNKNOWN"),
    ],
)
def test_missing_things_are_404_with_a_code(registry: FaultRegistry, path: str, code: str) -> None:
    """What is not there is answered 404 with the specification's error code."""
    registry.put_image("team/app", "1")

    answer = requests.get(f"{registry.url}{path}", timeout=2)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, code)


def test_accept_is_honoured(registry: FaultRegistry) -> None:
    """A client that does not accept the stored media type is told 404, as registries do."""
    registry.put_image("team/app", "1")
    url = f"{registry.url}/v2/team/app/manifests/1"

    assert requests.get(url, headers={"Accept": DOCKER_MANIFEST}, timeout=2).status_code == 404
    accepted = f"{DOCKER_MANIFEST}, {OCI_MANIFEST};q=0.5"
    assert requests.get(url, headers={"Accept": accepted}, timeout=2).status_code == 200


def test_tags_come_in_pages() -> None:
    """tags/list is sorted, obeys n and last and the registry's own limit, and links to the next page."""
    with FaultRegistry(page=2) as registry:
        for tag in ("c", "a", "e", "b", "d"):
            registry.put_image("team/app", tag, "same")
        pages, path = [], "/v2/team/app/tags/list?n=3"
        while path:
            answer = requests.get(f"{registry.url}{path}", timeout=2)
            pages.append(answer.json()["tags"])
            path = answer.links["next"]["url"] if "next" in answer.links else ""

        assert pages == [["a", "b"], ["c", "d"], ["e"]]
        one = requests.get(f"{registry.url}/v2/team/app/tags/list?n=1&last=c", timeout=2)
        assert one.json() == {"name": "team/app", "tags": ["d"]}
        assert requests.get(f"{registry.url}/v2/team/app/tags/list?n=x", timeout=2).status_code == 400


def test_tags_move_and_go(registry: FaultRegistry) -> None:
    """A tag can be pointed at another manifest and removed; a removed digest takes its tags along."""
    first, second = registry.put_image("team/app", "1", "v1"), registry.put_image("team/app", "1", "v2")
    assert registry.digest("team/app", "1") == second != first

    registry.move("team/app", "1", first)
    head = requests.head(f"{registry.url}/v2/team/app/manifests/1", timeout=2)
    assert head.headers["Docker-Content-Digest"] == first

    registry.delete("team/app", first)
    assert requests.head(f"{registry.url}/v2/team/app/manifests/1", timeout=2).status_code == 404
    with pytest.raises(KeyError):
        registry.move("team/app", "1", first)


def test_any_bytes_can_be_a_manifest(registry: FaultRegistry) -> None:
    """A manifest is served byte for byte as it was put, under the media type given."""
    body = json.dumps({"schemaVersion": 1}).encode()

    digest = registry.put_manifest(
        "old/app", "1", body, "application/vnd.docker.distribution.manifest.v1+json"
    )

    answer = requests.get(f"{registry.url}/v2/old/app/manifests/1", timeout=2)
    assert (answer.content, digest) == (body, sha256(body))


def test_images_are_the_same_every_time() -> None:
    """The same content gives the same digest in every registry, other content or platform another."""
    with FaultRegistry() as one, FaultRegistry() as other:
        assert one.put_image("a", "1", "x") == other.put_image("b", "2", "x")
        assert len({one.put_image("a", "1", "x"), one.put_image("a", "1", "y")}) == 2
        assert one.put_image("a", "1", "x") != one.put_image("a", "1", "x", platform="linux/s390x")


def test_every_request_is_recorded(registry: FaultRegistry) -> None:
    """A record says what was asked, with which status, scheme and user agent, and never holds a secret."""
    registry.put_image("team/app", "1")
    with requests.Session() as session:
        session.headers["User-Agent"] = "tester/1"
        session.get(f"{registry.url}/v2/", timeout=2)
        session.head(f"{registry.url}/v2/team/app/manifests/1", timeout=2)
        session.get(f"{registry.url}/v2/team/app/manifests/2", auth=("user", "not-to-be-kept"), timeout=2)

    seen = [(record.kind, record.repository, record.status, record.scheme) for record in registry.requests]
    assert seen == [
        ("ping", "", 200, ""),
        ("manifest-head", "team/app", 200, ""),
        ("manifest-get", "team/app", 404, "basic"),
    ]
    assert {record.connection for record in registry.requests} == {1}
    assert {record.user_agent for record in registry.requests} == {"tester/1"}
    assert "not-to-be-kept" not in repr(registry.requests)
    assert "bm90LXRvLWJlLWtlcHQ" not in repr(registry.requests)
    counts = (
        registry.count(kind="manifest-head"),
        registry.count(repository="team/app"),
        registry.count(status=404),
    )
    assert counts == (1, 2, 1)
    registry.reset()
    assert (registry.requests, registry.sent) == ([], 0)


def test_connections_are_counted(registry: FaultRegistry) -> None:
    """A client that does not keep its connection alive is seen by the connection's number."""
    for _ in range(2):
        requests.get(f"{registry.url}/v2/", timeout=2)

    assert [record.connection for record in registry.requests] == [1, 2]


def test_stopped_and_started_again(registry: FaultRegistry) -> None:
    """A stopped registry refuses and cuts open connections; started again it has its port and content."""
    registry.put_image("team/app", "1")
    url = f"{registry.url}/v2/team/app/manifests/1"
    with requests.Session() as session:
        assert session.get(url, timeout=2).status_code == 200
        registry.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=2)
        registry.start()
        assert session.get(url, timeout=2).status_code == 200


def test_many_clients_at_once(registry: FaultRegistry) -> None:
    """Eight clients with a connection each get right answers, and not one request goes uncounted."""
    digest = registry.put_image("team/app", "1")

    def poll(_: int) -> set[str]:
        with requests.Session() as session:
            url = f"{registry.url}/v2/team/app/manifests/1"
            return {session.head(url, timeout=5).headers["Docker-Content-Digest"] for _ in range(50)}

    with ThreadPoolExecutor(8) as pool:
        assert set.union(*pool.map(poll, range(8))) == {digest}
    assert registry.count(kind="manifest-head", status=200) == 400
    assert len({record.connection for record in registry.requests}) == 8
