"""The importer following whole repositories, in virtual time: what is listed and asked when, and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import NotFoundError, UnauthorizedError, UnreachableError
from imagestreams.importing.effective import Defaults
from imagestreams.registry.credentials import Credential, Login
from imagestreams.watching.access_reading import PullSecret
from imagestreams.watching.store import Seen
from unit.importing.streams import body, digest, tag
from unit.importing.world import KEY, World, until

if TYPE_CHECKING:
    from imagestreams.model.status import Condition

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

A, B = digest("a"), digest("b")
APP = "r.io/app"
MAX = "imagestreams.dev/max-tags"
REQUESTED = "imagestreams.dev/requested-at"
INTERVAL = "imagestreams.dev/interval"


def having(*tags: str) -> World:
    """Make a world whose repository has these tags."""
    world = World()
    put(world, *tags)
    return world


def put(world: World, *tags: str, image: str = A) -> None:
    """Let the repository have these tags."""
    world.registries.lists[APP] = list(tags)
    world.registries.digests |= {f"{APP}:{name}": image for name in tags}


def app(*tags: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Make a stream of the repository."""
    return body(*tags, **({"repository": APP} | parts))


def condition(world: World, kind: str = "RepositoryFollowed") -> Condition:
    """Read a condition of the stream as it is stored."""
    found = world.cluster.stream().status.condition(kind)
    assert found is not None
    return found


async def test_a_repository_is_listed_and_its_tags_imported_in_one_write() -> None:
    """All its tags appear at once; spec has none of them, and Ready counts them."""
    world = having("1.0", "latest")
    async with world.running():
        world.apply(app())
        await until(2)

        assert {"1.0": A, "latest": A} == world.images()
        assert 1 == len(world.cluster.writes)
        assert () == world.cluster.stream().tags
        assert "all 2 tags of r.io/app are followed" == condition(world).message
        assert ("True", "2 tags are imported") == (
            condition(world, "Ready").status,
            condition(world, "Ready").message,
        )
        assert ["TagMoved", "TagMoved"] == world.reasons


async def test_a_new_tag_appears_at_the_next_list_and_moves_are_seen_on_schedule() -> None:
    """Within an interval; a tag that moved is seen as that of a scheduled tag is."""
    world = having("1.0")
    async with world.running():
        world.apply(app())
        await until(10)
        put(world, "1.0", "1.1")
        await until(905)

        assert {"1.0": A, "1.1": A} == world.images()
        assert "all 2 tags of r.io/app are followed" == condition(world).message
        put(world, "1.0", "1.1", image=B)
        await until(1810)
        assert {"1.0": B, "1.1": B} == world.images()


async def test_a_tag_that_vanished_keeps_its_history_and_comes_back() -> None:
    """It is asked for no more, nobody is told of a failure, and when it is there again it is imported."""
    world = having("1.0", "1.1")
    async with world.running():
        world.apply(app())
        await until(10)
        put(world, "1.0")
        del world.registries.digests[f"{APP}:1.1"]
        await until(3000)

        assert {"1.0": A, "1.1": A} == world.images()
        assert world.tag("1.1").intent is None
        assert "the one tag of r.io/app is followed" == condition(world).message
        assert [] == [time for time in world.registries.times(f"{APP}:1.1") if time > 900]
        assert ["TagMoved", "TagMoved"] == world.reasons
        put(world, "1.0", "1.1", image=B)
        await until(4000)
        assert [B, A] == [item.image for item in world.tag("1.1").items]


