"""The views show exactly the documents and tables that the original was recorded to answer.

The recordings are in tests/recorded, read by support.recordings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagestreams.imageapi.image_view import view_image, view_stream_image, wanted_images
from imagestreams.imageapi.stream_view import view_stream
from imagestreams.imageapi.tag_view import (
    stream_tag_names,
    view_image_tag,
    view_stream_tag,
    view_stream_tags,
)
from support import recordings
from unit.imageapi.printing import check_table, shown_of
from unit.imageapi.storing import stored_image, stored_stream, without_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]

STREAMS_AND_TAGS = "oc get is,istag -o yaml"


def documents(text: str) -> list[Document]:
    """Read objects of our group, alone or in a List."""
    found: list[Document] = []
    if text.startswith("apiVersion: "):
        # Several `oc get` after each other are written without a line between them.
        for part in text.replace("\napiVersion: ", "\n---\napiVersion: ").split("\n---\n"):
            document = yaml.load(part, yaml.CSafeLoader)
            found += document["items"] if document["kind"] == "List" else [document]
    return found


def of_kind(items: list[Document], kind: str) -> list[Document]:
    """Choose the objects of a kind."""
    return [item for item in items if item["kind"] == kind]


def steps() -> Iterator[tuple[str, recordings.Step, list[Document], list[Document]]]:
    """Walk through all steps, each with the objects that it printed, and those that were there after it."""
    for name in recordings.names():
        there: list[Document] = []
        for step in recordings.read(name).steps:
            shown = documents(step.after.get(STREAMS_AND_TAGS, ""))
            there = shown or there
            yield f"{name} step {step.number}", step, documents(step.output), there


STEPS = list(steps())


def streams() -> Iterator[Any]:
    """List the streams that were shown, each with its ImageStreamTags where these were listed with it."""
    for where, step, printed, there in STEPS:
        for stream in of_kind(printed, "ImageStream"):
            if step.command.startswith("oc get"):
                yield pytest.param(stream, None, id=f"{where} {stream['metadata']['name']}")
        if STREAMS_AND_TAGS in step.after:
            for stream in of_kind(there, "ImageStream"):
                tags = tags_of(stream, there)
                yield pytest.param(stream, tags, id=f"after {where} {stream['metadata']['name']}")


def tags_of(stream: Document, there: list[Document]) -> list[Document]:
    """Choose the ImageStreamTags of a stream, in the order of their names."""
    uid = stream["metadata"]["uid"]
    tags = [tag for tag in of_kind(there, "ImageStreamTag") if tag["metadata"]["uid"] == uid]
    return sorted(tags, key=lambda tag: str(tag["metadata"]["name"]))


def parts(kind: str) -> list[Any]:
    """List what was shown of a kind that belongs to a stream, each with its stream as it was then."""
    found = []
    for where, _, printed, there in STEPS:
        for part in of_kind(printed, kind):
            name = part["metadata"]["name"].partition(":")[0].partition("@")[0]
            case = f"{where} {part['metadata']['name'][:30]}"
            found += [
                pytest.param(part, stream, id=case)
                for stream in of_kind(there, "ImageStream")
                if stream["metadata"]["name"] == name and same_version(stream, part)
            ]
    return found


def same_version(stream: Document, part: Document) -> bool:
    """Tell whether what was shown of a stream belongs to it as it was recorded; all images of it do."""
    version = part["metadata"].get("resourceVersion")
    return version is None or bool(stream["metadata"]["resourceVersion"] == version)


def find_image(part: Document, name: str) -> Document | None:
    """Find the stored Image of a digest: the one that was shown."""
    return stored_image(part["image"]) if part["image"]["metadata"]["name"] == name else None


STREAMS = list(streams())


def test_there_is_much_to_compare_with() -> None:
    """Recorded are more than 130 states of streams, and single tags and images of each kind."""
    assert len(STREAMS) > 130
    for kind, least in (("ImageStreamTag", 3), ("ImageTag", 1), ("ImageStreamImage", 3)):
        assert len(parts(kind)) >= least, kind


@pytest.mark.parametrize(("stream", "tags"), STREAMS)
def test_a_stream_and_its_tags_are_shown_as_recorded(stream: Document, tags: list[Document] | None) -> None:
    """From what our operator stores for it, each ImageStream comes out again, and each ImageStreamTag."""
    stored = stored_stream(stream)
    assert stream == without_ours(view_stream(stored))
    if tags is not None:
        assert tags == [*view_stream_tags(stored, stream_tag_names(stored))]


@pytest.mark.parametrize(("tag", "stream"), parts("ImageStreamTag"))
def test_a_single_tag_is_shown_as_recorded(tag: Document, stream: Document) -> None:
    """An ImageStreamTag that is got alone has the whole image in it."""
    name = tag["metadata"]["name"].partition(":")[2]
    assert tag == view_stream_tag(stored_stream(stream), name, stored_image(tag["image"]))


@pytest.mark.parametrize(("tag", "stream"), parts("ImageTag"))
def test_a_single_image_tag_is_shown_as_recorded(tag: Document, stream: Document) -> None:
    """An ImageTag has the history of the tag, the metadata of the stream, and the whole image."""
    name = tag["metadata"]["name"].partition(":")[2]
    shown = view_image_tag(stored_stream(stream), name, stored_image(tag["image"]))
    assert shown is not None
    assert tag == without_ours(shown)


@pytest.mark.parametrize(("image", "stream"), parts("ImageStreamImage"))
def test_an_image_of_a_stream_is_shown_as_recorded(image: Document, stream: Document) -> None:
    """An ImageStreamImage has the annotations of the stream, and the image, which may be an index's child."""
    stored, name = stored_stream(stream), image["metadata"]["name"]
    known: dict[str, Document | None] = {}
    while wanted := wanted_images(stored, name, known):
        known |= {digest: find_image(image, digest) or index_of(digest) for digest in wanted}
    assert image == view_stream_image(stored, name, known.get)


