"""Each fault as a client meets it, over plain requests and sockets."""

import hashlib
import json
import socket
import time
from collections.abc import Iterator

import pytest
import requests

from support.faults import (
    Delay,
    Echo,
    Fault,
    FaultRegistry,
    Hang,
    Headers,
    Html,
    Huge,
    LyingDigest,
    NoDigestHeader,
    NotJson,
    Redirect,
    RejectHead,
    ResetMidBody,
    SlowDrip,
    Status,
    WrongType,
)
from support.waiting import eventually

MANIFEST = "/v2/team/app/manifests/1"


@pytest.fixture
def registry() -> Iterator[FaultRegistry]:
    """Serve an open registry with one image."""
    with FaultRegistry() as started:
        started.put_image("team/app", "1")
        yield started


def sha256(data: bytes) -> str:
    """Return the digest of `data`, computed here and not by the registry."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def get(registry: FaultRegistry, path: str = MANIFEST) -> requests.Response:
    """GET a path of the registry, by default the image's manifest."""
    return requests.get(f"{registry.url}{path}", timeout=2)


def head(registry: FaultRegistry) -> requests.Response:
    """HEAD the image's manifest."""
    return requests.head(f"{registry.url}{MANIFEST}", timeout=2)


def said_to_a_socket(registry: FaultRegistry) -> Iterator[bytes]:
    """GET the manifest over a bare socket and yield what comes, piece by piece as it comes."""
    host, _, port = registry.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=2) as client:
        client.sendall(f"GET {MANIFEST} HTTP/1.1\r\nHost: {registry.host}\r\n\r\n".encode())
        while piece := client.recv(65536):
            yield piece


def test_hang(registry: FaultRegistry) -> None:
    """A hanging registry reads the request, says nothing, and can still be stopped."""
    registry.fail(Hang())

    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{registry.url}{MANIFEST}", timeout=0.2)

    assert [(record.kind, record.status) for record in registry.requests] == [("manifest-get", 0)]
    with socket.create_connection(("127.0.0.1", int(registry.host.rpartition(":")[2])), timeout=2) as client:
        client.sendall(b"GET /v2/ HTTP/1.1\r\n\r\n")
        eventually(lambda: registry.count(kind="ping") == 1, within=2, every=0.01, what="the ping is read")
        registry.stop()
        assert client.recv(100) == b""


def test_echo(registry: FaultRegistry) -> None:
    """Who sends a credential is refused and shown it; who sends none is answered as usual."""
    registry.fail(Echo())

    answer = requests.get(f"{registry.url}{MANIFEST}", auth=("ana", "secret"), timeout=2)
    assert 403 == answer.status_code
    assert "YW5hOnNlY3JldA==" in answer.json()["errors"][0]["message"]
    assert "YW5hOnNlY3JldA==" in answer.headers["Warning"]
    assert 200 == get(registry).status_code


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Status(401), "UNAUTHORIZED"),
        (Status(403), "DENIED"),
        (Status(429, headers={"Retry-After": "7"}), "TOOMANYREQUESTS"),
        (Status(500), "UNKNOWN"),
    ],
    ids=["401", "403", "429", "500"],
)
def test_status(registry: FaultRegistry, fault: Status, code: str) -> None:
    """A status is answered with the specification's error, to HEAD without a body, and with its headers."""
    registry.fail(fault)

    answer = get(registry)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (fault.status, code)
    assert fault.headers.items() <= answer.headers.items()
    assert (head(registry).status_code, head(registry).content) == (fault.status, b"")
    assert registry.count(status=fault.status) == 3


def test_status_with_a_body_of_its_own(registry: FaultRegistry) -> None:
    """A status can come with any text, as proxies write it."""
    registry.fail(Status(502, body="Bad gateway, said the proxy"))

    assert get(registry).text == "Bad gateway, said the proxy"


