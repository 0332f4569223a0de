"""A tag that goes back to an earlier image and stays there, on a live cluster: held, pinned, released."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2e import audit
from e2e.reading import available, counted, current, events, failure, held, history, images, running
from localcluster import images as make
from support.faults import FaultRegistry
from support.manifests import deployment, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess

HOLD = "imagestreams.dev/hold"


def hold(kubectl: Kubectl, digest: str, tag_name: str = "latest") -> None:
    """Hold the first tag of stream app as the documentation says."""
    check = {"op": "test", "path": "/spec/tags/0/name", "value": tag_name}
    note = {"op": "add", "path": "/spec/tags/0/annotations", "value": {HOLD: digest}}
    kubectl("patch", "is", "app", "--type=json", "-p", json.dumps([check, note]))


def release(kubectl: Kubectl) -> None:
    """Release the first tag of stream app as the documentation says."""
    gone = {"op": "remove", "path": f"/spec/tags/0/annotations/{HOLD.replace('/', '~1')}"}
    kubectl("patch", "is", "app", "--type=json", "-p", json.dumps([gone]))


def test_a_rollback_sticks_until_it_is_released(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Held, the pods run the first image, whatever is pushed and over a restart; released, the last."""
    assert operator.alive
    first = publisher.push("rollback/app", "latest", make.saying("one"))
    source = f"{cluster.registry}/rollback/app"
    kubectl.apply(
        stream("app", tag("latest", f"{source}:latest", scheduled=True), interval="5s"),
        deployment("web", {"web": "app:latest"}),
    )
    eventually(lambda: current(kubectl, "app", "latest") == first, within=20, what="the first image")
    second = publisher.push("rollback/app", "latest", make.saying("two"))
    eventually(lambda: running(kubectl, "web") == {second}, within=60, what="the second image in the pods")

    hold(kubectl, first[:19])
    eventually(lambda: running(kubectl, "web") == {first}, within=60, what="the first image in the pods")
    assert [first, second, first] == history(kubectl, "app", "latest")
    assert ("True", "NewerAvailable") == held(kubectl, "app", "latest")
    rolled = kubectl.get("deployment/web")["metadata"]["generation"]
    third = publisher.push("rollback/app", "latest", make.saying("three"))
    eventually(lambda: available(kubectl, "app", "latest") == third, within=15, what="the third available")
    described = " ".join(kubectl("describe", "is/app").split())
    assert f"{source}@{third} is available, and current as soon as the annotation is taken away" in described

    operator.kill()
    began = audit.now()
    operator.start()
    eventually(
        lambda: counted(operator, cluster.registry, "ok") >= 2, within=30, what="checks after the restart"
    )
    kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=5s")
    written = [asked.path for asked in audit.writes_since(cluster, began)]
    assert [] == [path for path in written if f"/{kubectl.namespace}/" in path]
    assert ({first}, third) == (running(kubectl, "web"), available(kubectl, "app", "latest"))
    assert rolled == kubectl.get("deployment/web")["metadata"]["generation"]

    release(kubectl)
    eventually(lambda: current(kubectl, "app", "latest") == third, within=4, what="the third at once")
    eventually(lambda: running(kubectl, "web") == {third}, within=60, what="the third image in the pods")
    assert ("", ("", "")) == (available(kubectl, "app", "latest"), held(kubectl, "app", "latest"))
    told = [events(kubectl, "app", reason) for reason in ("TagHeld", "AvailableMoved", "TagReleased")]
    assert [1, 1, 1] == [len(messages) for messages in told]
    assert [f'tag "latest" is held; what is available moved from {source}@{second} to {source}@{third}'] == (
        told[1]
    )


