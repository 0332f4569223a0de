"""Images made of files."""

import gzip
import io
import json
import tarfile

import pytest

from localcluster import images
from localcluster.images import File, Format, Link, Platform

FILES: dict[str, File | Link] = {"/app/hello": File(b"hello", 0o755), "app/link": Link("hello")}


def test_the_same_files_are_the_same_digest_in_any_order() -> None:
    """Digests depend on what is in an image alone, not on order, time or user."""
    backwards = dict(reversed(list(FILES.items())))

    assert images.image(FILES).digest == images.image(backwards).digest


@pytest.mark.parametrize(
    "changed",
    [
        images.image({**FILES, "more": File(b"")}),
        images.image(FILES, command=("hello",)),
        images.image(FILES, labels={"version": "2"}),
        images.image(FILES, platform=Platform("arm64")),
        images.image(FILES, image_format="docker"),
    ],
    ids=["file", "command", "label", "platform", "format"],
)
def test_every_change_is_another_digest(changed: images.Manifest) -> None:
    """Whatever a user may change shows in the digest."""
    assert images.image(FILES).digest != changed.digest


def test_the_layer_holds_the_files() -> None:
    """Contents, permissions and links are what was asked for, paths relative to the root."""
    content, diff_id = images.layer(FILES)
    plain = gzip.decompress(content)

    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        entries = {entry.name: entry for entry in archive}
        hello = archive.extractfile("app/hello")
        assert hello is not None
        assert b"hello" == hello.read()
    assert 0o755 == entries["app/hello"].mode
    assert "hello" == entries["app/link"].linkname
    assert diff_id == images.digest_of(plain)


@pytest.mark.parametrize("image_format", ["oci", "docker"])
def test_the_manifest_describes_its_blobs(image_format: Format) -> None:
    """Digest and size of config and layer in the manifest are those of the blobs to push."""
    made = images.image(FILES, command=("sh",), ports=("80/tcp",), image_format=image_format)
    manifest = json.loads(made.content)
    described = [manifest["config"], *manifest["layers"]]

    assert [(images.digest_of(blob), len(blob)) for blob in made.blobs] == [
        (entry["digest"], entry["size"]) for entry in described
    ]
    assert manifest["mediaType"] == made.media_type
    assert {"Cmd": ["sh"], "ExposedPorts": {"80/tcp": {}}} == json.loads(made.blobs[0])["config"]


def test_layers_lie_on_each_other_in_order() -> None:
    """The config and the manifest name the layers below first, and each layer has its line of history."""
    below = [images.layer({"base": File(b"base")}), images.layer({"more": File(b"more")})]
    made = images.image(FILES, below=below)
    config, *layers = made.blobs
    described = json.loads(config)

    expected = [*below, images.layer(FILES)]
    assert [each.content for each in expected] == layers
    assert [each.diff_id for each in expected] == described["rootfs"]["diff_ids"]
    assert len(expected) == len(described["history"])


def test_an_index_names_the_platform_of_each_image() -> None:
    """Each entry carries digest and platform of its image."""
    wanted = [Platform("amd64"), Platform("arm64", variant="v8")]
    children = [images.image(FILES, platform=platform) for platform in wanted]

    entries = json.loads(images.index(children).content)["manifests"]

    assert [child.digest for child in children] == [entry["digest"] for entry in entries]
    assert [platform.fields() for platform in wanted] == [entry["platform"] for entry in entries]
