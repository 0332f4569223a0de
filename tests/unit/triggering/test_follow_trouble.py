"""The follower in trouble, in virtual time: outages, deletions, late news, bugs, and its end."""

from __future__ import annotations

import copy

import pytest

from imagestreams.errors import GoneError, RefusedError
from imagestreams.triggering.workload import WorkloadKey
from unit.triggering.deployments import A, B, deployment, stream, trigger, workload
from unit.triggering.world import APP, KEY, World, now, until

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_an_api_server_that_is_down_is_asked_ever_more_seldom() -> None:
    """Tries double their distance from 0.2 s to a minute; the write is done when the server is back."""
    world = World()
    world.cluster.down_until = 300.0
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(400)

    gaps = [
        after - before for before, after in zip(world.cluster.tries, world.cluster.tries[1:], strict=False)
    ]
    assert [0.2, 1.0, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60.0, 60.0] == [
        pytest.approx(gap, abs=0.001) for gap in gaps[:11]
    ]
    assert f"r.io/app@{A}" == world.image()
    assert ["ImageUpdated"] == world.reasons


async def test_the_latest_image_is_written_when_the_api_server_is_back() -> None:
    """A tag that moved twice during an outage rolls out once, to its last image."""
    world = World()
    world.cluster.down_until = 10.0
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(5)
    world.move(stream(version="2", v1=B))
    await until(30)

    assert f"r.io/app@{B}" == world.image()
    assert 1 == len(world.cluster.patches)


async def test_changes_of_its_status_do_not_have_a_refused_write_tried_again() -> None:
    """What a policy refuses is tried again in its time only, however its pods change; an edit counts."""
    world = World()
    world.cluster.errors = [RefusedError("no such registry here", status=403) for _ in range(9)]
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    for second in range(1, 31):
        await until(second)
        world.status(new=second % 3)
    tries = [pytest.approx(each, abs=0.01) for each in world.cluster.tries]
    assert tries == [0.0, 0.2, 1.2, 2.0, 3.6, 6.8, 13.2, 26.0]

    world.apply(deployment(trigger(), containers={"web": "nginx"}))
    await until(30.01)
    assert len(tries) + 1 == len(world.cluster.tries)


async def test_a_workload_that_is_gone_is_forgotten() -> None:
    """A 404 ends it: no more tries, and the count goes down."""
    world = World()
    world.apply(deployment(trigger()))
    await until(1)
    world.cluster.bodies.clear()
    world.move(stream(v1=A))
    await until(100)

    assert 1 == len(world.cluster.tries)
    assert {} == world.follower.known()
    assert 0 == world.metrics.workloads._value.get()


async def test_a_workload_that_vanishes_between_refusal_and_reading_is_forgotten() -> None:
    """A 404 to the reading afresh ends it too."""
    world = World()
    world.cluster.errors = [RefusedError("the test failed", status=422)]
    world.cluster.before_patch = world.cluster.bodies.clear
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(100)

    assert {} == world.follower.known()
    assert 1 == len(world.cluster.tries)


async def test_a_workload_made_anew_while_its_predecessor_is_found_gone_is_kept() -> None:
    """The 404 for the old one does not make the new one, seen meanwhile, forgotten."""
    world = World()

    def recreate() -> None:
        world.cluster.before_patch = lambda: None
        world.apply(deployment(trigger(), uid="d-2"))

    world.cluster.before_patch = recreate
    world.cluster.errors = [GoneError("not found", status=404)]
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(1)

    assert "d-2" == world.follower.known()[KEY][0]
    assert f"r.io/app@{A}" == world.image()


async def test_a_workload_deleted_while_it_is_patched_stays_forgotten() -> None:
    """The answer to the last patch does not bring back what the watch took away."""
    world = World()
    world.cluster.after_patch = lambda: world.follower.drop(KEY)
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(1)

    assert {} == world.follower.known()
    assert 0 == world.metrics.workloads._value.get()


async def test_a_patch_for_a_predecessor_does_not_hide_the_successor() -> None:
    """The stored state of the old one, told late, does not replace the new one that was seen meanwhile."""
    world = World()

    def recreate() -> None:
        world.cluster.after_patch = lambda: None
        world.apply(deployment(trigger(), uid="d-2"))

    world.cluster.after_patch = recreate
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(2)

    assert "d-2" == world.follower.known()[KEY][0]
    assert f"r.io/app@{A}" == world.image()


