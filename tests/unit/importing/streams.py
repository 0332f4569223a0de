"""Streams to plan and record with, as the API server would send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagestreams.importing import record as importing_record
from imagestreams.model.permission import Permission
from imagestreams.model.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagestreams.importing.record import Outcome
    from imagestreams.model.status import StreamStatus

NOW = "2026-03-03T03:03:03Z"
EARLIER = "2026-01-01T01:01:01Z"


def digest(letter: str) -> str:
    """Make a digest."""
    return "sha256:" + letter * 64


def tag(
    name: str = "v1", image: str = "", *, notes: dict[str, str] | None = None, **policy: Any
) -> dict[str, Any]:
    """Make a spec tag of an image at registry r.io; `policy` is its importPolicy."""
    return {
        "name": name,
        "from": {"kind": "DockerImage", "name": image or f"r.io/app:{name}"},
        "importPolicy": policy,
        "annotations": notes or {},
    }


def body(
    *tags: dict[str, Any],
    name: str = "app",
    uid: str = "u-1",
    generation: int = 1,
    notes: dict[str, str] | None = None,
    status: dict[str, Any] | None = None,
    repository: str = "",
) -> dict[str, Any]:
    """Make the body of a stream in namespace shop."""
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": uid,
            "resourceVersion": "1",
            "generation": generation,
            "annotations": notes or {},
        },
        "spec": {"tags": list(tags), "dockerImageRepository": repository},
        "status": status or {},
    }


def stream(*tags: dict[str, Any], **parts: Any) -> Stream:
    """Make a stream of these tags."""
    return Stream.parse(body(*tags, **parts))


def record(
    given: Stream,
    outcomes: Mapping[str, Outcome],
    *,
    now: str,
    others: Iterable[Stream] = (),
    permission: Permission = Permission(granted=True),  # noqa: B008  # a frozen value
    **options: Any,
) -> StreamStatus:
    """Compute a status where these other streams are known, and this is permitted across namespaces."""
    known = {other.key: other for other in others}
    return importing_record.record(
        given,
        outcomes,
        now=now,
        lookup=known.get,
        permitted=lambda key: (
            Permission(granted=True) if key.namespace == given.key.namespace else permission
        ),
        **options,
    )
