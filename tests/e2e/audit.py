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


def now() -> str:
    """Give this moment as the audit log writes it; the API server runs on the same clock."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def asked_since(cluster: Cluster, moment: str) -> list[Asked]:
    """List what the operator has asked since a moment; a watch counts when it begins and when it ends.

    An entry is in the log before the one who asked has the end of the answer.
    """
    return [
        Asked(entry["verb"], entry["requestURI"], entry.get("responseStatus", {}).get("code", 0))
        for entry in _entries(cluster, moment)
    ]


def said_since(cluster: Cluster, moment: str) -> list[tuple[str, str]]:
    """Give what the operator has written since a moment, or tried to: where, and the whole body as JSON."""
    return [
        (entry["requestURI"], json.dumps(entry["requestObject"]))
        for entry in _entries(cluster, moment)
        if "requestObject" in entry
    ]


def writes_since(cluster: Cluster, moment: str) -> list[Asked]:
    """List what the operator has written, or tried to, since a moment."""
    return [asked for asked in asked_since(cluster, moment) if asked.verb in WRITES]


def _entries(cluster: Cluster, moment: str) -> Iterator[dict[str, Any]]:
    assert cluster.audit_log is not None, "this cluster has no audit log"
    for path in sorted(cluster.audit_log.parent.glob(f"{cluster.audit_log.stem}*.log")):
        with path.open() as lines:
            for line in lines:
                if OPERATOR_USER not in line:
                    continue
                entry = json.loads(line)
                if entry["user"]["username"] == OPERATOR_USER and entry["requestReceivedTimestamp"] >= moment:
                    yield entry
