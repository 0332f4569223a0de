"""The local cluster tool itself: a real cluster from nothing, used, hurt, mended and gone without a trace."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from localcluster import Cluster, LocalClusterError, Publisher, Registry, images, packages, ports, slots
from localcluster.certificates import Authority
from localcluster.cluster import down
from localcluster.layout import Layout
from localcluster.state import home_of, load

NAME, SECOND = "lc", "lc2"


@pytest.fixture(scope="module", autouse=True)
def _real_nodes() -> Iterator[None]:
    """Make sure that `up` means real containers here, whatever the environment says."""
    obstacle = packages.why_no_containers()
    if obstacle and not os.environ.get("CI"):
        pytest.skip(f"this machine cannot run real containers: {obstacle}")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CLUSTER", raising=False)
        yield


@pytest.fixture(scope="module")
def own_cluster(_real_nodes: None) -> Iterator[Cluster]:
    """Bring up a cluster with a real node, of this file alone."""
    cluster = Cluster.up(NAME, nodes="real")
    yield cluster
    cluster.down()


def kubectl(cluster: Cluster, *arguments: str, kubeconfig: Path | None = None) -> str:
    """Run kubectl; its error output is the error."""
    command = [str(cluster.kubectl), f"--kubeconfig={kubeconfig or cluster.kubeconfig}", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LocalClusterError(result.stderr)
    return result.stdout


def push(cluster: Cluster, text: str) -> str:
    """Push an image that says `text`; returns its reference by digest."""
    with Publisher(cluster.registry) as publisher:
        digest = publisher.push("team/hello", "latest", images.saying(text))
    return f"{cluster.registry}/team/hello@{digest}"


def deploy(cluster: Cluster, name: str, reference: str) -> None:
    """Create a Deployment, or give it another image, and wait until its pods run."""
    try:
        kubectl(cluster, "get", "deployment", name)
    except LocalClusterError:
        kubectl(cluster, "create", "deployment", name, f"--image={reference}")
    else:
        kubectl(cluster, "set", "image", f"deployment/{name}", f"*={reference}")
    kubectl(cluster, "rollout", "status", f"deployment/{name}", "--timeout=90s")
    # Whoever reads the log next wants the new pod's, and the old one may still be going.
    running = f'jsonpath={{.items[?(@.spec.containers[0].image=="{reference}")].metadata.name}}'
    pod = kubectl(cluster, "get", "pods", f"--selector=app={name}", "-o", running)
    assert pod


def logs(cluster: Cluster, name: str, reference: str) -> str:
    """Return what the pod that runs this very image has logged."""
    running = f'jsonpath={{.items[?(@.spec.containers[0].image=="{reference}")].metadata.name}}'
    return kubectl(cluster, "logs", kubectl(cluster, "get", "pods", f"--selector=app={name}", "-o", running))


def left_behind(name: str, run: Path, bridge: str) -> list[str]:
    """Return every process, mount (in any namespace) and network interface that speaks of this cluster."""
    words = (f"{home_of(name)}/", f"{run}/")
    found = [f"interface {bridge}"] if Path(f"/sys/class/net/{bridge}").exists() else []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or process.name == str(os.getpid()):
            continue
        try:
            said = (process / "cmdline").read_text() + (process / "mountinfo").read_text()
        except OSError:
            continue
        found += [f"process {process.name}: {word}" for word in words if word in said]
    return found


def test_a_pushed_image_runs_and_a_new_digest_rolls_out(own_cluster: Cluster) -> None:
    """A Deployment pulls from the open registry, its log is read, and another digest replaces its pod."""
    first = push(own_cluster, "versión primera")
    deploy(own_cluster, "hello", first)
    assert "versión primera\n" == logs(own_cluster, "hello", first)

    second = push(own_cluster, "versión segunda")
    deploy(own_cluster, "hello", second)
    assert "versión segunda\n" == logs(own_cluster, "hello", second)


def test_a_command_runs_inside_a_container(own_cluster: Cluster) -> None:
    """`kubectl exec` reaches the kubelet without a line in /etc/hosts."""
    deploy(own_cluster, "hello", push(own_cluster, "for exec"))

    assert "yes\n" == kubectl(own_cluster, "exec", "deployment/hello", "--", "echo", "yes")


def test_the_registries_know_their_users(own_cluster: Cluster) -> None:
    """The open one lets anybody in; the other accepts its user, and nobody else."""
    closed = f"http://{own_cluster.registry_auth}/v2/"
    user = own_cluster.registry_user

    assert 200 == requests.get(f"http://{own_cluster.registry}/v2/", timeout=5).status_code
    assert 401 == requests.get(closed, timeout=5).status_code
    assert 401 == requests.get(closed, timeout=5, auth=(user, "wrong")).status_code
    assert 200 == requests.get(closed, timeout=5, auth=(user, own_cluster.registry_password)).status_code


def test_another_client_agrees_on_what_was_pushed(own_cluster: Cluster) -> None:
    """Crane finds an index of two platforms under its digest, whole and valid, and no more once deleted."""
    platforms = [images.Platform("amd64"), images.Platform("arm64", variant="v8")]
    index = images.index([images.saying("many", platform=platform) for platform in platforms])
    reference = f"{own_cluster.registry}/team/many:1"

    def crane(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([own_cluster.crane, *arguments], capture_output=True, text=True, check=False)

    with Publisher(own_cluster.registry) as publisher:
        publisher.push("team/many", "1", index)
        assert index.digest == crane("digest", reference).stdout.strip()
        assert 0 == crane("validate", "--remote", reference).returncode
        publisher.delete("team/many", "1")
    assert "MANIFEST_UNKNOWN" in crane("manifest", reference).stderr


def test_a_write_is_in_the_audit_log(own_cluster: Cluster) -> None:
    """A created object is there at once, with who created it; a read by an administrator is not."""
    kubectl(own_cluster, "create", "configmap", "audited")
    kubectl(own_cluster, "get", "configmap", "audited")

    assert own_cluster.audit_log is not None
    entries = [json.loads(line) for line in own_cluster.audit_log.read_text().splitlines()]
    told = [
        (entry["verb"], entry["user"]["username"])
        for entry in entries
        if entry["user"]["username"] == "admin" and entry["objectRef"]["resource"] == "configmaps"
    ]
    assert [("create", "admin")] == told


def test_a_service_account_kubeconfig_has_that_accounts_rights(own_cluster: Cluster, tmp_path: Path) -> None:
    """The account may do what it was granted and nothing else, and only its owner may read the file."""
    kubectl(own_cluster, "create", "serviceaccount", "reader")
    kubectl(own_cluster, "create", "role", "reader", "--verb=get", "--resource=configmaps")
    kubectl(
        own_cluster, "create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader"
    )
    path = own_cluster.service_account_kubeconfig("default", "reader", tmp_path / "kubeconfig")

    who = json.loads(kubectl(own_cluster, "auth", "whoami", "-o", "json", kubeconfig=path))
    assert "system:serviceaccount:default:reader" == who["status"]["userInfo"]["username"]
    assert 0o600 == path.stat().st_mode & 0o777
    kubectl(own_cluster, "get", "configmap", "kube-root-ca.crt", kubeconfig=path)
    with pytest.raises(LocalClusterError, match="cannot list resource"):
        kubectl(own_cluster, "get", "secrets", kubeconfig=path)


def test_the_api_server_stops_and_starts_again_as_it_was(own_cluster: Cluster) -> None:
    """Stopped it answers nobody; started it is at the same address with the same objects."""
    kubectl(own_cluster, "create", "configmap", "kept")

    own_cluster.stop("kube-apiserver")
    with pytest.raises(LocalClusterError, match="refused"):
        kubectl(own_cluster, "get", "configmap", "kept")
    own_cluster.start("kube-apiserver")

    assert "configmap/kept" in kubectl(own_cluster, "get", "configmap", "kept", "-o", "name")


def test_up_mends_what_is_missing(own_cluster: Cluster) -> None:
    """A cluster of which a part died is whole again after another `up`, the rest of it untouched."""
    own_cluster.stop("kube-scheduler")
    own_cluster.stop("registry-auth")
    before = {part.name: part.detail for part in own_cluster.status() if part.running}

    Cluster.up(NAME)

    after = {part.name: part.detail for part in own_cluster.status() if part.running}
    assert before.items() <= after.items()
    assert {"kube-scheduler", "registry-auth"} == after.keys() - before.keys()


def test_a_part_that_does_not_exist_is_told(own_cluster: Cluster) -> None:
    """The error names the parts there are."""
    with pytest.raises(LocalClusterError, match=r"no part 'kube-proxy'; it has .*kube-apiserver"):
        own_cluster.stop("kube-proxy")


def test_two_clusters_run_side_by_side_and_one_goes_without_a_trace(own_cluster: Cluster) -> None:
    """A second cluster and its pod come and go: no process, mount or interface is left, the first runs on."""
    state = load(Cluster.up(SECOND, nodes="real").kubeconfig.parent)
    assert state is not None
    slot = Layout(state).slot
    try:
        second = Cluster.find(SECOND)
        reference = push(second, "second")
        deploy(second, "neighbour", reference)
        assert "second\n" == logs(second, "neighbour", reference)
        assert "neighbour" not in kubectl(own_cluster, "get", "deployments", "-o", "name")
        assert left_behind(SECOND, slot.run, slot.bridge)
    finally:
        second.down()

    assert [] == left_behind(SECOND, slot.run, slot.bridge)
    assert ["logs"] == [entry.name for entry in home_of(SECOND).iterdir()]
    assert all(part.running for part in own_cluster.status())
    with pytest.raises(LocalClusterError, match="there is no cluster lc2"):
        Cluster.find(SECOND)


def test_fake_nodes_run_pods_without_containers(own_cluster: Cluster) -> None:
    """On fake nodes an image that nobody can pull is Running within a moment."""
    second = Cluster.up(SECOND, nodes="kwok")
    try:
        kubectl(second, "create", "deployment", "fake", "--image=nowhere.invalid/fake", "--replicas=20")
        kubectl(second, "rollout", "status", "deployment/fake", "--timeout=60s")

        with pytest.raises(LocalClusterError, match="has kwok nodes"):
            Cluster.up(SECOND, nodes="real")
    finally:
        second.down()
    assert all(part.running for part in own_cluster.status())


def test_an_extra_registry_serves_tls_and_users_and_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    """A registry alone: trusted by its CA only, open to its user only, the same after stop and start."""
    authority = Authority(tmp_path / "pki", "test-ca")
    trusted = str(authority.files.certificate)
    tls = authority.issue("registry", common_name="registry", hosts=("127.0.0.1", "localhost"))

    with Registry(users={"ann": "secret"}, tls=tls) as registry:
        with Publisher(registry.address, user="ann", password="secret", verify=trusted) as publisher:
            digest = publisher.push("private/app", "v1", images.image({"file": images.File(b"content")}))
            registry.stop()
            registry.start()
            assert digest == publisher.digest("private/app", "v1")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{registry.url}/v2/", timeout=5)
        assert 401 == requests.get(f"{registry.url}/v2/", timeout=5, verify=trusted).status_code
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{registry.url}/v2/", timeout=5, verify=trusted)


def test_an_extra_registry_can_refuse_deletes() -> None:
    """Without deletes the registry says so and keeps the image."""
    with Registry(deletes=False) as registry, Publisher(registry.address) as publisher:
        digest = publisher.push("app", "v1", images.image({"file": images.File(b"content")}))
        with pytest.raises(LocalClusterError, match="405"):
            publisher.delete("app", "v1")
        assert digest == publisher.digest("app", "v1")


@pytest.mark.parametrize(
    ("flavour", "reason"), [("kind", "needs (Docker|a running Docker)"), ("minikube", "is unknown")]
)
def test_a_flavour_this_machine_cannot_have_is_told(
    flavour: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLUSTER=kind without Docker, or an unknown flavour, is an error that says why; no cluster is left."""
    monkeypatch.setenv("CLUSTER", flavour)
    # A machine that has Docker is made to look for its daemon where there is none.
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    with pytest.raises(LocalClusterError, match=reason):
        Cluster.up(SECOND)
    with pytest.raises(LocalClusterError, match="there is no cluster"):
        Cluster.find(SECOND)