def test_html(registry: FaultRegistry) -> None:
    """A login page comes with 200 in place of everything, the ping too."""
    registry.fail(Html())

    for path in ("/v2/", MANIFEST, "/v2/team/app/tags/list"):
        answer = get(registry, path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "Sign in" in answer.text
    assert "Docker-Content-Digest" not in head(registry).headers


@pytest.mark.parametrize("chunked", [False, True])
def test_huge(registry: FaultRegistry, chunked: bool) -> None:
    """A huge manifest is streamed, announced or not, and a client that leaves stops the flow."""
    registry.fail(Huge(100_000_000, chunked=chunked))

    announced = head(registry).headers.get("Content-Length")
    assert announced == (None if chunked else "100000000")
    with requests.get(f"{registry.url}{MANIFEST}", stream=True, timeout=2) as answer:
        taken = 0
        for piece in answer.iter_content(100_000):
            taken += len(piece)
            if taken > 1_000_000:
                break

    def gone() -> None:
        seen = registry.sent
        assert get(registry, "/v2/").status_code == 200
        assert 0 < registry.sent - seen < 1000, "the flow goes on"

    eventually(gone, within=2, every=0.05, what="the stream ends with its client")
    assert 1_000_000 < registry.sent < 30_000_000


def test_huge_is_valid_json(registry: FaultRegistry) -> None:
    """What is streamed has the size asked for and parses, so that only its size is wrong."""
    for chunked in (False, True):
        registry.heal()
        registry.fail(Huge(200_000, chunked=chunked))
        answer = get(registry)
        assert (len(answer.content), answer.json()["schemaVersion"]) == (200_000, 2)


def test_lying_digest(registry: FaultRegistry) -> None:
    """The header names the manifest asked for while the bytes are others, by tag and by digest."""
    digest = registry.digest("team/app", "1")
    registry.fail(LyingDigest())

    for path in (MANIFEST, f"/v2/team/app/manifests/{digest}"):
        answer = get(registry, path)
        assert answer.headers["Docker-Content-Digest"] == digest != sha256(answer.content)
        assert answer.json()["schemaVersion"] == 2
    assert int(head(registry).headers["Content-Length"]) == len(get(registry).content)


def test_lying_digest_header(registry: FaultRegistry) -> None:
    """With a digest of its own the header lies and the bytes are right."""
    registry.fail(LyingDigest("sha256:" + "f" * 64))

    answer = get(registry)
    assert answer.headers["Docker-Content-Digest"] == "sha256:" + "f" * 64
    assert sha256(answer.content) == registry.digest("team/app", "1")


def test_no_digest_header(registry: FaultRegistry) -> None:
    """The digest header is missing from HEAD and GET, the rest is as ever."""
    registry.fail(NoDigestHeader())

    assert "Docker-Content-Digest" not in head(registry).headers
    answer = get(registry)
    assert "Docker-Content-Digest" not in answer.headers
    assert sha256(answer.content) == registry.digest("team/app", "1")


def test_reset_mid_body(registry: FaultRegistry) -> None:
    """The client gets part of the body and then a reset, not an orderly end; HEAD goes well."""
    length = int(head(registry).headers["Content-Length"])
    registry.fail(ResetMidBody())

    assert head(registry).status_code == 200
    received = b""
    with pytest.raises(ConnectionResetError):  # noqa: PT012 - what came before the reset is part of the proof
        for piece in said_to_a_socket(registry):
            received += piece
    assert len(received.partition(b"\r\n\r\n")[2]) <= length // 2
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(registry)


def test_slow_body(registry: FaultRegistry) -> None:
    """The head comes at once and the body at the rate asked for."""
    registry.put_manifest("team/app", "1", b"x" * 400, "application/json")
    registry.fail(SlowDrip(bytes_per_second=1000))

    started = time.monotonic()
    with requests.get(f"{registry.url}{MANIFEST}", stream=True, timeout=2) as answer:
        first = time.monotonic() - started
        assert answer.content == b"x" * 400
    assert time.monotonic() - started - first > 0.2


def test_slow_head(registry: FaultRegistry) -> None:
    """With head_too the status line itself drips, a client's read timeout for each byte never ends it."""
    registry.fail(SlowDrip(bytes_per_second=100, head_too=True))

    started = time.monotonic()
    received = b""
    for piece in said_to_a_socket(registry):
        received += piece
        if len(received) >= 20:
            break
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert time.monotonic() - started > 0.15


def test_redirect_elsewhere(registry: FaultRegistry) -> None:
    """The client is sent to the same path of another host, query included."""
    with FaultRegistry() as other:
        other.put_image("team/app", "1", "other")
        registry.fail(Redirect(other.url))

        answer = get(registry)
        assert [step.status_code for step in answer.history] == [307]
        assert answer.headers["Docker-Content-Digest"] == other.digest("team/app", "1")
        assert get(registry, "/v2/team/app/tags/list?n=1").url == f"{other.url}/v2/team/app/tags/list?n=1"


def test_redirect_loop(registry: FaultRegistry) -> None:
    """Without another host the redirect leads to itself for ever."""
    registry.fail(Redirect())

    with pytest.raises(requests.TooManyRedirects):
        get(registry)


def test_not_json(registry: FaultRegistry) -> None:
    """The body does not parse, though digest and media type are right."""
    registry.fail(NotJson())

    answer = get(registry)
    assert answer.headers["Docker-Content-Digest"] == sha256(answer.content)
    assert answer.headers["Content-Type"] == "application/vnd.oci.image.manifest.v1+json"
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (WrongType("list"), list),
        (WrongType("string"), str),
        (WrongType("number"), int),
        (WrongType("null"), type(None)),
    ],
    ids=lambda value: getattr(value, "value", ""),
)
def test_wrong_type(registry: FaultRegistry, fault: WrongType, kind: type) -> None:
    """The body is valid JSON with its right digest, but no object; tags/list too."""
    registry.fail(fault)

    for path in (MANIFEST, "/v2/team/app/tags/list"):
        assert type(get(registry, path).json()) is kind
    assert get(registry).headers["Docker-Content-Digest"] == sha256(get(registry).content)


