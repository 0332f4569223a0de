"""May a namespace take images of a stream of another? The answer as a value, and how a "no" is told. Pure.

Asked by kube.permissions, remembered by importing.permitting; obeyed by importing.derive for tags and by
triggering.patch for workloads.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.model.stream import StreamKey


@dataclasses.dataclass(frozen=True, slots=True)
class Permission:
    """Whether a namespace may take images of a stream of another; `granted` None: not known yet."""

    granted: bool | None
    how: str = ""
    """The commands that grant it."""

    def refusal(self, namespace: str, stream: StreamKey) -> str:
        """Say what the namespace may not, and which command grants it."""
        return (
            f"namespace {namespace} may not take images of {stream}: its service accounts may not "
            f'"get" its imagestreams/layers. Who may grant it runs: {self.how}'
        )


UNKNOWN = Permission(granted=None)
OWN = Permission(granted=True)
"""A stream of the namespace itself."""


def own_alone(stream: StreamKey) -> Callable[[StreamKey], Permission]:
    """Permit a stream its own images; what comes of other streams is left to whoever knows them."""
    return lambda other: OWN if other == stream else UNKNOWN
