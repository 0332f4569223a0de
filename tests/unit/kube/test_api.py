"""One request to the API server: what is sent, and which error of ours an answer becomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.config import kube_config

from imagestreams.errors import (
    ClusterError,
    ConflictError,
    GoneError,
    RefusedError,
    StartError,
    TooLargeError,
)
from imagestreams.kube.api import JSON_PATCH, Api, Resource
from support.faults import ClosedPort
from unit.kube.apiserver import connect

if TYPE_CHECKING:
    from pathlib import Path

    from unit.kube.apiserver import ApiServer

SECRETS = "/api/v1/namespaces/shop/secrets"


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (Resource("", "v1", "secrets"), (), "/api/v1/secrets"),
        (Resource("", "v1", "secrets"), ("shop",), "/api/v1/namespaces/shop/secrets"),
        (Resource("", "v1", "secrets"), ("shop", "pull"), "/api/v1/namespaces/shop/secrets/pull"),
        (
            Resource("apps", "v1", "deployments"),
            ("shop", "web"),
            "/apis/apps/v1/namespaces/shop/deployments/web",
        ),
        (Resource("g.io", "v2", "things"), ("", "x"), "/apis/g.io/v2/things/x"),
        (
            Resource("g.io", "v2", "things"),
            ("shop", "x", "status"),
            "/apis/g.io/v2/namespaces/shop/things/x/status",
        ),
    ],
)
def test_a_resource_knows_its_paths(resource: Resource, arguments: tuple[str, ...], path: str) -> None:
    """Collections, objects and subresources, of the core group and others, in a namespace or not."""
    assert path == resource.path(*arguments)


def test_a_request_is_sent_as_it_is_meant(server: ApiServer, api: Api) -> None:
    """Token, user agent, content type, query and body arrive; the answer is plain JSON."""
    server.put(f"{SECRETS}/pull", data={"a": "b"}, type="Opaque")
    found = api.request("GET", f"{SECRETS}/pull", query={"a": "b c"})
    api.request(
        "PATCH", f"{SECRETS}/pull", body=[{"op": "add", "path": "/x", "value": 1}], content_type=JSON_PATCH
    )
    got, patched = server.requests

    assert {"a": "b"} == found["data"]
    assert ("Bearer token-xyz", "imagestreams/test", {"a": "b c"}, None) == (
        got.headers["authorization"],
        got.headers["user-agent"],
        got.query,
        got.body,
    )
    assert (JSON_PATCH, [{"op": "add", "path": "/x", "value": 1}]) == (
        patched.headers["content-type"],
        patched.body,
    )


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ((404, b'{"message": "not found"}'), GoneError, "not found"),
        ((409, b'{"message": "modified"}'), ConflictError, "modified"),
        ((401, b'{"message": "Unauthorized"}'), RefusedError, "Unauthorized"),
        ((403, b'{"message": "forbidden"}'), RefusedError, "forbidden"),
        ((422, b'{"message": "invalid"}'), RefusedError, "invalid"),
        ((413, b'{"message": "too large"}'), TooLargeError, "too large"),
        (
            (500, b'{"message": "etcdserver: request is too large"}'),
            TooLargeError,
            "etcdserver: request is too large",
        ),
        ((429, b'{"message": "slow down"}'), ClusterError, "slow down"),
        ((500, b"oops"), ClusterError, "oops"),
        ((502, b"<html>"), ClusterError, "<html>"),
        ((503, b"\xff\xfe"), ClusterError, "\N{REPLACEMENT CHARACTER}" * 2),
        ((500, b"[]"), ClusterError, "[]"),
        ((500, b"a" * 10_000), ClusterError, "a" * 200),
    ],
)
def test_a_failure_is_an_error_of_ours(
    server: ApiServer, api: Api, answer: tuple[int, bytes], kind: type[ClusterError], message: str
) -> None:
    """Each code has its error, with the code and the server's own words, cut to a bound."""
    server.canned.append(answer)
    with pytest.raises(ClusterError) as error:
        api.request("GET", SECRETS)

    assert (kind, answer[0], message) == (type(error.value), error.value.status, str(error.value))
    assert 1 == len(server.requests)


