"""What is seen wakes who has to look: from a stream to its status, from a tag to its workloads."""

from __future__ import annotations

from typing import Any

import pytest

from imagestreams.errors import UnauthorizedError
from imagestreams.triggering.workload import WorkloadKey
from unit.importing.streams import body, digest, tag
from unit.importing.world import KEY, until
from unit.triggering.deployments import DEPLOYMENT, deployment, trigger
from unit.watching.world import World, secret

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
WEB = WorkloadKey("deployments", "shop", "web")


async def test_a_stream_that_is_seen_is_imported() -> None:
    """A body from the watch becomes a status; told again it costs nothing."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.cluster.apply(body(tag()))
        world.intake.stream_seen(world.cluster.bodies[KEY])
        world.intake.stream_seen(world.cluster.bodies[KEY])
        await until(1)

        assert {"v1": A} == world.images()
        assert 1 == len(world.registries.asked)
        assert 1 == world.metrics.streams._value.get()


async def test_a_stream_that_is_seen_wakes_its_followers() -> None:
    """A status that somebody else wrote, or that was missed, reaches the workloads that follow it."""
    world = World()
    world.workloads.apply(deployment(trigger()))
    world.intake.workload_seen(DEPLOYMENT, world.workloads.bodies[WEB])
    event = {"created": "2026-01-01T00:00:00Z", "dockerImageReference": f"r.io/app@{A}", "image": A}
    world.intake.stream_seen(body(status={"tags": [{"tag": "v1", "items": [event]}]}))
    await until(1)

    container = world.workloads.bodies[WEB]["spec"]["template"]["spec"]["containers"][0]
    assert f"r.io/app@{A}" == container["image"]


async def test_a_stream_that_is_gone_is_forgotten_and_its_followers_stay() -> None:
    """Nothing is asked for it any more; the workload keeps its image. Late news of it change nothing."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.cluster.apply(body(tag(scheduled=True)))
        world.intake.stream_seen(world.cluster.bodies[KEY])
        await until(1)
        world.intake.stream_gone(KEY, "u-1")
        await until(3600)

        assert [0.0] == world.registries.times(V1)
        assert 0 == world.metrics.streams._value.get()


async def test_the_end_of_a_predecessor_does_not_end_its_successor() -> None:
    """DELETED of the old uid, told after the new one was seen, forgets nothing."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.cluster.apply(body(tag(scheduled=True), uid="u-2"))
        world.intake.stream_seen(world.cluster.bodies[KEY])
        world.intake.stream_gone(KEY, "u-1")
        await until(1)

        assert {"v1": A} == world.images()
        assert 1 == world.metrics.streams._value.get()


async def test_a_pull_secret_that_is_seen_is_used_at_once() -> None:
    """What failed without a credential is asked for again with it, and again when it changes."""
    world = World()
    world.registries.errors[V1] = UnauthorizedError("it wants a credential")
    async with world.running():
        world.cluster.apply(body(tag()))
        world.intake.stream_seen(world.cluster.bodies[KEY])
        await until(5)
        world.intake.secret_seen(secret("first", "1"))
        world.intake.secret_seen(secret("first", "1"))
        await until(6)
        del world.registries.errors[V1]
        world.registries.digests[V1] = A
        world.intake.secret_seen(secret("second", "2"))
        await until(7)

        asked = [question.credential for question in world.registries.questions]
        users = [credential.username if credential else "" for credential in asked]
        assert ["", "first", "", "second"] == users
        assert {"v1": A} == world.images()


async def test_a_pull_secret_that_is_gone_is_used_no_more() -> None:
    """The next question is asked without it."""
    world = World()
    world.intake.secret_seen(secret("user"))
    world.intake.secret_gone("shop", "pull")

    assert [] == list(world.store.access("shop").logins)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Opaque"},
        {"type": None},
        {"type": "kubernetes.io/tls"},
        {"data": None},
        {"data": {".dockerconfigjson": "!"}},
        {"metadata": None},
    ],
    ids=["opaque", "untyped", "tls", "no data", "broken", "no metadata"],
)
async def test_what_is_no_pull_secret_gives_no_logins(
    changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Other secrets, and those that cannot be read, give nothing, and nothing of them is logged."""
    world = World()
    world.intake.secret_seen(secret("user-xyz", **changes))

    assert [] == list(world.store.access("shop").logins)
    assert "xyz" not in caplog.text