def test_the_current_cluster_gets_the_registries_alone(
    own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLUSTER=current uses the cluster of $KUBECONFIG as it is, and starts two registries beside it."""
    monkeypatch.setenv("CLUSTER", "current")
    monkeypatch.setenv("KUBECONFIG", str(own_cluster.kubeconfig))

    beside = Cluster.up(SECOND)
    try:
        assert ["registry", "registry-auth"] == [part.name for part in beside.status()]
        # Not the table: a node may be a second older in the second one.
        nodes = ("get", "nodes", "-o", "jsonpath={.items[*].metadata.uid}")
        assert kubectl(own_cluster, *nodes) == kubectl(beside, *nodes)
        assert 200 == requests.get(f"http://{beside.registry}/v2/", timeout=5).status_code
    finally:
        beside.down()
    assert own_cluster.kubeconfig.exists()


def test_a_cluster_whose_folder_was_deleted_still_goes_down(
    own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs is known outside the folder too: `down` ends it all, and says when there is nothing left."""
    monkeypatch.setenv("CLUSTER", "current")
    monkeypatch.setenv("KUBECONFIG", str(own_cluster.kubeconfig))
    beside = Cluster.up(SECOND)
    slot = slots.find(home_of(SECOND))
    assert slot is not None

    shutil.rmtree(home_of(SECOND))

    assert down(SECOND)
    assert [] == left_behind(SECOND, slot.run, slot.bridge)
    assert ports.is_free(int(beside.registry.rpartition(":")[2]))
    assert not down(SECOND)
