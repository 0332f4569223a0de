"""The original's rules, sentence by sentence, to be ticked off by who knows them.

Each row begins with a rule of OpenShift's ImageStreams; rows that begin with "ours:" say where we differ on
purpose. The rules of a tag's history are in unit/model/test_history.py, those of the TAGS column in
unit/model/test_summary.py, the order of a repository's tags in unit/model/test_tag_order.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import Reason, RegistryError, Retry
from imagestreams.importing.plan import Ask, plan, retry_delay
from imagestreams.importing.record import Failed, Imported
from imagestreams.model.reference import parse_reference
from imagestreams.model.stream import Stream, intent_of
from imagestreams.registry.names import place_of
from support.faults import Status
from unit.importing.streams import EARLIER, NOW, body, digest, record, stream, tag
from unit.registry.asking import ask

if TYPE_CHECKING:
    from imagestreams.model.status import StreamStatus
    from support.faults import FaultRegistry
    from unit.registry.asking import Client

A, B = digest("a"), digest("b")


def rule(sentence: str, *values: object) -> Any:
    """Make a row that is called by its rule."""
    return pytest.param(*values, id=sentence)


@pytest.mark.parametrize(
    ("typed", "recorded", "contacted", "path", "version"),
    [
        rule(
            "what is recorded is spelled as typed",
            "nginx:1.25",
            "nginx",
            "registry-1.docker.io",
            "library/nginx",
            "1.25",
        ),
        rule("no tag means latest", "quay.io/a/b", "quay.io/a/b", "quay.io", "a/b", "latest"),
        rule(
            "no registry means Docker Hub", "team/app:1", "team/app", "registry-1.docker.io", "team/app", "1"
        ),
        rule(
            "a bare name of Docker Hub is library/name",
            "docker.io/nginx",
            "docker.io/nginx",
            "registry-1.docker.io",
            "library/nginx",
            "latest",
        ),
        rule(
            "index.docker.io is Docker Hub",
            "index.docker.io/x/y",
            "index.docker.io/x/y",
            "registry-1.docker.io",
            "x/y",
            "latest",
        ),
        rule('a first component with a "." is a registry', "r.io/app:1", "r.io/app", "r.io", "app", "1"),
        rule(
            'a first component with a ":" is a registry',
            "r:5000/app",
            "r:5000/app",
            "r:5000",
            "app",
            "latest",
        ),
        rule("localhost is a registry", "localhost/app", "localhost/app", "localhost", "app", "latest"),
        rule("of tag and digest the digest counts", f"r.io/app:1@{A}", "r.io/app", "r.io", "app", A),
    ],
)
def test_how_a_reference_is_recorded_and_contacted(
    typed: str, recorded: str, contacted: str, path: str, version: str
) -> None:
    """The pull spec keeps the spelling and gets the digest; the registry is asked where the defaults say."""
    reference = parse_reference(typed)
    place = place_of(reference)

    assert (f"{recorded}@{B}", contacted, path, version) == (
        reference.at(B),
        place.contact,
        place.repository,
        reference.version,
    )


def imported(*tags: dict[str, Any], notes: dict[str, str] | None = None) -> Stream:
    """Make a stream whose importable tags are imported as they ask, with digest A."""
    given = stream(*tags, notes=notes)
    outcomes = {
        each.name: Imported(intent_of(given, each), f"r.io/app@{A}", A)
        for each in given.tags
        if each.importable
    }
    status = record(given, outcomes, now=EARLIER)
    return Stream.parse(body(*tags, notes=notes, status=status.to_json(), generation=2))


def edited(before: Stream, *tags: dict[str, Any], notes: dict[str, str] | None = None) -> tuple[Ask, ...]:
    """Edit a stream that is imported; give what is asked for then."""
    after = Stream.parse(body(*tags, notes=notes, status=before.status.to_json(), generation=3))
    return plan(after, {}, now=100.0, since=100.0, default_interval=900.0).asks


ALIAS = {"name": "v1", "from": {"kind": "ImageStreamTag", "name": "v2"}}


@pytest.mark.parametrize(
    ("edit", "imports"),
    [
        rule("from.name counts", tag(image="r.io/app:other"), True),
        rule("importMode counts", tag(importMode="PreserveOriginal"), True),
        rule("the default importMode is Legacy", tag(importMode="Legacy"), False),
        rule("reference counts; nothing is imported for it", tag() | {"reference": True}, False),
        rule("from.kind counts; nothing is imported for an alias", ALIAS, False),
        rule("ours: insecure counts, for it decides how the registry is reached", tag(insecure=True), True),
        rule("scheduled does not count", tag(scheduled=True), False),
        rule("referencePolicy does not count", tag() | {"referencePolicy": {"type": "Local"}}, False),
        rule("annotations do not count", tag(notes={"description": "x"}), False),
        rule("ours: a hold asks for nothing", tag(notes={"imagestreams.dev/hold": A}), False),
        rule("generation is accepted and ignored", tag() | {"generation": 7}, False),
        rule("a tag without from asks for nothing", {"name": "v1"}, False),
        rule("ours: a request by annotation counts", tag(notes={"imagestreams.dev/requested-at": "1"}), True),
        rule(
            "prefer-arch counts where a child is chosen",
            tag(notes={"importer.image.openshift.io/prefer-arch": "arm64"}),
            True,
        ),
    ],
)
def test_which_edit_of_a_tag_imports_it_again(edit: dict[str, Any], imports: bool) -> None:
    """Only what changes the tag's intent does, and only for that tag."""
    other = tag("v2")

    asked = [each.tag for each in edited(imported(tag(), other), edit, other)]
    assert (["v1"] if imports else []) == asked


