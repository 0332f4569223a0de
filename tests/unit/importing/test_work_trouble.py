"""The importer in trouble: conflicts, outages, deletions, bugs, and credentials that come late."""

from __future__ import annotations

import pytest

from imagestreams.errors import ClusterError, GoneError, RefusedError, TooLargeError, UnauthorizedError
from imagestreams.importing.budget import TRIMMED
from imagestreams.model.stream import Stream, StreamKey
from imagestreams.registry.credentials import Credential, Login
from imagestreams.watching.access_reading import PullSecret
from imagestreams.watching.store import Seen, Store
from unit.importing.streams import body, digest, tag
from unit.importing.world import DAWN, KEY, World, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
V1 = "r.io/app:v1"
REQUESTED = "imagestreams.dev/requested-at"


async def test_a_bug_about_one_stream_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """A stream that cannot be looked at is tried again in a minute, and the others are served meanwhile."""

    class Trap(Store):
        sprung = False

        def stream(self, key: StreamKey) -> Stream | None:
            if key.name == "trap" and not self.sprung:
                self.sprung = True
                raise ZeroDivisionError("division by zero")
            return super().stream(key)

    world = World(Trap())
    world.registries.digests[V1] = A
    trap = StreamKey("shop", "trap")
    async with world.running():
        world.apply(body(tag(), name="trap"))
        world.apply(body(tag()))
        await until(1)

        assert {"v1": A} == world.images()
        assert {} == world.images(trap)
        assert "looking at the stream failed" in caplog.text
        await until(61)
        assert {"v1": A} == world.images(trap)


async def test_a_write_that_somebody_was_faster_than_is_done_again() -> None:
    """On a conflict the answer is written to the stream as it is now; the registry is not asked again."""
    world = World()
    world.registries.digests |= {V1: A, "r.io/app:v2": B}

    def edit() -> None:
        world.cluster.before_write = lambda: None
        world.cluster.apply(body(tag(), tag("v2"), notes={"other": "x"}))

    world.cluster.before_write = edit
    world.cluster.latency = 0.1
    async with world.running():
        world.apply(body(tag()))
        await until(3)

        assert {"v1": A, "v2": B} == world.images()
        assert [0.0] == world.registries.times(V1)
        assert {"other": "x"} == world.cluster.bodies[KEY]["metadata"]["annotations"]


async def test_an_api_server_that_is_down_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """While the API server is away the answer is kept and the write tried again."""
    world = World()
    world.registries.digests[V1] = A
    world.cluster.down_until = 30.0
    async with world.running():
        world.apply(body(tag()))
        await until(29)
        assert 5 < world.cluster.attempts < 12
        await until(36.5)

        assert {"v1": A} == world.images()
        assert [0.0] == world.registries.times(V1)
        assert "the status could not be written" in caplog.text


async def test_a_tag_that_moved_while_the_api_server_was_down_arrives() -> None:
    """Polling goes on meanwhile, and the latest answer is the one that is written."""
    world = World()
    world.registries.digests[V1] = A
    async with world.running():
        world.apply(body(tag(scheduled=True, notes={"imagestreams.dev/interval": "10s"})))
        await until(5)
        world.cluster.down_until = 60.0
        world.registries.digests[V1] = B
        # A write that failed is tried again after 5 s at the most, and a quarter of that.
        await until(66.3)

        assert [B, A] == [item.image for item in world.tag().items]


async def test_a_refused_status_is_tried_less_and_less_often(caplog: pytest.LogCaptureFixture) -> None:
    """What the API server refuses is logged and not hammered: at most about every two minutes in the end."""
    world = World()
    world.registries.digests[V1] = A
    world.cluster.errors = [RefusedError("invalid", status=422)] * 12
    async with world.running():
        world.apply(body(tag()))
        await until(300)
        assert 8 <= world.cluster.attempts <= 10
        await until(1200)

        assert {"v1": A} == world.images()
        assert [0.0] == world.registries.times(V1)
        assert "the status could not be written (invalid)" in caplog.text


