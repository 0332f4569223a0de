"""A stream of a thousand tags that moved fifty times each stays writable at a real API server."""

from __future__ import annotations

import dataclasses
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.config import kube_config

from conftest import Kubectl
from imagestreams.errors import TooLargeError
from imagestreams.importing.memory import Memory
from imagestreams.importing.record import Imported, record
from imagestreams.kube.api import Api
from imagestreams.kube.streams import StreamWriter
from imagestreams.metrics import Metrics
from imagestreams.model.permission import Permission
from imagestreams.model.stream import Stream, StreamKey, intent_of
from localrun import account_kubeconfig
from support.manifests import stream, tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio]

TAGS, MOVES = 1000, 50
# Ten moves come to one write: each is a megabyte.
_WRITTEN = 10


@pytest.fixture
def kubectl(quiet_cluster: Cluster) -> Iterator[Kubectl]:
    """A namespace of its own."""
    name = f"size-{secrets.token_hex(4)}"
    Kubectl(quiet_cluster)("create", "namespace", name)
    yield Kubectl(quiet_cluster, name)
    Kubectl(quiet_cluster)("delete", "namespace", name, "--wait=false")


@pytest.fixture
def writer(quiet_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StreamWriter]:
    """The writer of statuses, with the operator's own rights."""
    account = account_kubeconfig(quiet_cluster.kubectl, quiet_cluster.kubeconfig, tmp_path / "operator")
    # $KUBECONFIG is read when the library is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(account))
    with ThreadPoolExecutor(2) as threads:
        api = Api(threads=2, user_agent="test")
        yield StreamWriter(api, threads, Metrics())
        api.close()


def moved(given: Stream, move: int, budget: int) -> Any:
    """Compute the status after every tag moved once more."""
    digests = {each.name: f"sha256:{move:032x}{number:032x}" for number, each in enumerate(given.tags)}
    return record(
        given,
        {
            each.name: Imported(
                intent_of(given, each),
                f"{each.source.name.rpartition(':')[0]}@{digests[each.name]}",
                digests[each.name],
            )
            for each in given.tags
            if each.source is not None
        },
        now=f"2026-01-01T00:{move:02}:00Z",
        lookup=lambda _: None,
        permitted=lambda _: Permission(granted=True),
        budget=budget,
    )


@pytest.mark.parametrize("length", [60, 200])
async def test_it_stays_writable(kubectl: Kubectl, writer: StreamWriter, length: int) -> None:
    """What fifty moves make is stored, with fewer old items where there is no room; a condition says so."""
    path = "registry.example.com/" + "a" * (length - 21)
    manifest = stream("many", *(tag(f"v{number}", f"{path}:v{number}") for number in range(TAGS)))
    kubectl("create", "-f", "-", stdin=manifest)
    key = StreamKey(kubectl.namespace, "many")
    given = await writer.read(key)
    memory = Memory(given.uid, 0.0)
    for move in range(MOVES):
        while True:
            status = moved(given, move, memory.budget)
            if move % _WRITTEN != _WRITTEN - 1:
                given = dataclasses.replace(given, status=status)
                break
            try:
                given = await writer.write(given, status)
            except TooLargeError as error:
                # As the importer does: it gives up old items until the object fits.
                memory.write_failed(error)
            else:
                break

    assert TAGS == len(given.status.tags)
    newest = f"sha256:{MOVES - 1:032x}"
    assert all(
        each.current is not None and each.current.image.startswith(newest) for each in given.status.tags
    )
    assert "HistoryTrimmed" in {condition.type for condition in given.status.conditions}