def event(image: str, created: str = EARLIER) -> dict[str, Any]:
    """Make an item of a history."""
    return {"created": created, "dockerImageReference": f"r.io/x@{image}", "image": image, "generation": 1}


def other_stream(*tags: tuple[str, list[str]]) -> Stream:
    """Make another stream of the namespace, named base, with these histories."""
    status = {"tags": [{"tag": name, "items": [event(image) for image in images]} for name, images in tags]}
    return Stream.parse(body(*(tag(name) for name, _ in tags), name="base", uid="u-2", status=status))


def source(kind: str, name: str, *, reference: bool = False) -> dict[str, Any]:
    """Make tag v1 with a source."""
    return {"name": "v1", "from": {"kind": kind, "name": name}, "reference": reference}


@pytest.mark.parametrize(
    ("spec", "image", "reason"),
    [
        rule("stream:tag is a tag of another stream", source("ImageStreamTag", "base:1"), A, ""),
        rule("a bare tag is one of the same stream", source("ImageStreamTag", "own"), B, ""),
        rule("an event is a copy of the source's newest", source("ImageStreamTag", "base:moved"), B, ""),
        rule("stream@id is an image of a history", source("ImageStreamImage", f"base@{A}"), A, ""),
        rule("the id may be a prefix of the hex", source("ImageStreamImage", "base@bbb"), B, ""),
        rule("or of sha256:hex", source("ImageStreamImage", "base@sha256:aaaa"), A, ""),
        rule("a prefix searches older items too", source("ImageStreamImage", "base@sha256:a"), A, ""),
        rule("an ambiguous prefix is an error", source("ImageStreamImage", "base@sha256:"), "", "Invalid"),
        rule("a missing image is an error", source("ImageStreamImage", "base@ccc"), "", "NotFound"),
        rule(
            "ours: a missing stream is a condition, healed when it appears",
            source("ImageStreamTag", "none:1"),
            "",
            "NotFound",
        ),
        rule(
            "ours: a missing tag is a condition, too", source("ImageStreamTag", "base:none"), "", "NotFound"
        ),
        rule("ours: a circle is told", source("ImageStreamTag", "v1"), "", "Invalid"),
        rule("more than one separator is an error", source("ImageStreamTag", "a:b:c"), "", "Invalid"),
        rule("an unknown kind is an error", source("Image", "x"), "", "Invalid"),
        rule("reference: true copies once", source("ImageStreamTag", "base:1", reference=True), A, ""),
    ],
)
def test_where_a_tag_gets_its_image(spec: dict[str, Any], image: str, reason: str) -> None:
    """From another tag or a history, or a condition that says why not."""
    base = other_stream(("1", [A]), ("moved", [B, A]))
    own = {"tags": [{"tag": "own", "items": [event(B)]}]}
    given = Stream.parse(body(spec, tag("own"), status=own))
    found = record(given, {}, now=NOW, others=[base]).tag("v1")

    current = found.current.image if found is not None and found.current else ""
    failure = found.failure.reason if found is not None and found.failure else ""
    assert (image, reason) == (current, failure)


