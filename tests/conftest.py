"""What every test may ask for: a real cluster, a namespace of its own, and the operator as it is shipped."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e import audit
from localcluster import Cluster, Publisher
from localrun import API_ACCOUNT, account_kubeconfig, install, install_image_api
from support import secrecy
from support.overhearing import OverheardFacade, OverheardOperator
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localrun import FacadeProcess, OperatorProcess

_BUILD = Path(__file__).resolve().parents[1] / "build"


def pytest_configure(config: pytest.Config) -> None:
    """Begin to keep what must stay secret and what the operator says; xdist's workers join."""
    if not hasattr(config, "workerinput"):
        os.environ[secrecy.FOLDER] = tempfile.mkdtemp(prefix="imagestreams-secrecy-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget it."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(secrecy.FOLDER), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what judges the whole run at its end."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


class Kubectl:
    """kubectl as the administrator of the test's cluster, in one namespace."""

    def __init__(self, cluster: Cluster, namespace: str = "") -> None:
        self._command = [str(cluster.kubectl), f"--kubeconfig={cluster.kubeconfig}"]
        self.namespace = namespace
        if namespace:
            self._command.append(f"--namespace={namespace}")

    def __call__(self, *arguments: str, stdin: object = None) -> str:
        """Run it and give what it printed; what it complained about is the assertion's message."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def run(self, *arguments: str, stdin: object = None) -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes of it; `stdin` is text, or a manifest to send as JSON."""
        text = stdin if isinstance(stdin, str) or stdin is None else json.dumps(stdin)
        secrecy.keep_sent(arguments, text)
        return subprocess.run(
            [*self._command, *arguments], input=text, capture_output=True, text=True, check=False
        )

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Apply manifests."""
        self("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": list(manifests)})

    def get(self, *arguments: str) -> dict[str, Any]:
        """Get an object or a list as JSON."""
        found: dict[str, Any] = json.loads(self("get", *arguments, "-o", "json"))
        return found


@pytest.fixture(scope="session", autouse=True)
def _no_stray_event_loop() -> None:
    """Say that there is no event loop yet: who merely asks for it would make one that nobody closes."""
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session", autouse=True)
def run_began() -> str:
    """The moment at which the run began, as the audit log writes it."""
    return audit.now()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real cluster with the CRDs and the operator's rights installed."""
    name = os.environ.get("TEST_CLUSTER", "test")
    found = Cluster.up(name=name, progress=print)
    install(found.kubectl, found.kubeconfig)
    secrecy.keep_login(found.registry_user, found.registry_password)
    yield found
    if not os.environ.get("KEEP_CLUSTER"):
        found.down()


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: Cluster) -> Path:
    """A kubeconfig with the rights of the operator's service account."""
    path = _BUILD / "test" / f"kubeconfig-{cluster.name}"
    return account_kubeconfig(cluster.kubectl, cluster.kubeconfig, path)


@pytest.fixture(scope="session")
def _operator(cluster: Cluster, operator_kubeconfig: Path) -> Iterator[OperatorProcess]:
    log = _BUILD / "test" / f"operator-{cluster.name}.log"
    process = OverheardOperator(operator_kubeconfig, log)
    yield process
    if process.alive:
        process.terminate()


@pytest.fixture
def operator(_operator: OperatorProcess) -> OperatorProcess:
    """The operator, running; a test may kill it, the next one gets it started again."""
    if not _operator.alive:
        _operator.start()
    return _operator


@pytest.fixture(scope="module")
def _facade(cluster: Cluster) -> Iterator[FacadeProcess]:
    # Not for the session: whatever else is tested is tested with v1 of the custom resources.
    install_image_api(cluster.kubectl, cluster.kubeconfig)
    path = _BUILD / "test" / f"kubeconfig-api-{cluster.name}"
    rights = account_kubeconfig(cluster.kubectl, cluster.kubeconfig, path, account=API_ACCOUNT)
    process = OverheardFacade(rights, _BUILD / "test" / f"api-{cluster.name}.log")
    yield process
    if process.alive:
        process.terminate()


@pytest.fixture
def facade(_facade: FacadeProcess, cluster: Cluster) -> FacadeProcess:
    """The image API, running and registered; a test may kill it, the next one gets it started again."""
    if not _facade.alive:
        _facade.start()
    kubectl = Kubectl(cluster)
    kubectl("wait", "--for=condition=Available", "--timeout=60s", "apiservice/v1.image.openshift.io")
    eventually(
        lambda: "imagestreams/layers" in kubectl("get", "--raw", "/apis/image.openshift.io/v1"),
        within=30,
        what="v1 served by the image API",
    )
    return _facade


@pytest.fixture(scope="module")
def operator_aside(_operator: OperatorProcess) -> None:
    """The operator that tests share, ended for a module that runs one of its own.

    Both would answer in the same cluster. Whichever test wants the shared one next starts it again.
    """
    if _operator.alive:
        _operator.terminate()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test alone."""
    name = f"test-{secrets.token_hex(4)}"
    kubectl = Kubectl(cluster)
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str) -> Kubectl:
    """Kubectl in the test's own namespace."""
    return Kubectl(cluster, namespace)


@pytest.fixture
def publisher(cluster: Cluster) -> Iterator[Publisher]:
    """Pushes to the open registry."""
    with Publisher(cluster.registry) as found:
        yield found
