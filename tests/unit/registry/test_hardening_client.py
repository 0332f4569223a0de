"""Questions to who means harm: their time, their credentials, their memory, and the words they end in."""

from __future__ import annotations

import json
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import (
    NotFoundError,
    ProtocolError,
    RegistryError,
)
from imagestreams.model.reference import parse_reference
from imagestreams.registry.credentials import Credential
from imagestreams.registry.exchange import ForeignChallengeError, Visitor
from imagestreams.registry.explain import explain
from imagestreams.registry.failures import TlsError
from imagestreams.registry.manifests import OCI_INDEX, OCI_MANIFEST, Platform, choose_child, parse_manifest
from imagestreams.registry.memory import Memory
from imagestreams.registry.names import place_of
from imagestreams.registry.wording import shown
from unit.registry.asking import AMD, Client, ask
from unit.registry.hardening import scripted_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.faults import FaultRegistry

BASIC = {"WWW-Authenticate": 'Basic realm="x"'}
DIGEST = "sha256:" + "d" * 64


def entry(number: int, platform: object = None) -> dict[str, object]:
    """Make an entry of an index."""
    return {"digest": f"sha256:{number:064x}", "platform": platform}


def index(entries: list[dict[str, object]]) -> bytes:
    """Make an index."""
    return json.dumps({"mediaType": OCI_INDEX, "manifests": entries}).encode()


def test_an_index_of_more_entries_than_any_is_refused(registry: FaultRegistry, client: Client) -> None:
    """A thousand entries are read, one more is told in clear words."""
    linux = {"os": "linux", "architecture": "amd64"}
    registry.put_manifest("a/b", "v1", index([entry(each, linux) for each in range(1_000)]), OCI_INDEX)
    registry.put_manifest("a/b", "v2", index([entry(each, linux) for each in range(1_001)]), OCI_INDEX)

    assert client.digest(ask(registry, platform=None)).startswith("sha256:")
    with pytest.raises(ProtocolError, match="has 1001 entries; more than 1000 are not read"):
        client.digest(ask(registry, version=":v2", platform=None))


def test_little_is_kept_of_an_index() -> None:
    """Of each platform the first child is kept, and each word once for all indexes."""
    many = index([entry(each, {"os": "linux", "architecture": f"a{each % 5}"}) for each in range(1_000)])
    first = parse_manifest(many, digest=DIGEST, content_type="")
    second = parse_manifest(many, digest=DIGEST, content_type="")

    assert [f"sha256:{each:064x}" for each in range(5)] == [child.digest for child in first.children]
    assert first.children[0].platform.architecture is second.children[0].platform.architecture
    assert first.media_type is OCI_INDEX


