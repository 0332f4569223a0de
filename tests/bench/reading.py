"""What can be seen while a benchmark runs: the operator's metrics, and streams as the API server has them.

Used by the benchmarks of this package; what a registry was asked its own counts say (support.quick,
support.faults).
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.populate import Admin
    from localrun import OperatorProcess

STREAMS = "/apis/image.openshift.io/v1alpha1/imagestreams"
_Value = TypeVar("_Value")
_CHECKS = re.compile(r'^imagestreams_imports_total{outcome="(\w+)",registry="([^"]+)"} (\S+)$', re.MULTILINE)


def path_of(namespace: str, name: str = "") -> str:
    """Give the path of a namespace's streams, or of one."""
    path = f"/apis/image.openshift.io/v1alpha1/namespaces/{namespace}/imagestreams"
    return f"{path}/{name}" if name else path


def checks(operator: OperatorProcess, *hosts: str) -> int:
    """Count the operator's questions to these registries that were answered well."""
    found = _CHECKS.findall(operator.metrics())
    return sum(int(float(count)) for outcome, host, count in found if outcome == "ok" and host in hosts)


def gauge(operator: OperatorProcess, name: str) -> float:
    """Read a metric without labels."""
    found = re.search(rf"^{name} (\S+)$", operator.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def between_rounds(
    operator: OperatorProcess, hosts: Sequence[str], read: Callable[[], _Value]
) -> tuple[int, _Value]:
    """Read something while no question is under way; give the number of checks until then with it."""

    def attempt() -> tuple[int, _Value] | None:
        before = checks(operator, *hosts)
        value = read()
        quiet = gauge(operator, "imagestreams_questions_under_way") == 0
        return (before, value) if quiet and checks(operator, *hosts) == before else None

    found = eventually(attempt, within=30, every=0.05, what="a moment between two rounds")
    assert found is not None
    return found


def current(stream: dict[str, Any]) -> dict[str, str]:
    """Give the digest that each tag of a stream stands for."""
    tags = stream.get("status", {}).get("tags", [])
    return {tag["tag"]: tag["items"][0]["image"] for tag in tags if tag.get("items")}


def is_ready(stream: dict[str, Any]) -> bool:
    """Tell whether all is imported as the spec says now."""
    return any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and condition["observedGeneration"] == stream["metadata"]["generation"]
        for condition in stream.get("status", {}).get("conditions", [])
    )


def wait_ready(admin: Admin, namespaces: Sequence[str], *, within: float = 120) -> None:
    """Wait until every stream of these namespaces is ready; raises AssertionError."""

    def all_ready() -> bool:
        pages = [admin.request("GET", path_of(namespace))["items"] for namespace in namespaces]
        return all(is_ready(stream) for streams in pages for stream in streams)

    eventually(all_ready, within=within, every=0.5, what="every stream ready")


class Watch:
    """What becomes of streams from now on, as fast as the API server tells it."""

    def __init__(self, admin: Admin, path: str = STREAMS) -> None:
        """`path` is that of a collection; what is there already is not told."""
        version = admin.request("GET", f"{path}?limit=1")["metadata"]["resourceVersion"]
        self._answer = admin.session().get(
            admin.server + path,
            params={"watch": "1", "resourceVersion": version},
            stream=True,
            timeout=(5, 60),
        )
        self._answer.raise_for_status()

    def changed(self, *, within: float) -> Iterator[tuple[float, dict[str, Any]]]:
        """Give each stream as it changes, and when that was known (of time.monotonic).

        Raises RuntimeError when what is waited for has not come within so many seconds.
        """
        deadline = time.monotonic() + within
        for line in self._answer.iter_lines(chunk_size=None):
            now = time.monotonic()
            yield now, json.loads(line)["object"]
            if now > deadline:
                break
        raise RuntimeError(f"what was watched for did not come within {within:.0f} s")

    def close(self) -> None:
        """End it."""
        self._answer.close()


def processor_time(pid: int) -> float:
    """Give how many seconds of processor a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """Give the least value that so large a share of all does not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
