"""The watch of workloads: what is found, told and forgotten; no kind stops another, or the operator."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from imagestreams.errors import ClusterError, GoneError
from imagestreams.triggering.targets import Target
from imagestreams.triggering.workload import WorkloadKey
from imagestreams.watching import kinds
from imagestreams.watching.kinds import Kinds
from unit.triggering.deployments import DEPLOYMENT, deployment, trigger
from unit.watching.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from imagestreams.kube.api import Api
    from unit.kube.apiserver import ApiServer

pytestmark = pytest.mark.asyncio

ROLLOUT = Target("argoproj.io", "v1alpha1", "rollouts")
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
ROLL = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web"
KEY = WorkloadKey("deployments", "shop", "web")
FORBIDDEN = (
    'rollouts.argoproj.io is forbidden: User "system:serviceaccount:a:b" cannot list resource "rollouts" in '
    'API group "argoproj.io" at the cluster scope'
)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once for what is absent, forbidden or away."""
    monkeypatch.setattr(kinds, "_LOOK_AGAIN", 0.05)


@pytest.fixture
def world() -> World:
    """What the watch feeds."""
    return World()


@pytest.fixture
def watch_threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that watches hold."""
    made = ThreadPoolExecutor(2)
    yield made
    made.shutdown(wait=False)


@pytest_asyncio.fixture
async def make(
    api: Api, threads: ThreadPoolExecutor, watch_threads: ThreadPoolExecutor, world: World
) -> AsyncIterator[Callable[..., Kinds]]:
    """Make a watch of kinds, which may be left running."""
    yield lambda *targets, interval=0.0: Kinds(
        api, threads, watch_threads, world.intake, targets or (DEPLOYMENT,), interval=interval
    )
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def until(check: Callable[[], object]) -> None:
    """Wait until something holds."""
    for _ in range(500):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


def event(what: str, body: dict[str, Any]) -> dict[str, Any]:
    """Make a watch event."""
    return {"type": what, "object": body}


@contextlib.asynccontextmanager
async def running(watch: Kinds) -> AsyncIterator[None]:
    """Run a watch until the block ends."""
    tasks = [asyncio.create_task(run) for run in watch.runs()]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()


async def test_what_follows_a_tag_is_read_and_nothing_else(
    server: ApiServer, make: Callable[..., Kinds], world: World
) -> None:
    """The list is of metadata; of workloads without a trigger no body is asked for, and nothing kept."""
    server.put(WEB, **deployment(trigger(), version="10"))
    bare = deployment(name="bare", uid="d-2")
    bare["metadata"]["annotations"] = {}
    server.put(WEB.replace("web", "bare"), **bare)
    await make().look(DEPLOYMENT)

    assert {KEY: ("d-1", "10")} == world.follower.known()
    assert ["/apis/apps/v1/deployments", WEB] == [asked.path for asked in server.requests]
    assert "PartialObjectMetadataList" in server.requests[0].headers["accept"]


async def test_what_is_known_is_not_read_again_and_what_vanished_is_forgotten(
    server: ApiServer, make: Callable[..., Kinds], world: World
) -> None:
    """A second list of the same costs itself; of what is not listed any more a 404 makes sure."""
    server.put(WEB, **deployment(trigger(), version="10"))
    watch = make()
    await watch.look(DEPLOYMENT)
    server.requests.clear()
    await watch.look(DEPLOYMENT)
    assert ["/apis/apps/v1/deployments"] == [asked.path for asked in server.requests]
    server.objects.clear()
    await watch.look(DEPLOYMENT)

    assert {} == world.follower.known()


async def test_events_are_taken_in_as_they_come(
    server: ApiServer, make: Callable[..., Kinds], world: World
) -> None:
    """Workloads appear, change, lose their annotation and are deleted; the watch goes on where it ended."""
    made, bare = deployment(trigger(), version="201"), deployment(version="203")
    del bare["metadata"]["annotations"]["image.openshift.io/triggers"]
    async with running(make(interval=60.0)):
        server.watches.put((200, [event("ADDED", made)]))
        await until(lambda: {KEY: ("d-1", "201")} == world.follower.known())
        changed = deployment(trigger(), version="202")
        server.watches.put((200, [event("BOOKMARK", {"metadata": {"resourceVersion": "199"}})]))
        server.watches.put((200, [event("MODIFIED", changed)]))
        await until(lambda: {KEY: ("d-1", "202")} == world.follower.known())
        server.watches.put((200, [event("MODIFIED", bare)]))
        await until(lambda: {} == world.follower.known())
        server.watches.put((200, [event("MODIFIED", deployment(trigger(), version="204"))]))
        await until(lambda: KEY in world.follower.known())
        server.watches.put((200, [event("DELETED", deployment(trigger(), version="205"))]))
        await until(lambda: {} == world.follower.known())
        versions = [asked.query["resourceVersion"] for asked in server.requests if "watch" in asked.query]

    assert ["100", "201", "199", "202", "203", "204"] == versions[:6]


async def test_a_version_that_is_too_old_is_listed_anew(
    server: ApiServer, make: Callable[..., Kinds], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """After 410, as a status or as an event, the kind is listed again, without a word."""
    expired = {"kind": "Status", "code": 410, "message": "too old resource version"}
    async with running(make(interval=60.0)):
        server.watches.put((200, [event("ERROR", expired)]))
        server.watches.put((410, [expired]))
        await until(server.watches.empty)
        server.put(WEB, **deployment(trigger(), version="10"))
        server.watches.put((200, [event("ERROR", expired)]))
        await until(lambda: KEY in world.follower.known())

    assert [] == caplog.messages


async def test_a_kind_that_comes_later_is_found_and_one_that_goes_is_forgotten(
    server: ApiServer, make: Callable[..., Kinds], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Told once while it is not there; the other kind is watched all the time."""
    key = WorkloadKey("rollouts.argoproj.io", "shop", "web")
    server.put(WEB, **deployment(trigger(), version="10"))
    async with running(make(ROLLOUT, DEPLOYMENT, interval=60.0)):
        await until(lambda: KEY in world.follower.known())
        await until(lambda: len(server.requests) > 6)
        told = (
            "rollouts.argoproj.io are not watched: the API server does not serve argoproj.io/v1alpha1 "
            "rollouts (yet); looked for again and again"
        )
        assert [told] == caplog.messages
        server.served.add("rollouts")
        server.put(ROLL, **deployment(trigger(), uid="r-1", version="11"))
        await until(lambda: key in world.follower.known())
        server.served.remove("rollouts")
        for _ in range(2):
            server.watches.put((200, [event("ERROR", {"code": 404, "message": "not found"})]))
        await until(lambda: key not in world.follower.known())

        assert KEY in world.follower.known()