async def test_a_list_that_fails_leaves_the_known_tags_followed_and_heals_by_itself() -> None:
    """It is told once, retried as a tag is, and the tags go on moving meanwhile."""
    world = having("1.0")
    async with world.running():
        world.apply(app(notes={INTERVAL: "1m"}))
        await until(10)
        world.registries.errors[APP] = UnreachableError("it did not answer")
        world.registries.digests[f"{APP}:1.0"] = B
        await until(130)

        assert {"1.0": B} == world.images()
        assert ("False", "InternalError", "it did not answer. Retried by itself, at most every 5 min.") == (
            condition(world).status,
            condition(world).reason,
            condition(world).message,
        )
        assert "False" == condition(world, "Ready").status
        assert 1 == world.reasons.count("ListingFailed")
        writes = len(world.cluster.writes)
        await until(600)
        assert writes == len(world.cluster.writes)
        del world.registries.errors[APP]
        await until(1200)
        assert ("True", "the one tag of r.io/app is followed") == (
            condition(world).status,
            condition(world).message,
        )
        assert "True" == condition(world, "Ready").status
        assert "ListingHealed" == world.reasons[-1]


async def test_failures_back_off() -> None:
    """A repository that is not there is asked for after 15 s, 30 s, 60 s and so on, and the text stays."""
    world = World()
    async with world.running():
        world.apply(app())
        await until(400)

        assert [0, 15, 45, 105, 225] == [round(time) for time in world.registries.times(APP)]
        assert 1 == len(world.cluster.writes)
        assert "NotFound" == condition(world).reason


async def test_a_changed_secret_lists_at_once() -> None:
    """What failed for want of a credential heals as soon as there is one."""
    world = having("1.0")
    world.registries.errors[APP] = UnauthorizedError("it wants a credential")
    async with world.running():
        world.apply(app())
        await until(300)
        assert "Unauthorized" == condition(world).reason
        del world.registries.errors[APP]
        credential = Credential("pull", "user", "password")
        world.store.secrets.put(("shop", "pull"), Seen(PullSecret((Login("r.io", "", credential),))))
        world.importer.access_changed("shop")
        await until(302)

        assert {"1.0": A} == world.images()
        assert "True" == condition(world).status


async def test_a_restart_writes_nothing_and_lists_within_a_minute() -> None:
    """A new process finds the tags in the status, and what the list says is nothing new."""
    world = having(*(f"1.{number}" for number in range(60)))
    async with world.running():
        world.apply(app(tag("own")))
        world.registries.digests[f"{APP}:own"] = A
        await until(60)
    again = World(cluster=world.cluster)
    put(again, *(f"1.{number}" for number in range(60)))
    again.cluster.attempts = 0
    async with again.running():
        again.seen(again.cluster.stream())
        await until(3600)

        assert 0 == again.cluster.attempts
        assert [] == again.told
        first = again.registries.times(APP)[0]
        assert 60 < first <= 120
        # A little more often than every fifteen minutes: each stream lists at its own pace.
        assert 5 == len(again.registries.times(APP))


async def test_a_huge_repository_costs_its_list_and_the_tags_that_are_followed() -> None:
    """Of ten thousand tags fifty are asked for, and the condition says what of the others."""
    world = having(*(f"1.{number}" for number in range(10_000)))
    async with world.running():
        world.apply(app())
        await until(5)

        assert 51 == len(world.registries.asked)
        assert 50 == len(world.images())
        assert "1.9999" in world.images()
        assert (
            "50 of 10000 tags of r.io/app are followed; left out: 1.9949, 1.9948, 1.9947, 1.9946, 1.9945 and "
            "9945 more; raise imagestreams.dev/max-tags (now 50), or name them in spec.tags"
        ) == condition(world).message


async def test_annotations_and_requests_take_effect_at_once() -> None:
    """A cap, a filter and a request each list again; a tag that is followed no more keeps its history."""
    world = having("1.0", "1.1", "2.0-rc1")
    async with world.running():
        world.apply(app(notes={MAX: "1"}))
        await until(5)
        assert {"2.0-rc1"} == set(world.images())
        world.apply(app(notes={MAX: "2", "imagestreams.dev/exclude-tags": "*-rc*"}))
        await until(10)
        assert {"1.0", "1.1", "2.0-rc1"} == set(world.images())
        assert world.tag("2.0-rc1").intent is None
        put(world, "1.0", "1.1", "1.2")
        world.apply(app(notes={REQUESTED: "now"}))
        await until(15)
        assert {"1.0", "1.1", "1.2", "2.0-rc1"} == set(world.images())
        assert 3 == len(world.registries.times(APP))