def images() -> dict[str, Document]:
    """List the Images that were shown, by name."""
    found = [image for _, _, printed, _ in STEPS for image in of_kind(printed, "Image")]
    return {image["metadata"]["name"]: image for image in found}


def index_of(digest: str) -> Document | None:
    """Find the stored Image of a digest among all that were shown."""
    image = images().get(digest)
    return stored_image(image) if image is not None else None


@pytest.mark.parametrize("name", sorted(images()))
def test_an_image_is_shown_as_recorded(name: str) -> None:
    """An Image has its digest for a name, and an index the time of its import as its own."""
    image = images()[name]
    assert image == without_ours(view_image(stored_image(image)))


def tables_shown(resource: str, command: str) -> list[Any]:
    """List the tables that a command printed, each with the objects that were there then."""
    found = []
    for where, step, _, there in STEPS:
        printed = step.output if step.command == command else step.after.get(command, "")
        rows = recordings.table(printed)
        stored = [stored_stream(stream) for stream in of_kind(there, "ImageStream")]
        if rows and stored and len(shown_of(resource, stored)) == len(rows):
            found.append(pytest.param(rows, stored, id=f"{command} {where}"))
    return found


@pytest.mark.parametrize(
    ("resource", "command"),
    [
        ("imagestreams", "oc get is"),
        ("imagestreamtags", "oc get istag"),
        ("imagestreams", "oc get is -o wide"),
        ("imagetags", "oc get imagetags"),
    ],
)
def test_tables_are_those_that_were_recorded(resource: str, command: str) -> None:
    """Each table of streams and tags has the recorded columns and cells, times in words among them."""
    shown = tables_shown(resource, command)
    assert shown
    for rows, stored in (each.values for each in shown):
        check_table(resource, rows, stored)
