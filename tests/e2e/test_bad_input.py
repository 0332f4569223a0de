"""Bad input: what is wrong is told where the user looks, and harms nothing beside it."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
from typing import TYPE_CHECKING

import pytest

from e2e.reading import current, events, failures, images
from localcluster import images as builder
from support.faults import Authority, ClosedPort, FaultRegistry, Hang, Html, Huge, LyingDigest, SilentPort
from support.manifests import deployment, stream, tag, trigger
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess

# Host and repository of each trouble's reference, by the tag's name; the condition names both.
Places = dict[str, tuple[str, str]]

# For each trouble: the condition's reason, what its message says is wrong, and what it says to do.
EXPECTED = {
    "unresolved": (
        "InternalError",
        "its host name does not resolve",
        "Check the host in spec.tags[].from.name",
    ),
    "closed": ("InternalError", "nothing listens there", "Check the host in spec.tags[].from.name"),
    "silent": ("InternalError", "did not answer within", "that the operator can reach it"),
    "hanging": ("InternalError", "did not answer within", "that the operator can reach it"),
    "no-repository": ("NotFound", "there is no such repository", "Push it, or correct spec.tags[].from.name"),
    "no-tag": ("NotFound", 'there is no tag "1"', "Push it, or correct spec.tags[].from.name"),
    "no-secret": ("Unauthorized", "it wants a credential", "kubectl create secret docker-registry"),
    "wrong-password": (
        "Unauthorized",
        'refused the credential of secret "wrong"',
        "Put a valid user name and",
    ),
    "untrusted": ("InternalError", "its certificate is not trusted", "ConfigMap imagestreams-registries"),
    "no-tls": ("InternalError", "it does not speak TLS", "set importPolicy.insecure: true"),
    "html": ("InternalError", "text/html", "names a container registry"),
    "huge": ("InternalError", "larger than 4096 KiB", "names a container registry"),
    "lying": ("InternalError", "altered on the way, or in the registry", "names a container registry"),
    "no-platform": ("NotFound", "it has linux/s390x", "set importPolicy.importMode: PreserveOriginal"),
}
# What a host does to everybody who asks it: each tag has its condition, but one Event tells of the host.
OF_HOST = ("unresolved", "closed", "silent", "hanging")


@pytest.fixture
def faults() -> Iterator[FaultRegistry]:
    """A registry that serves one repository for each fault."""
    with FaultRegistry() as registry:
        for repository in ("hanging", "html", "huge", "lying"):
            registry.put_image(repository, "1")
        registry.fail(Hang(), repository="hanging")
        registry.fail(Html(), repository="html")
        registry.fail(Huge(), repository="huge")
        registry.fail(LyingDigest(), repository="lying")
        registry.put_index("no-platform", "1", ["linux/s390x"])
        yield registry


@pytest.fixture
def troubles(
    cluster: Cluster, faults: FaultRegistry, publisher: Publisher, tmp_path: Path
) -> Iterator[Places]:
    """One place for each trouble."""
    publisher.push("bad/app", "good", builder.image({"f": builder.File(b"good")}))
    with contextlib.ExitStack() as servers:
        private = servers.enter_context(FaultRegistry(auth="bearer"))
        private.put_image("team/app", "1")
        secured = servers.enter_context(FaultRegistry(tls=Authority(tmp_path).good()))
        secured.put_image("team/app", "1")
        yield {
            "unresolved": ("registry.invalid", "team/app"),
            "closed": (servers.enter_context(ClosedPort()).host, "team/app"),
            "silent": (servers.enter_context(SilentPort()).host, "team/app"),
            "no-repository": (cluster.registry, "bad/missing"),
            "no-tag": (cluster.registry, "bad/app"),
            "no-secret": (private.host, "team/app"),
            "wrong-password": (cluster.registry_auth, "team/app"),
            "untrusted": (secured.host, "team/app"),
            "no-tls": (cluster.registry, "bad/app"),
            **{name: (faults.host, name) for name in ("hanging", "html", "huge", "lying", "no-platform")},
        }


def test_every_trouble_is_told_and_harms_no_other_tag(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, faults: FaultRegistry, troubles: Places
) -> None:
    """Each bad tag of a stream says what is wrong, where and what to do, while the good ones are imported."""
    pid = operator.pid
    said = operator.log.stat().st_size
    password = f"wrong-{secrets.token_hex(12)}"
    login = (
        f"--docker-server={cluster.registry_auth}",
        "--docker-username=someone",
        f"--docker-password={password}",
    )
    kubectl("create", "secret", "docker-registry", "wrong", *login)
    strict = {"untrusted", "no-tls", "unresolved"}
    kubectl.apply(
        stream(
            "bad",
            tag("a-good", f"{cluster.registry}/bad/app:good"),
            *(
                tag(name, f"{host}/{path}:1", insecure=name not in strict)
                for name, (host, path) in troubles.items()
            ),
            tag("z-good", f"{cluster.registry}/bad/app:good", scheduled=True),
            interval="5s",
        )
    )
    # Sooner than a registry may be silent: nobody waits for the slowest.
    eventually(
        lambda: all(current(kubectl, "bad", name) for name in ("a-good", "z-good")),
        within=8,
        what="the good tags",
    )
    assert not failures(kubectl, "bad").keys() & {"silent", "hanging"}

    told = eventually(
        lambda: _all_told(kubectl, "bad", EXPECTED.keys()),
        within=45,
        what="a condition on each bad tag, and no other",
    )
    for name, (reason, wrong, remedy) in EXPECTED.items():
        host, path = troubles[name]
        message = told[name]["message"]
        assert told[name]["reason"] == reason, f"{name}: {message}"
        for part in (
            f"registry {host}, repository {path}",
            wrong,
            remedy,
            "Retried by itself, at most every",
        ):
            assert part in message, f"{name} does not say {part!r}: {message}"
    # What the client did not read but the kernel buffered counts; a hundred times less than the answer.
    assert faults.sent < 20_000_000

    ready = next(item for item in kubectl.get("is", "bad")["status"]["conditions"] if item["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ImportFailed")
    assert f"{len(EXPECTED)} of {len(EXPECTED) + 2} tags failed to import" in ready["message"]
    own = EXPECTED.keys() - set(OF_HOST)
    warned = eventually(
        lambda: _events(kubectl, "bad", "ImportFailed", count=len(own)),
        within=10,
        what="an Event for each tag that failed by itself",
    )
    assert all(any(f'tag "{name}"' in message for message in warned) for name in own)
    warned = eventually(
        lambda: _events(kubectl, "bad", "RegistryTrouble", count=len(OF_HOST)),
        within=10,
        what="an Event for each host in trouble",
    )
    for name in OF_HOST:
        host, wrong = troubles[name][0], EXPECTED[name][1]
        assert any(f"registry {host}: " in message and wrong in message for message in warned), warned

    encoded = base64.b64encode(f"someone:{password}".encode()).decode()
    with operator.log.open() as log:
        log.seek(said)
        seen = [log.read(), kubectl("get", "is,events", "-o", "yaml"), operator.metrics()]
    assert "wrong-password failed" in seen[0]
    for text in seen:
        assert password not in text
        assert encoded not in text
    assert operator.alive
    assert operator.pid == pid


def test_a_wrong_trigger_is_told_and_the_right_one_applies(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """A trigger that cannot be read is an Event on its Deployment, and the entry beside it works."""
    assert operator.alive
    digest = publisher.push("bad/app", "good", builder.image({"f": builder.File(b"good")}))
    web = deployment("web", {"web": "app:good", "side": "app:good", "third": "app:good"}, replicas=0)
    entries = [
        trigger("web", "app:good"),
        {**trigger("side", "app:good"), "fieldPath": "spec.template.spec.containers[side].image"},
        trigger("third", "app"),
        trigger("nobody", "app:good"),
    ]
    web["metadata"]["annotations"]["image.openshift.io/triggers"] = json.dumps(entries)
    kubectl.apply(web, stream("app", tag("good", f"{cluster.registry}/bad/app:good")))
    pinned = f"{cluster.registry}/bad/app@{digest}"
    eventually(
        lambda: images(kubectl, "web") == [pinned, " ", " "], within=10, what="the right entry applied"
    )
    told = eventually(
        lambda: _events(kubectl, "web", "TriggerInvalid", count=3),
        within=10,
        what="three Events",
    )
    for part in (
        'entry 2: fieldPath "spec.template.spec.containers[side].image" is not understood',
        'entry 3: from.name is "app", but must be STREAM:TAG',
        'entry 4: there is no container "nobody"; there is web, side, third',
    ):
        assert any(part in message for message in told), f"nobody says {part!r}: {told}"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("https://registry.example.com/app:1", "remove the scheme"),
        ("registry.example.com/App:1", "repository name must be lowercase"),
        ("registry.example.com/app:", "invalid reference format"),
        ("registry.example.com/app@sha256:12", "invalid reference format"),
        ("bad_host!:5000/app", "invalid reference format"),
    ],
)
def test_a_reference_that_does_not_parse_is_refused(kubectl: Kubectl, source: str, reason: str) -> None:
    """The API server refuses a reference that does not parse, naming the field and the reason."""
    done = kubectl.run("apply", "-f", "-", stdin=stream("refused", tag("good", "app:1"), tag("bad", source)))
    assert done.returncode == 1, done.stdout
    assert "spec.tags[1].from.name" in done.stderr
    assert reason in done.stderr
    assert kubectl.run("get", "is", "refused").returncode == 1


def _events(kubectl: Kubectl, name: str, reason: str, *, count: int) -> list[str]:
    told = events(kubectl, name, reason)
    assert len(told) == count, told
    return told


def _all_told(kubectl: Kubectl, name: str, expected: AbstractSet[str]) -> dict[str, dict[str, str]]:
    told = failures(kubectl, name)
    assert expected == told.keys()
    return told