async def test_a_workload_that_lost_its_annotation_is_let_go() -> None:
    """When the reading afresh shows no annotation any more, nothing is written."""
    world = World()

    def interfere() -> None:
        body = copy.deepcopy(world.cluster.bodies[KEY])
        del body["metadata"]["annotations"]["image.openshift.io/triggers"]
        body["spec"]["template"]["spec"]["containers"][0]["image"] = "mine:1"
        world.cluster.apply(body)

    world.cluster.before_patch = interfere
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(10)

    assert "mine:1" == world.image()
    assert {} == world.follower.known()


async def test_an_older_reading_changes_nothing() -> None:
    """A workload told late, at a version that is over, is ignored, also that of a predecessor."""
    world = World()
    world.move(stream(v1=A))
    world.apply(deployment(trigger(), uid="d-2"))
    await until(1)
    old = deployment(trigger(source="app:v2"), version="5", uid="d-2")
    world.follower.put(workload(old))
    world.follower.put(workload(old | {"metadata": old["metadata"] | {"uid": "d-1"}}))
    await until(2)

    assert 1 == len(world.cluster.tries)
    assert "d-2" == world.follower.known()[KEY][0]


async def test_a_bug_about_one_workload_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody foresaw is logged; the others go on, and the next change tries again."""
    world = World()
    world.cluster.errors = [ZeroDivisionError("division by zero")]
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    world.apply(deployment(trigger(), name="other"))
    await until(1)

    assert "old:1" == world.image()
    assert f"r.io/app@{A}" == world.image(key=WorkloadKey("deployments", "shop", "other"))
    assert "applying triggers failed" in caplog.text
    world.follower.stream_changed(APP)
    await until(2)
    assert f"r.io/app@{A}" == world.image()


async def test_closing_lets_a_write_finish_but_not_for_ever() -> None:
    """Close waits for a patch under way, and no longer than it may; what comes then begins nothing."""
    world = World()
    world.cluster.latency = 1.5
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(0.5)
    await world.follower.close(within=2.0)
    assert f"r.io/app@{A}" == world.image()
    assert pytest.approx(1.5) == now()

    world.move(stream(version="2", v1=B))
    await until(2)
    assert f"r.io/app@{A}" == world.image()

    hanging = World()
    hanging.cluster.latency = 3600.0
    hanging.move(stream(v1=A))
    hanging.apply(deployment(trigger()))
    await until(2.5)
    await hanging.follower.close(within=2.0)
    assert pytest.approx(4.5) == now()
    await hanging.follower.close(within=2.0)
    assert pytest.approx(4.5) == now()


async def test_a_missing_right_is_told_on_the_workload_once_and_tried_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A 403 for lack of a right is one Event and one log line that name the rule; granted, it is written."""
    world = World()
    refused = RefusedError('User "x" cannot patch resource "deployments" in API group "apps"', status=403)
    world.cluster.errors = [refused] * 4
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(2)
    rule = '{apiGroups: ["apps"], resources: ["deployments"], verbs: [get, list, watch, patch]}'
    ((reason, message, warning),) = world.told
    assert ("WriteForbidden", True) == (reason, warning)
    assert message.startswith("the operator has no right to patch deployments: it needs the rule " + rule)
    assert [f"{KEY}: {message}"] == [line for line in caplog.messages if "patch" in line]
    await until(60)

    assert f"r.io/app@{A}" == world.image()
    assert ["WriteForbidden", "ImageUpdated"] == world.reasons


async def test_a_write_that_admission_refuses_is_told_in_its_words() -> None:
    """Where no right would help, the Event says what the API server said; another reason is news."""
    world = World()
    world.cluster.errors = [
        RefusedError(f'admission webhook "policy" denied the request: {why}', status=403)
        for why in ("unsigned", "unsigned", "too old")
    ]
    world.move(stream(v1=A))
    world.apply(deployment(trigger()))
    await until(60)

    assert [
        f'the API server refuses the image: admission webhook "policy" denied the request: {why}; '
        "tried again every minute"
        for why in ("unsigned", "too old")
    ] == [message for reason, message, _ in world.told if reason == "WriteForbidden"]


async def test_the_same_mistake_made_again_is_told_again() -> None:
    """A mistake that was corrected and comes back is news; a correction is followed at once."""
    world = World()
    world.move(stream(v1=A))
    broken = deployment(trigger())
    broken["metadata"]["annotations"]["image.openshift.io/triggers"] = '[{"paused": "perhaps"}]'
    world.apply(broken)
    await until(1)
    world.apply(deployment(trigger()))
    await until(1.01)
    assert f"r.io/app@{A}" == world.image()
    world.apply(broken)
    await until(2)

    assert ["TriggerInvalid", "ImageUpdated", "TriggerInvalid"] == world.reasons
