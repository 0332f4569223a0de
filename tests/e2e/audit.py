"""What the API server's audit log says of the operator: the requests made with its service account."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from localrun import ACCOUNT, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster

OPERATOR_USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """One request of the operator: the verb, the path and how it was answered."""

    verb: str
    path: str
    code: int
    at: float = 0.0
    """When it came in, as Unix time."""


def now() -> str:
    """Give this moment as the audit log writes it; the API server runs on the same clock."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def asked_since(cluster: Cluster, moment: str) -> list[Asked]:
    """List what the operator has asked since a moment; a watch counts when it begins and when it ends.

    An entry is in the log before the one who asked has the end of the answer.
    """
    return [
        Asked(entry["verb"], entry["requestURI"], _code(entry), _time(entry["requestReceivedTimestamp"]))
        for entry in _by_operator(cluster, moment)
    ]


def said_since(cluster: Cluster, moment: str) -> list[tuple[str, str]]:
    """Give what the operator has written since a moment, or tried to: where, and the whole body as JSON."""
    return [
        (entry["requestURI"], json.dumps(entry["requestObject"]))
        for entry in _by_operator(cluster, moment)
        if "requestObject" in entry
    ]


def writes_since(cluster: Cluster, moment: str) -> list[Asked]:
    """List what the operator has written, or tried to, since a moment."""
    return [asked for asked in asked_since(cluster, moment) if asked.verb in WRITES]


def answered_since(cluster: Cluster, moment: str, verb: str, below: str) -> list[tuple[str, float]]:
    """Give the path of each such request by anybody that succeeded, and when it was answered, as Unix time.

    `below` is how its path begins.
    """
    return [
        (entry["requestURI"].partition("?")[0], _time(entry["stageTimestamp"]))
        for entry in _entries(cluster, moment, f'"requestURI":"{below}')
        if entry["verb"] == verb and _code(entry) < 300
    ]


def writers_since(cluster: Cluster, moment: str, verb: str, path: str) -> set[str]:
    """Give who made such a request since a moment and was answered well."""
    return {
        entry["user"]["username"]
        for entry in _entries(cluster, moment, f'"requestURI":"{path}')
        if entry["verb"] == verb and _code(entry) < 300
    }


def _code(entry: dict[str, Any]) -> int:
    code: int = entry.get("responseStatus", {}).get("code", 0)
    return code


def _time(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def _by_operator(cluster: Cluster, moment: str) -> Iterator[dict[str, Any]]:
    for entry in _entries(cluster, moment, OPERATOR_USER):
        if entry["user"]["username"] == OPERATOR_USER:
            yield entry


def _entries(cluster: Cluster, moment: str, text: str) -> Iterator[dict[str, Any]]:
    assert cluster.audit_log is not None, "this cluster has no audit log"
    for path in sorted(cluster.audit_log.parent.glob(f"{cluster.audit_log.stem}*.log")):
        with path.open() as lines:
            for line in lines:
                if text not in line:
                    continue
                entry = json.loads(line)
                if entry["requestReceivedTimestamp"] >= moment:
                    yield entry
