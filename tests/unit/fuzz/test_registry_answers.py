"""Malformed answers of registries, over real HTTP: each ends in an error of ours, and in time."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import RegistryError
from imagestreams.registry.manifests import OCI_INDEX, OCI_MANIFEST
from support.malformed import malformed, mangled, value
from unit.fuzz.counts import COUNT, SEED
from unit.registry.asking import Client, ask
from unit.registry.hardening import scripted_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.registry.question import Question

DIGEST = "sha256:" + "a" * 64
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": {"digest": DIGEST, "size": 2, "mediaType": "c"},
    "layers": [{"digest": DIGEST, "size": 3, "mediaType": "l"}],
}
INDEX = {
    "schemaVersion": 2,
    "mediaType": OCI_INDEX,
    "manifests": [
        {
            "digest": DIGEST,
            "size": 3,
            "mediaType": OCI_MANIFEST,
            "platform": {"os": "linux", "architecture": "amd64"},
        }
    ],
}
CHALLENGE = 'Bearer realm="http://{host}/token",service="s",scope="repository:a/b:pull"'


def answer(seed: int, method: str, host: str) -> tuple[int, Mapping[str, str], bytes]:
    """Make one answer."""
    chance = random.Random(seed)
    content = json.dumps(malformed(seed, chance.choice((MANIFEST, INDEX)))).encode()
    body = content if chance.random() < 0.6 else mangled(seed, content)
    headers = {
        "Content-Type": chance.choice(
            (OCI_MANIFEST, OCI_INDEX, "text/html", "", "application/json; charset=x")
        ),
        "Docker-Content-Digest": chance.choice(
            (DIGEST, "", "sha256:", "md5:1", "x" * 3000, str(value(chance))[:100])
        ),
        "WWW-Authenticate": _printable(mangled(seed, CHALLENGE.format(host=host).encode())),
        "Location": chance.choice(
            ("", "/", "http://[::1", "//", "https://127.0.0.1:1/x", f"http://{host}/v2/")
        ),
    }
    dropped = chance.sample(sorted(headers), chance.randrange(4))
    status = chance.choice((200, 200, 200, 401, 307, 404, 204, 206, 304, 400, 403, 429, 500, 599))
    return (
        status,
        {
            name: _printable(text.encode(errors="replace"))
            for name, text in headers.items()
            if name not in dropped
        },
        (b"" if method == "HEAD" else body),
    )


def _printable(text: bytes) -> str:
    return "".join(chr(letter) for letter in text if 32 <= letter < 127)


def _told(client: Client, question: Question) -> str:
    try:
        client.registry.describe(question)
        return client.digest(question)
    except RegistryError as error:
        return str(error)


@pytest.mark.timeout(400)
def test_every_answer_ends_in_an_error_of_ours_or_a_digest() -> None:
    """Resolving or describing ends in a digest or a RegistryError of bounded length, within seconds."""
    seed = 0
    host = ""

    def registry(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        nonlocal seed
        del path, authorization
        seed += 1
        return answer(seed, method, host)

    client = Client()
    slowest = 0.0
    # A question is about three answers.
    with scripted_server(registry) as served:
        host = served
        for number in range(max(COUNT // 3, 1)):
            seed = SEED + 1000 * number
            started = time.monotonic()
            for question in (ask(host), ask(host, version=f"@{DIGEST}")):
                told = _told(client, question)
                assert told.startswith("sha256:") or 0 < len(told) <= 1_000
            slowest = max(slowest, time.monotonic() - started)
    client.close()
    assert slowest < 10
