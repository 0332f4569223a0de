"""Images at a real API server: made once, marked, unmarked, deleted, and never another's."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from kubernetes.config import kube_config

from conftest import Kubectl
from imagestreams.errors import ConflictError, GoneError
from imagestreams.kube.api import Api
from imagestreams.kube.images import ImageWriter
from imagestreams.metrics import Metrics
from imagestreams.model.image import Image, Layer
from localrun import account_kubeconfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagestreams.importing.collecting import KeptImage
    from localcluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio]


@pytest.fixture
def writer(quiet_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ImageWriter]:
    """A writer with the operator's own rights."""
    account = account_kubeconfig(quiet_cluster.kubectl, quiet_cluster.kubeconfig, tmp_path / "operator")
    # $KUBECONFIG is read when the library is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(account))
    with ThreadPoolExecutor(4) as threads:
        api = Api(threads=4, user_agent="test")
        yield ImageWriter(api, threads, Metrics())
        api.close()


@pytest.fixture
def image() -> Image:
    """An image that nobody else has."""
    digest = f"sha256:{secrets.token_hex(32)}"
    return Image(digest, "x", {"kind": "DockerImage"}, (Layer(digest, 7, "l"),))


async def found(writer: ImageWriter, image: Image) -> KeptImage | None:
    """Find an image among ours."""
    return next((kept for kept in await writer.listed() if kept.digest == image.digest), None)


async def test_an_image_is_made_once(writer: ImageWriter, image: Image, quiet_cluster: Cluster) -> None:
    """Made by two at the same time it is one object, and the schema takes all of it."""
    await asyncio.gather(*(writer.create(image, f"r.io/app@{image.digest}") for _ in range(2)))
    stored = Kubectl(quiet_cluster).get("image", image.name)

    assert f"r.io/app@{image.digest}" == stored["dockerImageReference"]
    assert [{"name": image.digest, "size": 7, "mediaType": "l"}] == stored["dockerImageLayers"]
    assert {"kind": "DockerImage"} == stored["dockerImageMetadata"]


async def test_a_marked_image_that_is_made_again_is_unmarked(writer: ImageWriter, image: Image) -> None:
    """Whoever wants it finds it there and takes the mark away."""
    await writer.create(image, "r.io/app")
    kept = await found(writer, image)
    assert kept is not None
    assert kept.unnamed_since is None
    marked = await writer.mark(kept, 1_700_000_000.0)
    assert 1_700_000_000.0 == marked.unnamed_since
    await writer.create(image, "r.io/other")
    again = await found(writer, image)

    assert again is not None
    assert again.unnamed_since is None


async def test_what_changed_meanwhile_is_neither_marked_nor_deleted(
    writer: ImageWriter, image: Image
) -> None:
    """Every write is guarded by uid and resourceVersion."""
    await writer.create(image, "r.io/app")
    kept = await found(writer, image)
    assert kept is not None
    marked = await writer.mark(kept, 0.0)
    for stale in (writer.mark(kept, 1.0), writer.unmark(kept), writer.delete(kept)):
        with pytest.raises(ConflictError):
            await stale
    await writer.delete(marked)

    assert await found(writer, image) is None
    with pytest.raises(GoneError):
        await writer.unmark(marked)


async def test_the_successor_of_a_deleted_image_is_not_deleted(writer: ImageWriter, image: Image) -> None:
    """A uid tells an Image from another of its name."""
    await writer.create(image, "r.io/app")
    old = await found(writer, image)
    assert old is not None
    await writer.delete(old)
    await writer.create(image, "r.io/app")

    with pytest.raises(ConflictError):
        await writer.delete(old)
    assert await found(writer, image) is not None


async def test_images_of_others_are_not_ours(
    writer: ImageWriter, image: Image, quiet_cluster: Cluster
) -> None:
    """One without our label is not listed, and so never marked or deleted."""
    Kubectl(quiet_cluster).apply(
        {
            "apiVersion": "image.openshift.io/v1",
            "kind": "Image",
            "metadata": {"name": image.name},
            "dockerImageReference": "r.io/pushed",
        }
    )
    assert await found(writer, image) is None
    await writer.create(image, "r.io/app")

    assert "r.io/pushed" == Kubectl(quiet_cluster).get("image", image.name)["dockerImageReference"]
