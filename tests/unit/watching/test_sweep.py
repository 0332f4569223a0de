"""The sweep finds what a watch did not tell: what vanished, what changed, what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import ClusterError
from imagestreams.model.stream import StreamKey
from imagestreams.watching.sweep import Sweep
from support.faults import ClosedPort
from unit.importing.streams import body, tag
from unit.kube.apiserver import ApiServer, connect
from unit.watching.world import World, secret

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from imagestreams.kube.api import Api

pytestmark = pytest.mark.asyncio

STREAM = "/apis/image.openshift.io/v1alpha1/namespaces/shop/imagestreams/app"
SECRET = "/api/v1/namespaces/shop/secrets/pull"
KEY = StreamKey("shop", "app")


def fill(server: ApiServer, *, version: str = "10") -> None:
    """Store a stream, a pull secret, and another secret."""
    meta = {"resourceVersion": version}
    server.put(STREAM, **(body(tag()) | {"metadata": body(tag())["metadata"] | meta}))
    server.put(SECRET, **secret("user", version))
    server.put(SECRET.replace("pull", "opaque"), type="Opaque", data={})


async def test_what_was_never_told_is_found(server: ApiServer, api: Api, threads: ThreadPoolExecutor) -> None:
    """Streams and pull secrets are read; other secrets are not even asked for."""
    fill(server)
    world = World()
    await Sweep(api, threads, world.intake, interval=60, collect=world.collected).sweep()

    assert {KEY: ("u-1", "10")} == world.store.known()
    assert ["user"] == [login.credential.username for login in world.store.access("shop").logins]
    assert {"GET"} == {asked.method for asked in server.requests}
    assert {STREAM, SECRET} == {asked.path for asked in server.requests if asked.path.count("/") > 5}


async def test_what_is_known_is_not_read_again(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """A second sweep of an unchanged cluster costs its lists alone, and those hold metadata only."""
    fill(server)
    world = World()
    sweep = Sweep(api, threads, world.intake, interval=60, collect=world.collected)
    await sweep.sweep()
    server.requests.clear()
    await sweep.sweep()

    assert [] == [asked.path for asked in server.requests if "/namespaces/" in asked.path]
    assert {True} == {"PartialObjectMetadataList" in asked.headers["accept"] for asked in server.requests}


async def test_what_changed_is_read(server: ApiServer, api: Api, threads: ThreadPoolExecutor) -> None:
    """A newer version, and another uid, are read; an older one is not taken for news."""
    fill(server)
    world = World()
    sweep = Sweep(api, threads, world.intake, interval=60, collect=world.collected)
    await sweep.sweep()
    fill(server, version="11")
    await sweep.sweep()
    assert {KEY: ("u-1", "11")} == world.store.known()
    fill(server, version="9")
    await sweep.sweep()

    assert {KEY: ("u-1", "11")} == world.store.known()


async def test_what_vanished_is_forgotten(server: ApiServer, api: Api, threads: ThreadPoolExecutor) -> None:
    """A stream and a secret that are not listed any more, and truly gone, are forgotten."""
    fill(server)
    world = World()
    sweep = Sweep(api, threads, world.intake, interval=60, collect=world.collected)
    await sweep.sweep()
    server.objects.clear()
    await sweep.sweep()

    assert {} == world.store.known()
    assert [] == list(world.store.access("shop").logins)


async def test_what_is_new_since_the_list_is_not_forgotten(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """What the watch told while the list was made is asked for by itself before it is given up."""
    world = World()
    world.intake.stream_seen(body(tag()))
    server.put(STREAM, **body(tag()))
    empty = b'{"items": [], "metadata": {}}'
    server.canned += [(200, empty)] * 5
    await Sweep(api, threads, world.intake, interval=60, collect=world.collected).sweep()

    assert [KEY] == list(world.store.known())


async def test_one_object_that_cannot_be_taken_in_does_not_stop_the_sweep(
    server: ApiServer,
    api: Api,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bug about one stream is logged; the rest is taken in."""
    fill(server)
    world = World()

    def trip(body: object) -> None:
        raise ZeroDivisionError(body)

    monkeypatch.setattr(world.intake, "stream_seen", trip)
    await Sweep(api, threads, world.intake, interval=60, collect=world.collected).sweep()

    assert "app could not be taken in" in caplog.text
    assert ["user"] == [login.credential.username for login in world.store.access("shop").logins]


async def test_all_is_there_before_anything_begins(
    server: ApiServer, api: Api, threads: ThreadPoolExecutor
) -> None:
    """Loading reads pull secrets of both types, the default accounts, CAs and rules, and then the streams."""
    fill(server)
    world = World()
    await Sweep(api, threads, world.intake, interval=60, collect=world.collected).load()

    assert ["user"] == [login.credential.username for login in world.store.access("shop").logins]
    selectors = [asked.query.get("fieldSelector", "") for asked in server.requests]
    assert [
        "metadata.name=imagestreams-registries",
        "metadata.name=default",
        "type=kubernetes.io/dockerconfigjson",
        "type=kubernetes.io/dockercfg",
        "",
    ] == selectors
    assert [KEY] == list(world.store.known())


async def test_an_api_server_that_is_away_is_told(
    threads: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that cannot list raises ClusterError; what is known stays."""
    world = World()
    world.intake.stream_seen(body(tag()))
    with ClosedPort() as closed:
        api = connect(f"http://{closed.host}", tmp_path, monkeypatch)
        with pytest.raises(ClusterError):
            await Sweep(api, threads, world.intake, interval=60, collect=world.collected).sweep()

    assert [KEY] == list(world.store.known())