async def test_an_api_server_that_comes_back_and_refuses_at_first_is_tried_again_soon() -> None:
    """A refusal after a long outage is a first one: who has not read its rules yet refuses everything."""
    world = World()
    world.registries.digests[V1] = A
    world.cluster.down_until = 300.0
    world.cluster.errors = [RefusedError("forbidden", status=403)]
    async with world.running():
        world.apply(body(tag()))
        await until(300 + 6.3 + 1.3)

        assert {"v1": A} == world.images()


async def test_a_status_too_large_to_store_loses_its_oldest_items() -> None:
    """Where the API server says that an object is too large, history is given up until it takes it."""
    world = World()
    async with world.running():
        world.registries.digests[V1] = digest("0")
        world.apply(body(tag(scheduled=True, notes={"imagestreams.dev/interval": "10s"})))
        for number in range(40):
            await until(5 + 10 * number)
            world.registries.digests[V1] = f"sha256:{number:064x}"
        await until(450)
        assert 40 == len(world.tag().items)
        world.cluster.errors = [TooLargeError("etcdserver: request is too large", status=500)] * 8
        world.registries.digests[V1] = B
        await until(900)

        assert B == world.tag().items[0].image
        assert len(world.tag().items) < 40
        trimmed = next(item for item in world.cluster.stream().status.conditions if item.type == TRIMMED)
        assert "at most" in trimmed.message


async def test_a_stream_deleted_before_its_write_is_forgotten() -> None:
    """Nobody is asked and nothing is written for a stream that is gone."""
    world = World()
    world.registries.digests[V1] = A

    def delete() -> None:
        world.cluster.bodies.clear()

    world.cluster.before_write = delete
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(3600)

        assert [0.0] == world.registries.times(V1)
        assert [] == world.cluster.writes
        assert 0 == len(world.store)


async def test_a_stream_deleted_while_it_is_asked_for_is_not_written() -> None:
    """The answer to a stream that the watch took away comes to nothing."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.delays[V1] = 10.0
    async with world.running():
        world.apply(body(tag(scheduled=True)))
        await until(5)
        world.cluster.bodies.clear()
        world.store.drop(KEY)
        world.importer.forget(KEY)
        world.cluster.attempts = 0
        await until(3600)

        assert 0 == world.cluster.attempts
        assert [0.0] == world.registries.times(V1)


async def test_a_stream_made_anew_is_imported_anew() -> None:
    """A stream of the same name and another uid owes nothing to its predecessor."""
    world = World()
    world.registries.digests[V1] = A
    world.registries.delays[V1] = 10.0
    async with world.running():
        world.apply(body(tag()))
        await until(5)
        world.registries.digests[V1] = B
        world.registries.delays[V1] = 1.0
        world.apply(body(tag(image="r.io/app:v2"), uid="u-2"))
        world.registries.digests["r.io/app:v2"] = B
        await until(20)

        assert [B] == [item.image for item in world.tag().items]
        assert "u-2" == world.cluster.stream().uid


async def test_a_stream_made_anew_while_its_predecessor_is_found_gone_is_kept() -> None:
    """The API server's 404 for the old stream does not make the new one, seen meanwhile, forgotten."""
    world = World()
    world.registries.digests |= {V1: A, "r.io/app:v2": B}

    def recreate() -> None:
        world.cluster.before_write = lambda: None
        world.apply(body(tag(image="r.io/app:v2"), uid="u-2"))

    world.cluster.before_write = recreate
    world.cluster.errors = [GoneError("not found", status=404)]
    async with world.running():
        world.apply(body(tag()))
        await until(5)

        assert {"v1": B} == world.images()


async def test_an_error_of_the_cluster_is_no_end(caplog: pytest.LogCaptureFixture) -> None:
    """Any error of the tree from a write is logged and tried again, after a second and after two."""
    world = World()
    world.registries.digests[V1] = A
    world.cluster.errors = [ClusterError("500", status=500), ClusterError("500", status=500)]
    async with world.running():
        world.apply(body(tag()))
        await until(4.5)

        (write,) = world.cluster.writes
        assert 3.0 <= write.time <= 3.75
        assert 2 == caplog.text.count("the status could not be written (500)")


async def test_what_the_store_knows_meanwhile_is_not_put_back() -> None:
    """The stream that a write returns does not replace a newer one that the watch told of first."""
    world = World()
    world.registries.digests |= {V1: A, "r.io/app:v2": B}
    world.cluster.latency = 0.5
    async with world.running():
        world.apply(body(tag()))
        await until(0.25)
        world.apply(body(tag(image="r.io/app:v2")))
        await until(5)

        assert {"v1": B} == world.images()


