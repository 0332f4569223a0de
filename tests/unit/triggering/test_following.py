"""Who follows what: the index agrees with the workloads, whatever comes and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from imagestreams.model.stream import StreamKey
from imagestreams.triggering.following import Following
from imagestreams.triggering.workload import WorkloadKey
from unit.triggering.deployments import deployment, trigger, workload

if TYPE_CHECKING:
    from imagestreams.triggering.workload import Workload

_STREAMS = ["a", "b", "c"]
_ENTRIES = st.lists(
    st.tuples(st.sampled_from(_STREAMS), st.sampled_from(["shop", "base"])), max_size=3, unique=True
)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["web", "other"]), st.none() | _ENTRIES, st.integers(1, 9)), max_size=12
)


def made(name: str, follows: list[tuple[str, str]], version: int) -> Workload:
    """Make a workload that follows streams, by name and namespace."""
    containers: dict[str, str | None] = {f"c{number}": "old:1" for number in range(len(follows))}
    entries = [
        trigger(f"c{number}")
        | {"from": {"kind": "ImageStreamTag", "name": f"{stream}:v1", "namespace": namespace}}
        for number, (stream, namespace) in enumerate(follows)
    ]
    return workload(deployment(*entries, containers=containers, name=name, version=str(version)))


@given(_STEPS)
def test_the_index_agrees_with_the_workloads(
    steps: list[tuple[str, list[tuple[str, str]] | None, int]],
) -> None:
    """After any course of puts and drops each stream knows its followers; what is older changes nothing."""
    following = Following()
    expected: dict[WorkloadKey, tuple[set[StreamKey], int]] = {}
    for name, follows, version in steps:
        key = WorkloadKey("deployments", "shop", name)
        if follows is None:
            following.drop(key)
            expected.pop(key, None)
        elif following.put(made(name, follows, version)):
            expected[key] = {StreamKey(namespace, stream) for stream, namespace in follows}, version
        else:
            assert version < expected[key][1]

    assert len(expected) == len(following)
    assert {key: ("d-1", str(version)) for key, (_, version) in expected.items()} == following.known()
    foreign = set()
    for stream in (StreamKey(namespace, name) for name in _STREAMS for namespace in ("shop", "base")):
        followers = {key for key, (streams, _) in expected.items() if stream in streams}
        assert followers == following.of(stream)
        if stream.namespace == "base":
            assert followers == following.of_pair("shop", stream)
            foreign |= {("shop", stream)} if followers else set()
    assert foreign == set(following.foreign())
