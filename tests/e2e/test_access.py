"""What streams ask registries with, CAs, credentials and rules: changed on a live cluster, obeyed at once."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from conftest import Kubectl
from e2e.reading import current, failure, failures
from support.faults import Authority, FaultRegistry
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcluster import Cluster
    from localrun import OperatorProcess

SYSTEM = "imagestreams-system"
CONFIG = "imagestreams-registries"


@pytest.fixture
def system(cluster: Cluster) -> Iterator[Kubectl]:
    """The operator's own namespace, without rules before and after."""
    found = Kubectl(cluster, SYSTEM)
    found("delete", "configmap", CONFIG, "--ignore-not-found")
    yield found
    found("delete", "configmap", CONFIG, "--ignore-not-found")


def write(kubectl: Kubectl, **data: str) -> None:
    """Apply the ConfigMap of a namespace; "_" in a key stands for a dot."""
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG},
            "data": {key.replace("_", "."): text for key, text in data.items()},
        }
    )


def events(kubectl: Kubectl, name: str) -> str:
    """Show the Events about an object."""
    return kubectl("get", "events", f"--field-selector=involvedObject.name={name}")


def secret(kubectl: Kubectl, name: str, host: str, user: str, password: str) -> None:
    """Apply a pull secret."""
    made = kubectl(
        "create",
        "secret",
        "docker-registry",
        name,
        f"--docker-server={host}",
        f"--docker-username={user}",
        f"--docker-password={password}",
        "--dry-run=client",
        "-o=json",
    )
    kubectl("apply", "-f", "-", stdin=made)


def test_a_ca_of_the_namespace_heals_its_imports(
    operator: OperatorProcess, kubectl: Kubectl, tmp_path: Path
) -> None:
    """An untrusted certificate is told with the ConfigMap to write; once written, the tag is imported."""
    assert operator.alive
    authority = Authority(tmp_path)
    with FaultRegistry(tls=authority.good()) as registry:
        digest = registry.put_image("team/app", "1")
        kubectl.apply(stream("tls", tag("1", f"{registry.host}/team/app:1", insecure=False)))
        eventually(lambda: failure(kubectl, "tls", "1") != {}, within=20, what="the failure")
        assert f"Put its CA into ConfigMap {CONFIG}" in failure(kubectl, "tls", "1")["message"]
        write(kubectl, ca_crt="no certificate")
        eventually(
            lambda: "it holds no certificate" in events(kubectl, CONFIG), within=10, what="the Event on it"
        )
        write(kubectl, ca_crt=authority.ca_file.read_text())
        eventually(lambda: current(kubectl, "tls", "1") == digest, within=10, what="the import")


def test_a_corrected_password_heals_and_a_wrong_one_is_sent_once(
    operator: OperatorProcess, kubectl: Kubectl
) -> None:
    """Twenty tags with a wrong password send it once; the corrected secret is used within seconds."""
    assert operator.alive
    with FaultRegistry(auth="bearer") as registry:
        digests = {str(number): registry.put_image("team/app", str(number)) for number in range(20)}
        secret(kubectl, "pull", registry.host, registry.username, "wrong")
        kubectl.apply(stream("private", *(tag(name, f"{registry.host}/team/app:{name}") for name in digests)))
        eventually(lambda: len(failures(kubectl, "private")) == 20, within=20, what="the failures")
        message = failure(kubectl, "private", "7")["message"]
        assert 'it refused the credential of secret "pull"' in message
        assert 1 == len([record for record in registry.requests if record.right is False])
        secret(kubectl, "pull", registry.host, registry.username, registry.password)
        eventually(
            lambda: {name: current(kubectl, "private", name) for name in digests} == digests,
            within=10,
            what="the imports",
        )


def test_a_linked_secret_goes_first_and_a_broken_one_is_told(
    operator: OperatorProcess, kubectl: Kubectl
) -> None:
    """Of two secrets the one linked to the default account is shown; one that is broken gets an Event."""
    assert operator.alive
    users = {"first": secrets.token_hex(8), "linked": secrets.token_hex(8)}
    with FaultRegistry(auth="basic", users=users) as registry:
        digest = registry.put_image("team/app", "1")
        registry.restrict("team/app", ["linked"])
        for name, user in (("a-first", "first"), ("z-linked", "linked")):
            secret(kubectl, name, registry.host, user, users[user])
        kubectl("patch", "serviceaccount", "default", "-p", '{"imagePullSecrets": [{"name": "z-linked"}]}')
        kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "broken"},
                "type": "kubernetes.io/dockerconfigjson",
                "stringData": {".dockerconfigjson": '{"auths": {"r.io": {"auth": "?"}}}'},
            }
        )
        eventually(lambda: "is not base64" in events(kubectl, "broken"), within=10, what="the Event on it")
        kubectl.apply(stream("linked", tag("1", f"{registry.host}/team/app:1")))
        eventually(lambda: current(kubectl, "linked", "1") == digest, within=20, what="the import")
        assert 0 == len([record for record in registry.requests if record.status == 403])


def test_rules_of_the_cluster_hold_for_all(
    operator: OperatorProcess, kubectl: Kubectl, system: Kubectl
) -> None:
    """A blocked registry is Forbidden and not asked; a mirror is asked first and never recorded."""
    assert operator.alive
    with FaultRegistry() as source, FaultRegistry() as mirror, FaultRegistry() as bad:
        bad.put_image("team/app", "1")
        copied = mirror.put_image("copy/team/app", "1")
        write(
            system,
            registries_yaml=(
                "registrySources:\n"
                f"  blockedRegistries: ['{bad.host}']\n"
                f"  insecureRegistries: ['{mirror.host}']\n"
                f"imageMirrors: [{{source: '{source.host}', mirrors: ['{mirror.host}/copy']}}]\n"
            ),
        )
        # Rules hold for questions that begin after the watch told of them.
        kubectl.apply(stream("warm", tag("1", f"{bad.host}/team/app:2", insecure=True)))
        eventually(
            lambda: failure(kubectl, "warm", "1").get("reason") in {"Forbidden", "NotFound"},
            within=20,
            what="the rules",
        )
        bad.reset()
        kubectl.apply(
            stream("ruled", tag("bad", f"{bad.host}/team/app:1"), tag("1", f"{source.host}/team/app:1"))
        )
        eventually(lambda: current(kubectl, "ruled", "1") == copied, within=20, what="the mirror's image")
        eventually(lambda: failure(kubectl, "ruled", "bad") != {}, within=20, what="the refusal")
        refused = failure(kubectl, "ruled", "bad")
        item = next(each for each in kubectl.get("is", "ruled")["status"]["tags"] if each["tag"] == "1")
        assert f"{source.host}/team/app@{copied}" == item["items"][0]["dockerImageReference"]
        assert "Forbidden" == refused["reason"]
        assert "is blocked by the rules of this cluster (blockedRegistries)" in refused["message"]
        assert [] == bad.requests
        assert [] == source.requests
        write(system, registries_yaml="registrySources: {}")
        eventually(lambda: current(kubectl, "ruled", "bad") != "", within=10, what="the unblocked import")