async def test_a_tag_of_spec_wins_and_gives_way_again() -> None:
    """It is imported from where spec says; without it the repository's is followed again."""
    world = having("1.0", "1.1")
    world.registries.digests["m.io/own:1"] = B
    async with world.running():
        world.apply(app(tag("1.0", "m.io/own:1")))
        await until(5)
        assert {"1.0": B, "1.1": A} == world.images()
        world.apply(app())
        await until(10)
        assert {"1.0": A, "1.1": A} == world.images()
        assert 1 == len(world.registries.times(APP))


async def test_a_repository_that_is_removed_or_changed_is_followed_no_more() -> None:
    """The histories stay, the condition goes, and another repository is listed at once."""
    world = having("1.0")
    world.registries.lists["r.io/other"] = ["2.0"]
    world.registries.digests["r.io/other:2.0"] = B
    async with world.running():
        world.apply(app())
        await until(5)
        world.apply(app(repository="r.io/other"))
        await until(10)
        assert {"1.0": A, "2.0": B} == world.images()
        assert "the one tag of r.io/other is followed" == condition(world).message
        world.apply(app(repository=""))
        await until(15)
        assert {"1.0": A, "2.0": B} == world.images()
        assert world.cluster.stream().status.condition("RepositoryFollowed") is None
        asked = len(world.registries.asked)
        await until(5000)
        assert asked == len(world.registries.asked)


async def test_a_tag_of_another_stream_follows_one_of_a_repository() -> None:
    """An alias of a tag that no spec names moves with it, and is not said to be missing meanwhile."""
    world = having("1.0")
    world.registries.delays[f"{APP}:1.0"] = 5.0
    alias = {"name": "current", "from": {"kind": "ImageStreamTag", "name": "app:1.0"}}
    async with world.running():
        world.apply(app())
        await until(1)
        world.apply(body(alias, name="front", uid="u-2"))
        await until(10)

        front = world.cluster.stream(type(KEY)("shop", "front")).status.tags[0]
        assert [A] == [item.image for item in front.items]
        assert "ImportFailed" not in world.reasons


async def test_a_repository_that_is_no_reference_asks_nobody() -> None:
    """The condition says what is wrong and where."""
    world = World()
    async with world.running():
        world.apply(app(repository="r.io/App"))
        await until(5)
        assert [] == world.registries.asked
        assert "Invalid" == condition(world).reason
        assert condition(world).message.endswith("Correct spec.dockerImageRepository")


async def test_an_idle_repository_sees_no_write() -> None:
    """A day of lists that say the same changes nothing."""
    world = having("1.0", "1.1")
    async with world.running():
        world.apply(app(notes={MAX: "1"}))
        await until(86_400)

        assert 1 == len(world.cluster.writes)
        assert 96 <= len(world.registries.times(APP)) <= 108


async def test_the_operators_defaults_count() -> None:
    """The cap and the import mode of its settings, where a stream does not say."""
    world = World(defaults=Defaults("PreserveOriginal", 50, 1))
    put(world, "1.0", "1.1")
    async with world.running():
        world.apply(app())
        await until(5)

        assert {"1.1": A} == world.images()
        assert [None] == [question.platform for question in world.registries.questions[1:]]


async def test_a_tag_that_vanishes_before_the_list_says_so_fails_until_then() -> None:
    """Its failure goes with it, and is not told to have healed."""
    world = having("1.0", "1.1")
    async with world.running():
        world.apply(app())
        await until(10)
        world.registries.errors[f"{APP}:1.1"] = NotFoundError("there is no such tag")
        await until(1000)
        assert world.tag("1.1").failure is not None
        put(world, "1.0")
        await until(3000)

        assert ((), None) == (world.tag("1.1").conditions, world.tag("1.1").intent)
        assert "ImportHealed" not in world.reasons
        assert "True" == condition(world, "Ready").status