def test_schema1(registry: FaultRegistry) -> None:
    """An old registry serves schema 1 under its own media type."""
    registry.fail(WrongType("schema1"))

    answer = get(registry)
    assert answer.headers["Content-Type"] == "application/vnd.docker.distribution.manifest.v1+prettyjws"
    assert json.loads(answer.content)["schemaVersion"] == 1


def test_reject_head(registry: FaultRegistry) -> None:
    """HEAD is refused with 405 while GET works."""
    registry.fail(RejectHead())

    assert (head(registry).status_code, get(registry).status_code) == (405, 200)


def test_headers_are_added(registry: FaultRegistry) -> None:
    """Good answers carry the headers given, bad ones do not."""
    registry.fail(Headers({"ratelimit-remaining": "20;w=21600"}))

    assert head(registry).headers["ratelimit-remaining"] == "20;w=21600"
    assert "ratelimit-remaining" not in get(registry, "/v2/team/app/manifests/none").headers


def test_delay(registry: FaultRegistry) -> None:
    """A delayed answer is right and late, an error too."""
    registry.fail(Delay(0.15))

    for path, status in ((MANIFEST, 200), ("/v2/none/manifests/1", 404)):
        started = time.monotonic()
        assert get(registry, path).status_code == status
        assert time.monotonic() - started >= 0.15


def test_only_one_repository_fails(registry: FaultRegistry) -> None:
    """A fault for one repository leaves the others and the ping alone, and is healed alone."""
    registry.put_image("team/other", "1")
    registry.fail(Status(500), repository="team/app")
    registry.fail(Status(503), repository="team/other")

    assert (get(registry).status_code, get(registry, "/v2/").status_code) == (500, 200)
    assert get(registry, "/v2/team/other/manifests/1").status_code == 503
    registry.heal("team/app")
    assert get(registry).status_code == 200
    assert get(registry, "/v2/team/other/manifests/1").status_code == 503
    registry.heal()
    assert get(registry, "/v2/team/other/manifests/1").status_code == 200


def test_only_the_next_requests_fail(registry: FaultRegistry) -> None:
    """A fault given two times strikes two times."""
    registry.fail(Status(500), times=2)

    assert [get(registry).status_code for _ in range(4)] == [500, 500, 200, 200]


def test_only_some_kinds_fail(registry: FaultRegistry) -> None:
    """A fault can be kept to one kind of request, or to several."""
    registry.fail(Status(500), kind="manifest-get")
    registry.fail(Status(503), kind=["tags", "ping"])

    answers = head(registry), get(registry), get(registry, "/v2/"), get(registry, "/v2/team/app/tags/list")
    assert [answer.status_code for answer in answers] == [200, 500, 503, 503]


@pytest.mark.parametrize("fault", [LyingDigest(), ResetMidBody()], ids=["lie", "reset"])
def test_challenges_are_not_used_up(fault: Fault) -> None:
    """A fault of good answers lets a 401 challenge pass and still strikes the answer after it."""
    with FaultRegistry(auth="basic") as registry:
        digest = registry.put_image("team/app", "1")
        registry.fail(fault, times=1)

        assert get(registry).status_code == 401
        try:
            answer = requests.get(
                f"{registry.url}{MANIFEST}", auth=(registry.username, registry.password), timeout=2
            )
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            assert fault == ResetMidBody()
        else:
            assert sha256(answer.content) != digest


def test_token_service_fails_when_named() -> None:
    """A fault of the host spares the token service, one that names tokens strikes it."""
    with FaultRegistry(auth="bearer") as registry:
        registry.fail(Status(500))
        assert get(registry, "/token").status_code == 200
        registry.fail(Status(503), kind="token")
        assert get(registry, "/token").status_code == 503


def test_faults_add_up(registry: FaultRegistry) -> None:
    """Two faults at once both show."""
    registry.fail(RejectHead())
    registry.fail(NoDigestHeader())

    assert head(registry).status_code == 405
    assert "Docker-Content-Digest" not in get(registry).headers
