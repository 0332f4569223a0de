"""What a benchmark has to work with: a cluster without nodes, the operator as a process, a place for files.

Each module of this package that measures has a function of a Bench that gives figures; __main__ lists them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcluster import Cluster
from localrun import (
    API_ACCOUNT,
    FacadeProcess,
    OperatorProcess,
    account_kubeconfig,
    install,
    install_image_api,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BUILD = Path(__file__).resolve().parents[2] / "build"


@dataclasses.dataclass
class Bench:
    """One run of benchmarks. The cluster comes up when the first of them wants it."""

    say: Callable[[str], None]
    """Tells people how far it is."""
    name: str = "bench"

    @functools.cached_property
    def cluster(self) -> Cluster:
        """A cluster with the CRDs and the operator's rights, and fake nodes."""
        found = Cluster.up(self.name, nodes="kwok", progress=self.say)
        install(found.kubectl, found.kubeconfig)
        return found

    @functools.cached_property
    def kubeconfig(self) -> Path:
        """A kubeconfig with the rights of the operator's service account."""
        cluster = self.cluster
        return account_kubeconfig(cluster.kubectl, cluster.kubeconfig, BUILD / "bench" / "kubeconfig")

    def close(self) -> None:
        """End the cluster, if there is one."""
        if "cluster" in self.__dict__:
            self.cluster.down()

    def kubectl(self, *arguments: str, stdin: object = None) -> str:
        """Run kubectl as the administrator; `stdin` is text, or a manifest to send as JSON."""
        text = stdin if isinstance(stdin, str) or stdin is None else json.dumps(stdin)
        command = [str(self.cluster.kubectl), f"--kubeconfig={self.cluster.kubeconfig}", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Get an object or a list as JSON."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    @contextlib.contextmanager
    def operator(self, settings: Mapping[str, str] | None = None) -> Iterator[OperatorProcess]:
        """Run the operator, with its shipped rights, until the block ends."""
        process = OperatorProcess(self.kubeconfig, BUILD / "bench" / "operator.log", settings=settings)
        process.start()
        try:
            yield process
        finally:
            if process.alive:
                process.terminate()

    @contextlib.contextmanager
    def facade(self) -> Iterator[FacadeProcess]:
        """Run the image API, with its shipped rights, until the block ends."""
        cluster = self.cluster
        install_image_api(cluster.kubectl, cluster.kubeconfig)
        rights = account_kubeconfig(
            cluster.kubectl, cluster.kubeconfig, BUILD / "bench" / "kubeconfig-api", account=API_ACCOUNT
        )
        process = FacadeProcess(rights, BUILD / "bench" / "api.log")
        process.start()
        try:
            self.kubectl(
                "wait", "--for=condition=Available", "--timeout=60s", "apiservice/v1.image.openshift.io"
            )
            yield process
        finally:
            if process.alive:
                process.terminate()

    @contextlib.contextmanager
    def namespaces(self, *names: str) -> Iterator[None]:
        """Have namespaces, with all that is in them gone when the block has ended."""
        items = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
        self.kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": items})
        try:
            yield
        finally:
            self.kubectl("delete", "namespace", "--ignore-not-found", *names)
