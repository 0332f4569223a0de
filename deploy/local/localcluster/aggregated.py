"""Gives an API back to the custom resources behind it where who took it over died without a word.

An API server of ours that is registered and does not answer makes Kubernetes hold up every namespace that is
being deleted, and whoever reads all APIs at its start. Used by `Cluster.up` and `make run`, before all else.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from localcluster.errors import LocalClusterError
from localcluster.progress import Progress

_OURS = "app.kubernetes.io/part-of=imagestreams"
_ALL = "/apis/apiregistration.k8s.io/v1/apiservices"
_ANSWER_WITHIN = 10
_AGAIN_WITHIN = 10.0


def hand_back(kubectl: Path, kubeconfig: Path, progress: Progress) -> list[str]:
    """Delete each registration of ours that nobody answers for, and wait until its API is served again.

    Returns the names of those that are answered for. Raises LocalClusterError, with what kubectl said, when
    the cluster cannot be asked or an API stays away.
    """
    ask = _Asking(kubectl, kubeconfig)
    answered = []
    for found in json.loads(ask(f"{_ALL}?labelSelector={_OURS}"))["items"]:
        path = f"/apis/{found['spec']['group']}/{found['spec']['version']}"
        name = found["metadata"]["name"]
        if not found["spec"].get("service"):
            continue
        if ask.answers(path):
            answered.append(name)
            continue
        progress(f"{name} is registered and nobody answers: giving it back to the custom resources")
        guard = {key: found["metadata"][key] for key in ("uid", "resourceVersion")}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": guard}
        said = ask.delete(f"{_ALL}/{name}", options)
        ask.wait(path, said)
    return answered


class _Asking:
    """The API server's paths, by kubectl as the administrator."""

    def __init__(self, kubectl: Path, kubeconfig: Path) -> None:
        self._command = [str(kubectl), f"--kubeconfig={kubeconfig}", f"--request-timeout={_ANSWER_WITHIN}s"]

    def __call__(self, path: str) -> str:
        done = self._run("get", path)
        if done.returncode != 0:
            raise LocalClusterError(f"kubectl get --raw {path} failed: {done.stderr.strip()}")
        return done.stdout

    def answers(self, path: str) -> bool:
        return self._run("get", path).returncode == 0

    def delete(self, path: str, options: dict[str, Any]) -> str:
        """Delete, and give what kubectl complained about: whoever else gave it back meanwhile is welcome."""
        return self._run("delete", path, "-f", "-", sent=json.dumps(options)).stderr.strip()

    def wait(self, path: str, said: str) -> None:
        limit = time.monotonic() + _AGAIN_WITHIN
        while not self.answers(path):
            if time.monotonic() > limit:
                raise LocalClusterError(
                    f"{path} is not served {_AGAIN_WITHIN:.0f} s after its registration was deleted. {said}"
                )
            time.sleep(0.1)

    def _run(
        self, verb: str, path: str, *options: str, sent: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [*self._command, verb, "--raw", path, *options]
        return subprocess.run(command, input=sent, capture_output=True, text=True, check=False)
