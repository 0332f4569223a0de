"""All that an intake feeds, in virtual time: a store, an importer, a follower, and what they work with."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from imagestreams.triggering.follow import Follower
from imagestreams.watching.intake import Intake
from unit.importing.world import World as ImportingWorld
from unit.triggering.world import Cluster as Workloads

if TYPE_CHECKING:
    from imagestreams.model.stream import Stream, StreamKey


class World(ImportingWorld):
    """An intake between what is seen and who has to look."""

    def __init__(self) -> None:
        super().__init__()
        self.workloads = Workloads()
        self.all_streams: list[list[StreamKey]] = []
        self.complaints: list[tuple[str, str, str, str, bool]] = []
        self.follower = Follower(
            stream_of=self.store.stream,
            patcher=self.workloads,
            tell=lambda *_: None,
            metrics=self.metrics,
        )
        self.intake = Intake(
            store=self.store,
            importer=self.importer,
            follower=self.follower,
            metrics=self.metrics,
            tell=lambda subject, reason, message, warning: self.complaints.append(
                (subject.kind, subject.name, reason, message, warning)
            ),
        )

    async def collected(self, streams: list[Stream]) -> None:
        """Take note of which streams all are."""
        self.all_streams.append([stream.key for stream in streams])


def secret(user: str, version: str = "1", name: str = "pull", **changes: Any) -> dict[str, Any]:
    """Make the body of a pull secret for r.io in namespace shop."""
    auths = {"auths": {"r.io": {"username": user, "password": "password"}}}
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": f"s-{name}", "resourceVersion": version},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(json.dumps(auths).encode()).decode()},
    } | changes