def test_an_api_server_that_is_away_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed port, with TLS or without, is a ClusterError without a code."""
    with ClosedPort() as closed:
        for scheme in ("http", "https"):
            api = connect(f"{scheme}://{closed.host}", tmp_path, monkeypatch)
            with pytest.raises(ClusterError, match="the API server did not answer") as error:
                api.request("GET", SECRETS)
            assert 0 == error.value.status


def test_a_server_that_speaks_no_tls_is_an_error_of_ours(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trouble in TLS is a ClusterError, too."""
    api = connect(server.url.replace("http:", "https:"), tmp_path, monkeypatch)
    with pytest.raises(ClusterError, match="the API server did not answer"):
        api.request("GET", SECRETS)


def test_a_collection_is_listed_in_pages(server: ApiServer, api: Api) -> None:
    """1,200 objects come in three pages of 500 at most, each asked for where the last one ended."""
    for number in range(1200):
        server.put(f"{SECRETS}/s{number:04}")
    pages = list(api.pages("/api/v1/secrets", query={"fieldSelector": ""}))

    assert [500, 500, 200] == [len(page) for page in pages]
    assert [f"s{number:04}" for number in range(1200)] == [
        item["metadata"]["name"] for page in pages for item in page
    ]
    assert ["500"] * 3 == [asked.query["limit"] for asked in server.requests]
    assert [None, "500", "1000"] == [asked.query.get("continue") for asked in server.requests]


def test_a_list_without_items_is_empty(server: ApiServer, api: Api) -> None:
    """Null is how the API server spells an empty list."""
    server.canned.append((200, b'{"items": null, "metadata": {}}'))

    assert [[]] == list(api.pages("/api/v1/secrets"))


def test_a_watch_tells_what_comes(server: ApiServer, api: Api) -> None:
    """Events come as the API server sends them, bookmarks too; it is asked with version and time."""
    events = [{"type": "ADDED", "object": {"metadata": {"name": "a"}}}, {"type": "BOOKMARK", "object": {}}]
    server.watches.put((200, events))
    come = [event for some in api.watch(SECRETS, since="17", seconds=9) for event in some]

    assert events == come
    query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "17", "timeoutSeconds": "9"}
    assert query == server.requests[0].query


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ((410, [{"message": "too old"}]), 410, "too old"),
        ((403, [{"message": "forbidden"}]), 403, "forbidden"),
        ((200, [{"type": "ERROR", "object": {"code": 410, "message": "too old"}}]), 410, "too old"),
        ((200, [{"type": "ERROR", "object": {"message": "what"}}]), 0, "what"),
        ((200, ["x"]), 0, "the API server sent what is no event"),
        ((200, [{"type": "ADDED"}]), 0, "the API server sent what is no event"),
    ],
)
def test_a_watch_that_fails_is_an_error_of_ours(
    server: ApiServer, api: Api, answer: tuple[int, list[Any]], status: int, message: str
) -> None:
    """Refused at once, ended by an event, or nonsense: a ClusterError with the code there was."""
    server.watches.put(answer)
    with pytest.raises(ClusterError) as error:
        list(api.watch(SECRETS, since="17", seconds=9))

    assert (status, message) == (error.value.status, str(error.value))


def test_without_a_cluster_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a pod nor with a kubeconfig: StartError says what to do."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))

    with pytest.raises(StartError, match="run in a pod, or point KUBECONFIG at a file"):
        Api(threads=1, user_agent="test")


def test_the_token_is_not_shown_by_an_error(server: ApiServer, api: Api) -> None:
    """What is raised tells nothing of how we proved who we are."""
    server.canned.append((403, json.dumps({"message": "forbidden"}).encode()))
    with pytest.raises(RefusedError) as error:
        api.request("GET", SECRETS)

    assert "xyz" not in f"{error.value!r}"


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"[]", b""])
def test_an_answer_that_is_no_object_is_an_error_of_the_cluster(
    server: ApiServer, api: Api, body: bytes
) -> None:
    """A proxy that answers 200 with a page of its own ends nobody: it is an error like any other."""
    server.canned.append((200, body))
    with pytest.raises(ClusterError, match="answered what is no JSON object"):
        api.request("GET", "/api/v1/secrets")