def test_the_memory_of_manifests_is_bounded_by_what_they_hold(client: Client) -> None:
    """Indexes of a thousand platforms each push out older ones, long before there are many."""
    bodies = [
        index(
            [entry(each, {"os": f"o{number}", "architecture": f"{each}-{number}"}) for each in range(1_000)]
        )
        for number in range(170)
    ]
    current = b""

    def registry(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        return 200, {"Content-Type": OCI_INDEX}, current

    with scripted_server(registry) as host:
        for body in bodies:
            current = body
            client.digest(ask(host, platform=None))
    manifests = client.registry._manifests

    assert 100_000 < manifests.weight <= 150_000
    assert 149 == len(manifests)


def test_large_bodies_are_parsed_one_at_a_time(client: Client) -> None:
    """Eight threads with 1 MB of the worst JSON take the memory of one parse, beside the bodies."""
    body = b'{"a":[' + b"{}," * 347_500 + b"0]}"

    def registry(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        del method, path, authorization
        return 200, {"Content-Type": OCI_MANIFEST}, body

    def question(number: int) -> str:
        everybody.wait(30)
        return client.digest(ask(host, "a/b", f":v{number}"))

    everybody = threading.Barrier(8)
    with scripted_server(registry) as host, ThreadPoolExecutor(8) as threads:
        tracemalloc.start()
        try:
            digests = set(threads.map(question, range(8)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert 1 == len(digests)
    # One parse takes 27 MB, and a few bodies are on their way beside it; without turns it is 55 MB or more.
    assert peak < 45_000_000


def test_ten_platforms_are_listed_at_most() -> None:
    """Who looks for a platform in an index of hundreds reads ten and how many more there are."""
    parsed = parse_manifest(
        index([entry(each, {"os": "linux", "architecture": f"arch{each:03}"}) for each in range(300)]),
        digest=DIGEST,
        content_type="",
    )
    with pytest.raises(
        NotFoundError, match=r"linux/arch000, .*linux/arch009 and 290 more\. Push one"
    ) as error:
        choose_child(parsed, AMD)

    assert len(str(error.value)) < 500


@pytest.mark.parametrize("word", ["\ud800", "\x00\x1b[31m", "a" * 100_000, "\u202e", "é" * 50])
def test_no_word_of_a_registry_breaks_a_condition(word: str) -> None:
    """Media types and platforms are cut and printable, whatever they are."""
    told = []
    for body, content_type in (
        (json.dumps({"mediaType": word}), ""),
        ("[]", word.encode("latin-1", "replace").decode("latin-1")),
        (index([entry(1, {"os": word, "architecture": word})]).decode(), ""),
    ):
        with pytest.raises(RegistryError) as error:
            choose_child(parse_manifest(body.encode(), digest=DIGEST, content_type=content_type), AMD)
        told.append(str(error.value))

    for text in told:
        assert text.isprintable()
        assert text == text.encode().decode()
        assert len(text) < 500


def test_what_is_shown_is_printable_and_short() -> None:
    """Plain text stays; the rest is replaced letter by letter, and what is long is cut with dots."""
    assert "text/html; é" == shown("text/html; é")
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}" == shown("a\ud800b\n")
    assert "a" * 100 == shown("a" * 100)
    assert "a" * 97 + "..." == shown("a" * 101)


@pytest.mark.parametrize(
    "kind",
    [
        *RegistryError.__subclasses__(),
        TlsError,
        ForeignChallengeError,
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_no_explanation_is_longer_than_a_condition_may_be(kind: type[RegistryError], known: bool) -> None:
    """With the longest names there are and endless words, a message has 1,000 characters, the advice last."""
    host = ".".join(["a" * 60] * 2)
    long = parse_reference(f"{host}/{'b' * (254 - len(host))}:{'c' * 128}")
    credential = Credential("s" * 253, "u", "p") if known else None
    short = parse_reference("r.io/a/b:v1")

    assert len(explain(kind("x" * 5_000), long, Visitor(place_of(long), credential))) <= 1_000
    text = explain(kind("x" * 5_000), short, Visitor(place_of(short), None))
    assert len(text) <= 1_000
    assert text.endswith("...") is explain(kind("x"), short, Visitor(place_of(short), None)).endswith("...")


def test_a_memory_forgets_what_was_used_longest_ago() -> None:
    """Weights are added up, uses count, and a value that is put again weighs once."""
    memory: Memory[str, str] = Memory(10, lambda _, value: len(value))
    memory.put("a", "aaaa")
    memory.put("b", "bbbb")
    assert "aaaa" == memory.get("a")
    memory.put("c", "cccc")

    assert (None, "aaaa", "cccc", 8) == (memory.get("b"), memory.get("a"), memory.get("c"), memory.weight)
    memory.put("a", "a")
    assert 5 == memory.weight
    memory.put("d", "d" * 11)
    assert (0, 0) == (len(memory), memory.weight)
    memory.forget("nothing")


def test_a_platform_is_chosen_by_its_whole_name() -> None:
    """A word that was cut or replaced is nobody's platform."""
    odd = index(
        [entry(1, {"os": "linux", "architecture": "amd64" + "x" * 100}), entry(2, {"os": "linux\ud800"})]
    )
    parsed = parse_manifest(odd, digest=DIGEST, content_type="")

    for wanted in (AMD, Platform("linux", "")):
        with pytest.raises(NotFoundError):
            choose_child(parsed, wanted)