def test_a_source_in_its_own_history_pins_a_tag(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """The form that Git carries: the pods run the pinned image until `from` is a registry's again."""
    assert operator.alive
    source = f"{cluster.registry}/rollback/pinned"
    follow = stream("app", tag("latest", f"{source}:latest", scheduled=True), interval="5s")
    first = publisher.push("rollback/pinned", "latest", make.saying("one"))
    kubectl.apply(follow, deployment("web", {"web": "app:latest"}))
    eventually(lambda: current(kubectl, "app", "latest") == first, within=20, what="the first image")
    second = publisher.push("rollback/pinned", "latest", make.saying("two"))
    eventually(lambda: running(kubectl, "web") == {second}, within=60, what="the second image in the pods")

    pin = {"name": "latest", "from": {"kind": "ImageStreamImage", "name": f"app@{first}"}}
    kubectl.apply(stream("app", pin, interval="5s"))
    eventually(lambda: running(kubectl, "web") == {first}, within=60, what="the first image in the pods")
    third = publisher.push("rollback/pinned", "latest", make.saying("three"))
    kubectl.apply(stream("witness", tag("latest", f"{source}:latest")))
    eventually(lambda: current(kubectl, "witness", "latest") == third, within=20, what="the third elsewhere")
    assert [first, second, first] == history(kubectl, "app", "latest")

    kubectl.apply(follow)
    eventually(lambda: current(kubectl, "app", "latest") == third, within=4, what="the third at once")
    eventually(lambda: running(kubectl, "web") == {third}, within=60, what="the third image in the pods")


def test_a_hold_that_names_no_image_tells_the_choices(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """The tag and the Deployment stay as they are; describe, Ready and an Event say what there is."""
    assert operator.alive
    with FaultRegistry() as registry:
        first = registry.put_image("app", "1", "first")
        kubectl.apply(
            stream("app", tag("1", f"{registry.host}/app:1", scheduled=True), interval="5s"),
            deployment("web", {"web": "app:1"}, replicas=0),
        )
        eventually(lambda: current(kubectl, "app", "1") == first, within=20, what="the first image")
        second = registry.put_image("app", "1", "second")
        pinned = [f"{registry.host}/app@{second}"]
        eventually(lambda: images(kubectl, "web") == pinned, within=20, what="the second image")

        hold(kubectl, "sha256:" + "0" * 64, "1")
        eventually(lambda: held(kubectl, "app", "1") == ("False", "NotInHistory"), within=10, what="told")
        described = " ".join(kubectl("describe", "is/app").split())
        for digest in (first, second):
            assert f"{digest[:19]} of 20" in described
        registry.put_image("app", "1", "third")
        eventually(lambda: available(kubectl, "app", "1") != "", within=15, what="the third available")
        assert ([second, first], pinned) == (history(kubectl, "app", "1"), images(kubectl, "web"))
        kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=5s")
        (told,) = events(kubectl, "app", "HoldFailed")
        assert f"the tag stays at {pinned[0]}" in told


def test_a_hold_beside_who_applies_the_stream_again(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """Applied again server-side, as by Flux, the stream keeps the hold; kubectl apply takes it away."""
    assert operator.alive
    with FaultRegistry() as registry:
        manifest = stream("app", tag("1", f"{registry.host}/app:1", scheduled=True), interval="5s")
        server_side = ("apply", "--server-side", "--field-manager=gitops", "--force-conflicts", "-f", "-")
        first = registry.put_image("app", "1", "first")
        kubectl(*server_side, stdin=manifest)
        eventually(lambda: current(kubectl, "app", "1") == first, within=20, what="the first image")
        second = registry.put_image("app", "1", "second")
        eventually(lambda: current(kubectl, "app", "1") == second, within=20, what="the second image")
        hold(kubectl, first, "1")
        eventually(lambda: current(kubectl, "app", "1") == first, within=10, what="the first image again")

        kubectl(*server_side, stdin=manifest)
        assert {HOLD: first} == kubectl.get("is/app")["spec"]["tags"][0]["annotations"]
        kubectl("apply", "-f", "-", stdin=manifest)
        eventually(lambda: current(kubectl, "app", "1") == second, within=10, what="what was available")
        assert [second, first, second, first] == history(kubectl, "app", "1")


def test_a_held_tag_costs_one_head_a_check_and_a_pinned_one_nothing(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """So it is for an image and for one of an index, and after a restart; a release needs no registry."""
    with FaultRegistry() as registry:
        source = f"{registry.host}/app"
        names = ("single", "indexed", "pinned")

        def put(number: int) -> None:
            # An earlier run may have left Images: what is in those is not fetched.
            text = f"{number} in {kubectl.namespace}"
            registry.put_image("app", "single", text)
            registry.put_image("app", "pinned", f"pinned {text}")
            registry.put_index("app", "indexed", content=f"indexed {text}")

        def heads(name: str) -> int:
            return sum(
                record.kind == "manifest-head" and record.path.endswith(f"/manifests/{name}")
                for record in registry.requests
            )

        put(1)
        tags = [tag(name, f"{source}:{name}", scheduled=True) for name in names]
        kubectl.apply(stream("app", *tags, interval="5s"))
        kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=20s")
        first = {name: current(kubectl, "app", name) for name in names}
        put(2)
        eventually(
            lambda: all(len(history(kubectl, "app", name)) == 2 for name in names),
            within=20,
            what="the second images",
        )
        pin = {"name": "pinned", "from": {"kind": "ImageStreamImage", "name": f"app@{first['pinned']}"}}
        held_tags = [
            tag(name, f"{source}:{name}", scheduled=True, annotations={HOLD: first[name]})
            for name in ("single", "indexed")
        ]
        kubectl.apply(stream("app", *held_tags, pin, interval="5s"))
        eventually(
            lambda: [current(kubectl, "app", name) for name in names] == list(first.values()),
            within=10,
            what="all at their first images",
        )
        put(3)
        before = {name: available(kubectl, "app", name) for name in ("single", "indexed")}
        eventually(
            lambda: all(available(kubectl, "app", name) != before[name] for name in before),
            within=20,
            what="the third images available",
        )
        eventually(lambda: registry.count("blob") == 8, within=10, what="what is in the images fetched")
        for restarts in (False, True):
            if restarts:
                operator.kill()
            registry.reset()
            began = audit.now()
            if restarts:
                operator.start()
            eventually(
                lambda: all(heads(name) >= 2 for name in ("single", "indexed")), within=30, what="two rounds"
            )
            assert ({"manifest-head"}, 0) == (
                {record.kind for record in registry.requests if record.kind != "handshake"},
                heads("pinned"),
            )
            written = [asked.path for asked in audit.writes_since(cluster, began)]
            assert [] == [path for path in written if f"/{kubectl.namespace}/" in path]

        third = {name: available(kubectl, "app", name) for name in before}
        registry.stop()
        kubectl.apply(stream("app", *tags[:2], pin, interval="5s"))
        eventually(
            lambda: {name: current(kubectl, "app", name) for name in before} == third,
            within=2,
            what="what was available, at once",
        )
        assert {} == failure(kubectl, "app", "single")