def test_a_docker_image_with_reference_is_recorded_verbatim() -> None:
    """It is an event with the name as typed and no image, and is never imported."""
    given = stream(tag(image="Typed.example/app:1") | {"reference": True})
    status = record(given, {}, now=NOW)
    found = status.tag("v1")

    assert found is not None
    assert found.current is not None
    assert ("Typed.example/app:1", "") == (found.current.reference, found.current.image)
    assert () == plan(given, {}, now=0.0, since=0.0, default_interval=900.0).asks


@pytest.mark.parametrize(
    ("status", "reason", "retry"),
    [
        rule("404 is NotFound", 404, Reason.NOT_FOUND, Retry.PERMANENT),
        rule("401 is Unauthorized", 401, Reason.UNAUTHORIZED, Retry.PERMANENT),
        rule("403 is InternalError", 403, Reason.INTERNAL_ERROR, Retry.PERMANENT),
        rule("429 is InternalError; ours: tried again soon", 429, Reason.INTERNAL_ERROR, Retry.TRANSIENT),
        rule("500 is InternalError; ours: tried again soon", 500, Reason.INTERNAL_ERROR, Retry.TRANSIENT),
        rule("503 is InternalError; ours: tried again soon", 503, Reason.INTERNAL_ERROR, Retry.TRANSIENT),
    ],
)
def test_what_an_answer_of_a_registry_is_called(
    registry: FaultRegistry, client: Client, status: int, reason: Reason, retry: Retry
) -> None:
    """The reason of the condition is the original's for each status."""
    registry.put_image("a/b", "v1")
    registry.fail(Status(status))
    with pytest.raises(RegistryError) as told:
        client.digest(ask(registry))

    assert (reason, retry) == (told.value.reason, told.value.retry)


def steps(*outcomes: str) -> list[tuple[str, list[str], str]]:
    """Import again and again ("a", "b": a digest; "!why": a failure); tell time, history, failure."""
    given, told = stream(tag()), []
    status: StreamStatus
    for number, outcome in enumerate(outcomes):
        intent = intent_of(given, given.tags[0])
        answer: Imported | Failed
        if outcome.startswith("!"):
            answer = Failed(intent, Reason.NOT_FOUND, outcome[1:])
        else:
            answer = Imported(intent, f"r.io/app@{digest(outcome)}", digest(outcome))
        status = record(given, {"v1": answer}, now=f"2026-01-0{number + 1}T00:00:00Z")
        given = Stream.parse(body(tag(), status=status.to_json()))
        found = status.tags[0]
        failure = f"{found.failure.message}@{found.failure.last_transition[9]}" if found.failure else ""
        since = found.current.created[9] if found.current else ""
        told.append((since, [item.image[7] for item in found.items], failure))
    return told


@pytest.mark.parametrize(
    ("outcomes", "last"),
    [
        rule("a first import is one item, without a condition", "a", ("1", ["a"], "")),
        rule("the same digest again changes nothing", "a a", ("1", ["a"], "")),
        rule("another digest comes in front", "a b", ("2", ["b", "a"], "")),
        rule("a tag moved back is a new event", "a b a", ("3", ["a", "b", "a"], "")),
        rule("a failure leaves items alone and adds a condition", "a !x", ("1", ["a"], "x@2")),
        rule("the same failure keeps its condition and time", "a !x !x !x", ("1", ["a"], "x@2")),
        rule("another failure replaces the condition", "a !x !y", ("1", ["a"], "y@3")),
        rule("a success takes the condition away", "a !x a", ("1", ["a"], "")),
        rule("ImportSuccess=True is never written", "!x a", ("2", ["a"], "")),
        rule("a tag that never imported is in status with its condition", "!x", ("", [], "x@1")),
    ],
)
def test_what_imports_make_of_history_and_conditions(outcomes: str, last: tuple[str, list[str], str]) -> None:
    """Told as: the day of the current item, the history, the failure with its day."""
    assert last == steps(*outcomes.split())[-1]


@pytest.mark.parametrize(
    ("retry", "delays"),
    [
        rule(
            "ours: what may pass by itself, from 5 s to 5 min",
            Retry.TRANSIENT,
            [5, 10, 20, 40, 80, 160, 300, 300],
        ),
        rule(
            "ours: what needs somebody, from 15 s to 1 h",
            Retry.PERMANENT,
            [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600],
        ),
    ],
)
def test_when_a_failed_import_is_tried_again(retry: Retry, delays: list[float]) -> None:
    """The original tries a failed tag never again; we do, doubling the wait up to a cap."""
    assert delays == [retry_delay(failures, retry) for failures in range(1, len(delays) + 1)]
