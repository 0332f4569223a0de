"""Requests that nobody meant: none of them breaks the image API, and none of them hangs it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from typing import TYPE_CHECKING, Any

from e2e.imageapi.asking import BASE, OFFERED, STREAM, TAG, question
from support.manifests import stream, tag
from support.oc import Rest

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import FacadeProcess

_REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "2000"))
_SECONDS = 20.0
_UNAVAILABLE = 503
_DIGEST = f"sha256:{'a' * 64}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW")
_TYPES = (
    "application/json",
    "application/json;charset=utf-8",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "text/plain",
    "",
    ";;;",
)
_ACCEPTS = (
    "application/json",
    "*/*",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=Table;v=v9;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
    "application/vnd.kubernetes.protobuf",
    "text/html",
    ",;=,",
)
_QUERIES = {
    "limit": ("0", "1", "-1", "x", str(2**70)),
    "continue": ("", "x", "e30", "////"),
    "labelSelector": ("a=b", "a in (b,", "!", "a==", "=", "a" * 300),
    "fieldSelector": ("metadata.name=app", "spec.nothing=1", "==", "status.dockerImageRepository!="),
    "resourceVersion": ("0", "1", "x", "-5", str(2**64)),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "x"),
    "dryRun": ("All", "None", "x", ""),
    "fieldManager": ("x", "y" * 200, "\u00e9\n"),
    "fieldValidation": ("Strict", "Warn", "Ignore", "x"),
    "force": ("true", "1", "x"),
    "propagationPolicy": ("Foreground", "Orphan", "x"),
    "gracePeriodSeconds": ("0", "-1", "x"),
    "timeoutSeconds": ("1", "0", "x"),
    "pretty": ("true",),
    "name": ("x",),
}
_NAMES = (
    STREAM, f"{STREAM}:{TAG}", f"{STREAM}@{_DIGEST}", f"{STREAM}@", "a:b:c", ":", "@", "no", "no:no", "..%2f",
    "%00", "%", "%ff%fe", "\u00e9", "a" * 300, _DIGEST, "sha256:", f"{_DIGEST}@x", "-", "A", "a b", "*",
)  # fmt: skip
_JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 2**70, 1.5, "", "x", "\u0000", "\ud800", "a" * 5000, [], {}, [None], [[]],
    {"": None}, {"a": {"b": {"c": []}}}, [{"name": None}], [{"name": TAG}, {"name": TAG}],
    "2026-01-01T00:00:00Z", "not a time", "ImageStreamTag", "DockerImage", f"{STREAM}:{TAG}", "$patch",
    f"127.0.0.1:1/x@{_DIGEST}",
    {"$patch": "delete"},
    [{"$patch": "replace"}], {"$retainKeys": [1]}, {"$setElementOrder/tags": [{"name": 1}]},
)  # fmt: skip


def _answer(rest: Rest, sent: dict[str, Any]) -> requests.Response:
    return rest.session.request(
        sent["method"],
        rest.base + sent["path"],
        params=sent["query"],
        data=sent["body"],
        headers=sent["headers"],
        timeout=(5, _SECONDS),
    )


def test_no_request_breaks_or_hangs_the_image_api(
    facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """Two thousand malformed requests: each is answered in time, with no 5xx, and the facade lives on."""
    assert facade.alive
    kubectl.apply(stream(STREAM, tag(TAG, "127.0.0.1:1/no/where:1")))
    chance = random.Random(20261128)
    broken = []
    with contextlib.closing(Rest(cluster.kubeconfig)) as rest:
        for number in range(_REQUESTS):
            sent = _request(chance, kubectl.namespace)
            began = time.monotonic()
            answer = _answer(rest, sent)
            if answer.status_code == _UNAVAILABLE:
                # The API server in front may meet a connection that was just closed; not twice in a row.
                answer = _answer(rest, sent)
            if answer.status_code >= 500 or time.monotonic() - began > _SECONDS:
                broken.append(f"{number}: {sent} -> {answer.status_code} {answer.text[:500]}")
    assert facade.alive
    assert not broken, "\n".join([f"{len(broken)} of {_REQUESTS}", *broken[:50]])


def _request(chance: random.Random, namespace: str) -> dict[str, Any]:
    resource = chance.choice(list(OFFERED))
    verb = chance.choice(OFFERED[resource])
    meant = question(resource, verb, namespace, _DIGEST)
    sent: dict[str, Any] = {
        "method": meant.method,
        "path": meant.path,
        "query": {
            key: value for key, value in meant.query.items() if key != "dryRun" or chance.random() < 0.5
        },
        "headers": {"Content-Type": meant.content_type, "Accept": "application/json"},
        "body": meant.body,
    }
    for _ in range(chance.randint(1, 3)):
        chance.choice(_MISTAKES)(chance, sent)
    sent["body"] = _bytes(sent["body"])
    if sent["query"].get("timeoutSeconds", "0") == "0":
        # Without a time a watch goes on for as long as the API server likes.
        sent["query"]["timeoutSeconds"] = "1"
    if sent["body"] is None:
        sent["headers"].pop("Content-Type", None)
    return sent


def _another_method(chance: random.Random, sent: dict[str, Any]) -> None:
    sent["method"] = chance.choice(_METHODS)


def _another_name(chance: random.Random, sent: dict[str, Any]) -> None:
    parts = sent["path"].removeprefix(BASE).strip("/").split("/")
    parts[chance.randrange(2, len(parts)) if len(parts) > 2 else -1] = chance.choice(_NAMES)
    sent["path"] = f"{BASE}/{'/'.join(parts)}"


def _another_query(chance: random.Random, sent: dict[str, Any]) -> None:
    key = chance.choice(list(_QUERIES))
    sent["query"][key] = chance.choice(_QUERIES[key])


def _another_type(chance: random.Random, sent: dict[str, Any]) -> None:
    sent["headers"]["Content-Type"] = chance.choice(_TYPES)


def _another_accept(chance: random.Random, sent: dict[str, Any]) -> None:
    sent["headers"]["Accept"] = chance.choice(_ACCEPTS)


def _broken_text(chance: random.Random, sent: dict[str, Any]) -> None:
    text = _bytes(sent["body"]) or b"{}"
    at = chance.randrange(len(text) + 1)
    sent["body"] = chance.choice(
        [b"", b"null", b"[]", b'"x"', text[:at], text[:at] + b"\xff" + text[at:], b"[" * 5000, text * 2]
    )


def _broken_value(chance: random.Random, sent: dict[str, Any]) -> None:
    """Put junk somewhere into the body."""
    if not isinstance(sent["body"], dict):
        sent["body"] = chance.choice(_JUNK)
        return
    copied = json.loads(json.dumps(sent["body"]))
    holder: Any = copied
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = chance.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.7:
            holder = holder[key]
            continue
        holder[key] = chance.choice(_JUNK)
        break
    sent["body"] = copied


def _patched(chance: random.Random, sent: dict[str, Any]) -> None:
    """Send a JSON patch, right or wrong."""
    paths = (
        "",
        "/",
        "/spec",
        "/spec/tags/0",
        "/spec/tags/-",
        "/spec/tags/9",
        "/a~2",
        "/metadata/name",
        "x",
        1,
    )
    operations = ("add", "remove", "replace", "move", "copy", "test", "x", None)
    sent["method"] = "PATCH"
    sent["headers"]["Content-Type"] = "application/json-patch+json"
    sent["body"] = [
        {
            "op": chance.choice(operations),
            "path": chance.choice(paths),
            "from": chance.choice(paths),
            "value": chance.choice(_JUNK),
        }
        for _ in range(chance.randint(0, 3))
    ]


_MISTAKES: tuple[Callable[[random.Random, dict[str, Any]], None], ...] = (
    _another_method, _another_name, _another_query, _another_type, _another_accept, _broken_text,
    _broken_value, _broken_value, _broken_value, _patched,
)  # fmt: skip


def _bytes(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body).encode()
