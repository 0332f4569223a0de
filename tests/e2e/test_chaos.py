"""Registries in every kind of trouble at once: nothing is lost, little is said, and all is well soon after.

The operator of these tests resolves host names as `support.resolving` says: it runs in a mount namespace with
an /etc/hosts and an /etc/resolv.conf of the test. A name that is taken out of that hosts file is asked of a
name server where nobody answers, as when DNS is down; nothing of the machine is changed for it.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import time
from typing import TYPE_CHECKING

import pytest

from e2e import audit
from e2e.reading import counted, current, events, failure, failures, history
from support.faults import Fault, FaultRegistry, LyingDigest, ResetMidBody, SlowDrip, Status
from support.manifests import stream, tag
from support.overhearing import OverheardOperator
from support.resolving import Resolving
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess

INTERVAL = 5.0
OUTAGE = 30.0
REQUEST = 4.0
# An ask that began in the trouble may first have to end, and a busy machine to show what came of the next.
RECOVERED = 2 * INTERVAL + REQUEST + 1.0
REPOSITORY = "team/app"


@dataclasses.dataclass(frozen=True, slots=True)
class Patient:
    """A registry that gets into trouble and out of it, and the words for what ails it."""

    registry: FaultRegistry
    host: str
    begin: Callable[[], None]
    end: Callable[[], None]
    words: str

    def push(self, text: str) -> str:
        """Move the tag, whatever else ails the registry; gives the digest."""
        return self.registry.put_image(REPOSITORY, "1", text)


@pytest.fixture(scope="module")
def resolving(tmp_path_factory: pytest.TempPathFactory) -> Resolving:
    """What the operator of these tests resolves."""
    return Resolving(tmp_path_factory.mktemp("resolving"))


@pytest.fixture(scope="module")
def own_operator(
    operator_aside: None, cluster: Cluster, operator_kubeconfig: Path, resolving: Resolving
) -> Iterator[OperatorProcess]:
    """An operator that resolves what the test says, gives slow answers up early, and tells all it does."""
    del operator_aside
    log = operator_kubeconfig.parent / f"operator-{cluster.name}-chaos.log"
    settings = {"IMAGESTREAMS_LOG_LEVEL": "DEBUG", "IMAGESTREAMS_REQUEST_TIMEOUT": f"{REQUEST:.0f}s"}
    process = OverheardOperator(operator_kubeconfig, log, settings=settings, becoming=resolving.becoming)
    process.start()
    yield process
    process.terminate()


@pytest.fixture
def patients(resolving: Resolving) -> Iterator[dict[str, Patient]]:
    """One registry for each trouble, by the name of its tag; all are well."""
    name = f"registry-{secrets.token_hex(4)}.test"
    with (
        FaultRegistry(auth="bearer") as restarted,
        FaultRegistry(auth="basic") as resets,
        FaultRegistry(auth="bearer") as unwell,
        FaultRegistry(auth="bearer") as drips,
        FaultRegistry(auth="basic") as unresolved,
    ):

        def restart() -> None:
            restarted.start()
            # Another process knows none of the tokens that the one before it gave.
            restarted.revoke_tokens()

        def lose_name() -> None:
            resolving.fail(name)
            # A connection that is open needs no name.
            unresolved.stop()
            unresolved.start()

        resolving.resolve(name)
        named = unresolved.host.replace("127.0.0.1", name)
        closes, slow = "it closed the connection before its answer was complete", "its answer too slowly"
        yield {
            "restarted": Patient(restarted, restarted.host, restarted.stop, restart, "nothing listens there"),
            "resets": _patient(resets, ResetMidBody(), closes),
            "unwell": _patient(unwell, Status(500), "it answered 500"),
            "drips": _patient(drips, SlowDrip(10, head_too=True), slow),
            "unresolved": Patient(
                unresolved,
                named,
                lose_name,
                lambda: resolving.resolve(name),
                "its host name does not resolve",
            ),
        }


def _patient(registry: FaultRegistry, fault: Fault, words: str) -> Patient:
    return Patient(registry, registry.host, lambda: registry.fail(fault), registry.heal, words)


def test_trouble_of_registries_loses_nothing_and_is_soon_over(
    own_operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, patients: dict[str, Patient]
) -> None:
    """Five registries are in trouble for 30 s, each in its own way, and their tags move meanwhile.

    Each tag keeps its image and its history, and not one write tells of the trouble; the namespace has one
    Event for each registry. Another tag of the stream goes on. Within two intervals after the trouble all
    tags have the images that came meanwhile.
    """
    with FaultRegistry(auth="bearer") as calm:
        hosts = {name: patient.host for name, patient in patients.items()} | {"calm": calm.host}
        first = {name: patient.push("first") for name, patient in patients.items()}
        first["calm"] = calm.put_image(REPOSITORY, "1", "first")
        registries = {name: patient.registry for name, patient in patients.items()} | {"calm": calm}
        kubectl.apply(
            _login({hosts[name]: registry for name, registry in registries.items()}),
            stream("app", *_tags(hosts), interval=f"{INTERVAL:.0f}s"),
        )
        eventually(lambda: _currents(kubectl) == first, within=20, what="the first images")
        before = audit.now()
        failed = {name: counted(own_operator, hosts[name], "InternalError") for name in patients}

        for patient in patients.values():
            patient.begin()
        began = time.monotonic()
        second = {name: patient.push("second") for name, patient in patients.items()}
        second["calm"] = calm.put_image(REPOSITORY, "1", "second")
        eventually(
            lambda: current(kubectl, "app", "calm") == second["calm"], within=RECOVERED, what="the calm tag"
        )
        # The trouble lasts as long as it lasts: there is nothing to wait for.
        eventually(lambda: time.monotonic() - began >= OUTAGE, within=OUTAGE, what="30 s of trouble")
        for name in patients:
            assert counted(own_operator, hosts[name], "InternalError") >= failed[name] + 3, name
        assert {name: [first[name]] for name in patients} == _histories(kubectl, patients)
        assert {} == failures(kubectl, "app")
        told = events(kubectl, "app", "RegistryTrouble")
        assert len(patients) == len(told), told
        for patient in patients.values():
            about = [message for message in told if f"registry {patient.host}: " in message]
            assert 1 == len(about), told
            assert patient.words in about[0]
        # That of the calm tag.
        assert 1 == len(_status_writes(cluster, kubectl, before))

        for patient in patients.values():
            patient.end()
        eventually(lambda: _currents(kubectl) == second, within=RECOVERED, what="the second images")
    assert {name: [second[name], first[name]] for name in second} == _histories(kubectl, second)
    assert {} == failures(kubectl, "app")
    assert told == events(kubectl, "app", "RegistryTrouble")
    kubectl("wait", "--for=condition=Ready", "is/app", "--timeout=5s")


def test_a_body_that_is_not_its_digest_is_never_an_image(
    own_operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """A registry serves another manifest than the digest says: the tag says so once and keeps its image.

    Another tag of the same registry moves on; when the body is right again the tag has it within two
    intervals.
    """
    with FaultRegistry(auth="bearer") as registry:
        first = {name: registry.put_image(name, "1", "first") for name in ("altered", "sound")}
        sources = {name: f"{registry.host}/{name}:1" for name in first}
        kubectl.apply(
            _login({registry.host: registry}),
            stream(
                "app",
                *(tag(name, source, scheduled=True) for name, source in sources.items()),
                interval=f"{INTERVAL:.0f}s",
            ),
        )
        eventually(lambda: _currents(kubectl) == first, within=20, what="the first images")

        registry.fail(LyingDigest(), repository="altered")
        second = {name: registry.put_image(name, "1", "second") for name in first}
        found = eventually(lambda: failure(kubectl, "app", "altered"), within=RECOVERED, what="the condition")
        assert "altered on the way, or in the registry" in found["message"]
        eventually(
            lambda: current(kubectl, "app", "sound") == second["sound"], within=5, what="the other tag"
        )
        told = audit.now()
        asked = registry.count("manifest-get", "altered")
        eventually(
            lambda: registry.count("manifest-get", "altered") >= asked + 2, within=20, what="two more asks"
        )
        assert [] == _status_writes(cluster, kubectl, told)
        assert [first["altered"]] == history(kubectl, "app", "altered")
        assert 1 == len(events(kubectl, "app", "ImportFailed"))
        assert [] == events(kubectl, "app", "RegistryTrouble")

        registry.heal()
        eventually(lambda: _currents(kubectl) == second, within=RECOVERED, what="the second images")
    assert {name: [second[name], first[name]] for name in first} == _histories(kubectl, first)
    assert {} == failures(kubectl, "app")
    assert own_operator.alive


def _tags(hosts: dict[str, str]) -> list[dict[str, object]]:
    return [tag(name, f"{host}/{REPOSITORY}:1", scheduled=True) for name, host in hosts.items()]


def _login(registries: dict[str, FaultRegistry]) -> dict[str, object]:
    """Write one pull secret for registries by their hosts."""
    auths = {
        host: {"username": registry.username, "password": registry.password}
        for host, registry in registries.items()
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pull"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps({"auths": auths})},
    }


def _histories(kubectl: Kubectl, names: Iterable[str]) -> dict[str, list[str]]:
    return {name: history(kubectl, "app", name) for name in names}


def _currents(kubectl: Kubectl) -> dict[str, str]:
    tags = kubectl.get("is", "app").get("status", {}).get("tags", [])
    return {item["tag"]: item["items"][0]["image"] for item in tags if item.get("items")}


def _status_writes(cluster: Cluster, kubectl: Kubectl, moment: str) -> list[str]:
    status = f"/namespaces/{kubectl.namespace}/imagestreams/app/status"
    return [asked.path for asked in audit.writes_since(cluster, moment) if asked.path.endswith(status)]
