"""The registry in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from support.faults import Status, separate_registry
from support.waiting import eventually

ORPHAN = """
import os, sys
sys.path.insert(0, sys.argv[1])
from support.faults import separate_registry
if __name__ == "__main__":
    with separate_registry() as registry:
        print(registry.host, flush=True)
        sys.stdin.read()
"""


def test_serves_and_obeys_from_afar() -> None:
    """Content, faults and records work across the process, which is gone after the context."""
    with separate_registry(auth="basic", users={"ana": "right"}) as registry:
        digest = registry.put_image("team/app", "1")
        url = f"{registry.url}/v2/team/app/manifests/1"
        answer = requests.get(url, auth=("ana", "right"), timeout=2)
        assert answer.headers["Docker-Content-Digest"] == digest
        registry.fail(Status(429, headers={"Retry-After": "3"}), times=1)
        assert requests.get(url, timeout=2).headers["Retry-After"] == "3"
        assert [record.status for record in registry.requests] == [200, 429]
        assert (registry.count(status=429), registry.username, registry.sent > 0) == (1, "ana", True)
        with pytest.raises(KeyError):
            registry.digest("team/app", "none")
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=2)


def test_ends_with_a_killed_parent(tmp_path: Path) -> None:
    """No server outlives a test run that was killed."""
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    tests = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, script, tests], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = f"http://{parent.stdout.readline().strip()}/v2/"
        assert requests.get(url, timeout=2).status_code == 200
        os.kill(parent.pid, signal.SIGKILL)

    def refused() -> bool:
        with contextlib.suppress(requests.ConnectionError):
            requests.get(url, timeout=2)
            return False
        return True

    eventually(refused, within=5, what="the orphan is gone")