async def test_a_secret_that_its_owner_excludes_is_not_used() -> None:
    """The original's annotation excludeSecret hides a pull secret from imports; taken away, it is used."""
    world = World()
    excluded = secret("user", "2")
    excluded["metadata"]["annotations"] = {"openshift.io/image.excludeSecret": "true"}
    for body_, users in ((secret("user", "1"), ["user"]), (excluded, []), (secret("user", "3"), ["user"])):
        world.intake.secret_seen(body_)

        assert users == [login.credential.username for login in world.store.access("shop").logins]
    assert [] == world.complaints


async def test_a_secret_that_broke_takes_its_logins_with_it(caplog: pytest.LogCaptureFixture) -> None:
    """A good secret that was made unreadable is told, and is used no more."""
    world = World()
    world.intake.secret_seen(secret("user", "1"))
    world.intake.secret_seen(secret("user", "2", data={".dockerconfigjson": "!"}))

    assert [] == list(world.store.access("shop").logins)
    problem = 'secret "pull": .dockerconfigjson is not the JSON that `docker login` writes'
    assert f"namespace shop: Secret pull: {problem}; it is not used" in caplog.text
    assert [("Secret", "pull", "NotUsed", f"{problem}; it is not used", True)] == world.complaints
    assert (problem,) == world.store.access("shop").unread


def rules(text: str, version: str) -> dict[str, Any]:
    """Make the body of the ConfigMap that holds the rules."""
    meta = {
        "namespace": "system",
        "name": "imagestreams-registries",
        "uid": "c-1",
        "resourceVersion": version,
    }
    return {"metadata": meta, "data": {"registries.yaml": text}}


async def test_rules_that_were_never_read_let_nothing_be_asked() -> None:
    """A slip in the rules must not allow, after a restart, what they forbid; mended, they hold at once."""
    world = World()
    world.store.own_namespace = "system"
    world.registries.digests[V1] = A
    world.intake.config_seen(rules("registrySources: {blockedRegistries: evil.io}", "1"))
    async with world.running():
        world.apply(body(tag()))
        await until(2)
        failure = world.tag().failure
        assert failure is not None
        assert ("Forbidden", []) == (failure.reason, world.registries.asked)
        assert "no registry is asked until it can be" in world.complaints[0][3]
        world.intake.config_seen(rules("registrySources: {blockedRegistries: [evil.io]}", "2"))
        await until(4)
        assert {"v1": A} == world.images()
        world.intake.config_seen(rules("registrySources: 1", "3"))

        assert "the rules from before stay in force" in world.complaints[-1][3]
        assert world.store.access("shop").rules.blocked


async def test_a_workload_that_lost_its_annotation_is_let_go() -> None:
    """Who follows nothing any more is forgotten, as is who is deleted."""
    world = World()
    other = WorkloadKey("deployments", "shop", "other")
    for name in ("web", "other"):
        world.intake.workload_seen(DEPLOYMENT, deployment(trigger(), name=name))
    assert {WEB, other} == set(world.follower.known())
    bare = deployment(version="11")
    bare["metadata"]["annotations"] = {}
    world.intake.workload_seen(DEPLOYMENT, bare)
    assert {other} == set(world.follower.known())
    world.intake.workload_gone(other)

    assert {} == world.follower.known()


@pytest.mark.parametrize(
    "raw", [None, [], {}, {"metadata": []}, {"metadata": {"annotations": 1}, "spec": "x"}]
)
async def test_nothing_that_is_seen_raises(raw: object) -> None:
    """A body of any shape is taken in or passed over."""
    world = World()
    world.intake.stream_seen(raw)
    world.intake.secret_seen(raw)
    world.intake.account_seen(raw)
    world.intake.config_seen(raw)
    world.intake.workload_seen(DEPLOYMENT, raw)

    assert {} == world.follower.known()