async def test_new_credentials_make_failed_imports_due_at_once() -> None:
    """When a namespace's pull secrets change, its failed tags are tried again now, the others are not."""
    world = World()
    world.registries.digests["r.io/app:v2"] = A
    world.registries.errors[V1] = UnauthorizedError("it wants a credential")
    other = body(tag())
    other["metadata"]["namespace"] = "elsewhere"
    async with world.running():
        world.apply(body(tag(), tag("v2")))
        world.apply(other)
        await until(2000)
        asked = len(world.registries.asked)
        del world.registries.errors[V1]
        world.registries.digests[V1] = A
        credential = Credential("pull", "user", "password")
        world.store.secrets.put(("shop", "pull"), Seen(PullSecret((Login("r.io", "", credential),))))
        world.importer.access_changed("shop")
        await until(2000.5)

        assert [(2000.0, V1)] == world.registries.asked[asked:]
        assert credential == world.registries.questions[-1].credential
        assert {"v1": A, "v2": A} == world.images()
        assert {} == world.images(StreamKey("elsewhere", "app"))


async def test_credentials_that_come_while_a_question_is_under_way_are_used_at_once() -> None:
    """A failure that was asked for with the old credentials does not make the new ones wait."""
    world = World()
    world.registries.errors[V1] = UnauthorizedError("it wants a credential")
    world.registries.delays[V1] = 2.0
    async with world.running():
        world.apply(body(tag()))
        await until(1)
        del world.registries.errors[V1]
        world.registries.digests[V1] = A
        login = Login("r.io", "", Credential("pull", "u", "p"))
        world.store.secrets.put(("shop", "pull"), Seen(PullSecret((login,))))
        world.importer.access_changed("shop")
        await until(5)

        assert {"v1": A} == world.images()


async def test_a_bug_in_deciding_a_status_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What was answered is kept while deciding fails, and written a minute later without asking again."""
    world = World()
    world.registries.digests[V1] = A
    world.cluster.errors = [ZeroDivisionError("division by zero")]
    async with world.running():
        world.apply(body(tag()))
        await until(59)
        assert "ZeroDivisionError" in caplog.text
        await until(62)

        assert {"v1": A} == world.images()
        assert [0.0] == world.registries.times(V1)


async def test_the_log_tells_when_what_failed_is_tried_next(caplog: pytest.LogCaptureFixture) -> None:
    """For a tag and for the list of a repository alike, with how often they failed."""
    caplog.set_level("INFO")
    world = World()
    async with world.running():
        world.apply(body(tag(), repository="r.io/whole"))
        await until(20)

        assert "shop/app: tag v1 failed 1 times, next try in 15 s at most" in caplog.text
        assert "shop/app: tag v1 failed 2 times, next try in 30 s at most" in caplog.text
        assert "shop/app: listing r.io/whole failed 2 times, next try in 30 s at most" in caplog.text
        due = world.metrics.next_try._value.get() - DAWN.timestamp()
        assert 45 == pytest.approx(due, abs=0.1)


async def test_any_edit_of_a_tag_that_failed_tries_it_at_once() -> None:
    """Also one that asks for nothing else, and only that tag; without an edit its time is waited for."""
    world = World()
    async with world.running():
        world.apply(body(tag(), tag("v2")))
        await until(3000)
        world.registries.asked.clear()
        edited = tag() | {"referencePolicy": {"type": "Local"}}
        world.apply(body(edited, tag("v2")))
        await until(3010)
        assert [V1] == [reference for _, reference in world.registries.asked]
        world.apply(body(edited, tag("v2"), notes={"a": "b"}))
        await until(3020)

        assert 1 == len(world.registries.asked)


async def test_an_edit_while_the_tag_is_asked_for_is_not_lost() -> None:
    """What was edited during a question is asked for once more when that has failed."""
    world = World()
    world.registries.delays[V1] = 2.0
    async with world.running():
        world.apply(body(tag()))
        await until(1)
        world.apply(body(tag() | {"referencePolicy": {"type": "Local"}}))
        await until(10)

        assert [0.0, 2.0] == world.registries.times(V1)
