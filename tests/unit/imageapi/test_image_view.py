"""Images, and those of a stream, beyond what was recorded (imageapi.image_view)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.image_view import (
    history_images,
    split_stream_image,
    view_image,
    view_layers,
    view_stream_image,
    wanted_images,
)
from imagestreams.model.image import Image, ImageManifest, Layer
from unit.imageapi.storing import OWN, with_our_label
from unit.imageapi.test_stream_view import EARLY, stream

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI_INDEX, OCI = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
OLD, NEW, INDEX, CHILD, OTHER = (f"sha256:{digits * 32}" for digits in ("ab", "ac", "1d", "2c", "2f"))
CONFIG, LAYER = "sha256:" + "c" * 64, "sha256:" + "d" * 64


def item(digest: str) -> dict[str, Any]:
    """Store an item of a history."""
    return {"created": EARLY, "dockerImageReference": f"r.io/a@{digest}", "image": digest, "generation": 1}


def stored_image(image: Image) -> dict[str, Any]:
    """Store an Image as our operator does."""
    body = {"apiVersion": OWN, **image.to_json(f"r.io/a@{image.digest}")}
    body["metadata"] |= {"creationTimestamp": EARLY, "generation": 1}
    return body


IMAGE = stored_image(Image(NEW, DOCKER, {"Id": CONFIG, "Architecture": "amd64"}, (Layer(LAYER, 5, "l"),)))
INDEX_IMAGE = stored_image(
    Image(
        INDEX,
        OCI_INDEX,
        {"Id": INDEX, "Created": None},
        manifests=(
            ImageManifest(CHILD, OCI, 9, "arm64", "linux"),
            ImageManifest(OTHER, OCI, 9, "amd64", "linux"),
        ),
    )
)
STREAM = stream(
    status={
        "tags": [
            {"tag": "1", "items": [item(NEW), item(OLD)]},
            {"tag": "2", "items": [item(INDEX)]},
            {"tag": "3", "items": [item(OLD), {"dockerImageReference": "r.io/a:1", "image": ""}]},
        ]
    }
)
STORED: dict[str, dict[str, Any] | None] = {NEW: IMAGE, INDEX: INDEX_IMAGE}


def looked_up(name: str, stored: Mapping[str, Mapping[str, Any] | None] = STORED) -> list[str]:
    """Say which Images are looked up for a name, in order."""
    known: dict[str, Mapping[str, Any] | None] = {}
    order = []
    while wanted := wanted_images(STREAM, name, known):
        order += wanted
        known |= {digest: stored.get(digest) for digest in wanted}
    return order


def shown(name: str) -> dict[str, Any]:
    """Show an image of the stream, given the Images that it wants."""
    found = {digest: STORED.get(digest) for digest in looked_up(name)}
    return view_stream_image(STREAM, name, found.get)


def test_an_image_has_its_digest_for_a_name_and_keeps_our_label() -> None:
    """An Image is named as nodes and registries name it, and says that our operator keeps it."""
    image = view_image(with_our_label(IMAGE))
    assert image["metadata"] == {
        "name": NEW,
        "labels": {"app.kubernetes.io/managed-by": "imagestreams"},
        "annotations": {"image.openshift.io/dockerLayersOrder": "ascending"},
        "creationTimestamp": EARLY,
    }
    assert image["apiVersion"] == "image.openshift.io/v1"


def test_an_image_of_which_nothing_is_known_has_metadata_that_can_be_read() -> None:
    """`oc describe` reads dockerImageMetadata: it is there, of its kind, even where nothing was described."""
    image = view_image({"metadata": {"name": "sha256-1"}, "dockerImageMetadata": None})
    assert image["dockerImageMetadata"]["kind"] == "DockerImage"
    assert image["dockerImageMetadata"]["apiVersion"] == "image.openshift.io/1.0"
    assert image["dockerImageMetadataVersion"] == "1.0"


@pytest.mark.parametrize(
    ("wanted", "digest"),
    [
        (NEW, NEW),
        (NEW[:12], NEW),
        ("acac", NEW),
        (OLD, OLD),
        (INDEX, INDEX),
        (CHILD, CHILD),
        ("2c", CHILD),
    ],
)
def test_an_image_is_found_by_how_its_digest_begins(wanted: str, digest: str) -> None:
    """With the algorithm or without it, in the history or among the children of an index in it."""
    image = shown(f"app@{wanted}")
    assert image["metadata"]["name"] == f"app@{wanted}"
    assert digest == image["image"]["metadata"]["name"]
    assert image["image"]["dockerImageReference"] == f"r.io/a@{digest}"
    assert image["metadata"].get("creationTimestamp") == (None if digest == OLD else EARLY)


def test_no_image_is_looked_up_but_those_that_are_needed() -> None:
    """One image of the history is looked up alone; for a child all of the history may be its index."""
    assert [NEW] == looked_up(f"app@{NEW}")
    assert [OLD] == looked_up("app@ab")
    assert [NEW, OLD, INDEX, CHILD] == looked_up(f"app@{CHILD}")
    assert [] == looked_up("app@a")
    assert [NEW, OLD, INDEX] == looked_up("app@77")


def test_a_child_that_is_not_stored_is_shown_as_far_as_its_index_knows_it() -> None:
    """Its platform, its media type and where it is pulled from are known."""
    image = shown(f"app@{CHILD}")["image"]
    assert image["dockerImageManifestMediaType"] == OCI
    assert image["dockerImageMetadata"]["Architecture"] == "arm64"
    assert image["dockerImageMetadata"]["kind"] == "DockerImage"


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        ("77", 404, 'imagestreamimage.image.openshift.io "app@77" not found'),
        ("a", 409, f'multiple images match the prefix "a": {OLD}, {NEW}'),
        ("2", 409, f'multiple images match the prefix "2": {CHILD}, {OTHER}'),
        ("sha256:", 409, "multiple images match"),
    ],
)
def test_what_is_no_one_image_is_told(wanted: str, code: int, words: str) -> None:
    """No image is 404; several are a conflict that names them."""
    with pytest.raises(StatusError) as error:
        shown(f"app@{wanted}")
    assert code == error.value.code
    assert words in answers.body(error.value)["message"]


@pytest.mark.parametrize("name", ["app", "app@", "@sha256:1", "app@1@2", ""])
def test_a_name_that_is_none_is_a_bad_request(name: str) -> None:
    """What has not exactly one "@" with something on both sides is told in the original's words."""
    with pytest.raises(StatusError) as error:
        split_stream_image(name)
    expected = (400, "ImageStreamImages must be retrieved with <name>@<id>")
    assert expected == (error.value.code, str(error.value))


def test_the_history_names_each_image_once() -> None:
    """References without an image are left out."""
    assert [NEW, OLD, INDEX] == list(history_images(STREAM))


def test_layers_are_those_of_all_images_of_the_history() -> None:
    """What a registry may serve: layers, configs, manifests, children of indexes; what is missing is told."""
    layers = view_layers(STREAM, STORED)
    assert layers["kind"] == "ImageStreamLayers"
    assert layers["metadata"]["name"] == "app"
    assert layers["images"] == {
        NEW: {"layers": [LAYER], "config": CONFIG},
        OLD: {"layers": None, "imageMissing": True},
        INDEX: {"layers": None, "manifests": [CHILD, OTHER]},
        CHILD: {"layers": None, "imageMissing": True},
        OTHER: {"layers": None, "imageMissing": True},
    }
    assert layers["blobs"] == {
        LAYER: {"size": 5, "mediaType": "l"},
        CONFIG: {"size": None, "mediaType": "application/vnd.docker.container.image.v1+json"},
        NEW: {"size": None, "mediaType": DOCKER},
        INDEX: {"size": None, "mediaType": OCI_INDEX},
    }
