"""What the API server makes of a manifest: accepted, or refused with which words.

For the tests of the custom resources, which send many manifests and keep few of them: one namespace a
file, not one a test. `stream` and `tag` here write bare manifests with any field, wrong ones too; what a
user would write is support.manifests' business.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcluster import Cluster

HEX = "3c87c572822935df60f0f5d3665bd376841a7fcfeb806b5f212de6a00e9a7b25"
DIGEST = f"sha256:{HEX}"


class Admission:
    """kubectl against one namespace, as the administrator or as whoever the kubeconfig is for."""

    def __init__(self, kubectl: Path, kubeconfig: Path, namespace: str) -> None:
        self._command = [str(kubectl), f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
        self.namespace = namespace

    def run(self, *arguments: str, stdin: Any = None) -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes of it; `stdin` is sent as JSON, or as it is where it is text."""
        text = stdin if isinstance(stdin, str) or stdin is None else json.dumps(stdin)
        return subprocess.run(
            [*self._command, *arguments], input=text, capture_output=True, text=True, check=False, timeout=60
        )

    def ok(self, *arguments: str, stdin: Any = None) -> str:
        """Run it; what it printed, or a failure that shows what it complained about."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Get an object as it is stored."""
        found: dict[str, Any] = json.loads(self.ok("get", *arguments, "-o", "json"))
        return found

    def accepted(self, manifest: dict[str, Any]) -> None:
        """Apply what must be accepted, without keeping it."""
        self.ok("apply", "--dry-run=server", "-f", "-", stdin=manifest)

    def refused(self, manifest: dict[str, Any]) -> str:
        """Apply what must be refused; what kubectl says."""
        done = self.run("apply", "--dry-run=server", "-f", "-", stdin=manifest)
        assert done.returncode == 1, f"it was accepted: {done.stdout}"
        return done.stderr


@contextlib.contextmanager
def admission(cluster: Cluster) -> Iterator[Admission]:
    """Make a namespace, to be gone at the end with all that is in it."""
    found = Admission(cluster.kubectl, cluster.kubeconfig, f"admission-{secrets.token_hex(4)}")
    found.ok("create", "namespace", found.namespace)
    try:
        yield found
    finally:
        found.run("delete", "namespace", found.namespace, "--wait=false")


def stream(*tags: dict[str, Any], name: str = "app", **spec: Any) -> dict[str, Any]:
    """Write a stream of these tags; other fields of its spec by name."""
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {"name": name},
        "spec": {**spec, "tags": list(tags)} if tags else spec,
    }


def tag(source: str, kind: str = "DockerImage", tag_name: str = "latest", **rest: Any) -> dict[str, Any]:
    """Write a tag that comes from `source`; its other fields by name."""
    return {"name": tag_name, "from": {"kind": kind, "name": source}, **rest}