async def test_a_missing_right_is_told_with_its_rule_and_stops_nothing(
    server: ApiServer, make: Callable[..., Kinds], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with verb, resource, rule and label; when the right is there the kind is watched."""
    refused = ClusterError(FORBIDDEN, status=403)
    server.served.add("rollouts")
    server.put(ROLL, **deployment(trigger(), uid="r-1", version="11"))
    server.canned += [(403, json.dumps({"message": str(refused)}).encode())] * 3
    async with running(make(ROLLOUT, interval=60.0)):
        await until(lambda: 1 == len(world.follower.known()))

    told = (
        "rollouts.argoproj.io are not watched: the operator has no right to list rollouts.argoproj.io: it "
        'needs the rule {apiGroups: ["argoproj.io"], resources: ["rollouts"], '
        "verbs: [get, list, watch, patch]}, "
        'which a ClusterRole labelled imagestreams.dev/aggregate-to-operator: "true" gives it'
    )
    assert [told] == caplog.messages


async def test_an_api_server_that_was_away_is_listed_again(
    server: ApiServer, make: Callable[..., Kinds], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What does not answer is told once and asked again; what happened meanwhile is found."""
    server.canned += [(500, b'{"message": "etcd is away"}')] * 2
    async with running(make(interval=60.0)):
        await until(lambda: not server.canned)
        server.put(WEB, **deployment(trigger(), version="10"))
        await until(lambda: KEY in world.follower.known())

    assert ["deployments are not watched: etcd is away"] == caplog.messages


async def test_one_workload_that_cannot_be_taken_in_does_not_end_the_watch(
    server: ApiServer, make: Callable[..., Kinds], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug about one is logged; the next is taken in."""
    put = world.follower.put

    def trip(workload: Any) -> None:
        if workload.key != KEY:
            raise ZeroDivisionError(workload)
        put(workload)

    monkeypatch.setattr(world.follower, "put", trip)
    bad = deployment(trigger(), name="bad", uid="d-2", version="201")
    async with running(make(interval=60.0)):
        server.watches.put((200, [event("ADDED", bad), event("ADDED", deployment(trigger(), version="202"))]))
        await until(lambda: KEY in world.follower.known())


async def test_a_corrected_annotation_is_picked_up_at_once(
    server: ApiServer, make: Callable[..., Kinds], world: World
) -> None:
    """A workload whose annotation could not be read is known, and follows as soon as it can be."""
    wrong = deployment(trigger(), version="201")
    wrong["metadata"]["annotations"]["image.openshift.io/triggers"] = "{"
    right = copy.deepcopy(wrong)
    right["metadata"] |= deployment(trigger(), version="202")["metadata"]
    async with running(make(interval=60.0)):
        server.watches.put((200, [event("ADDED", wrong)]))
        await until(lambda: KEY in world.follower.known())
        assert () == _triggers(world)
        server.watches.put((200, [event("MODIFIED", right)]))
        await until(lambda: bool(_triggers(world)))


def _triggers(world: World) -> tuple[object, ...]:
    known = world.follower._following.get(KEY)
    assert known is not None
    return known.triggers.entries


async def test_a_kind_that_is_gone_is_an_error_of_its_own(make: Callable[..., Kinds]) -> None:
    """A kind that is not served is told apart from an API server that is away."""
    with pytest.raises(GoneError):
        await make().look(ROLLOUT)
