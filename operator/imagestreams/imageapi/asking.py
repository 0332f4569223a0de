"""One request to the image API, as values: who asks, for what, how. Made by imageapi.server.

The words are Kubernetes' own (RequestInfo, UserInfo): verb, resource, subresource, namespace, name.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from imagestreams.kube.list_reading import Piece


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """Who asks, as the API server in front of us told us."""

    name: str
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    uid: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """One request for a resource of our group."""

    verb: str
    """get, list, watch, create, update, patch, delete or deletecollection."""
    resource: str
    user: User
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)
    content_type: str = ""
    """Of the body, without parameters."""
    body: bytes = b""
    user_agent: str = ""

    @property
    def field_manager(self) -> str:
        """Who owns what is written: as asked, else the first part of the User-Agent, as Kubernetes does."""
        return self.query.get("fieldManager", "") or self.user_agent.partition("/")[0][:128]

    @property
    def dry_run(self) -> bool:
        """Tell whether nothing may be stored."""
        return self.query.get("dryRun", "") == "All"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: an object or a list, in the group's v1, or a metav1.Status.

    The server turns it into a Table, or into its metadata alone, where that was asked for.
    """

    body: dict[str, Any]
    code: int = 200
    warnings: tuple[str, ...] = ()
    """What was not done all the same, which kubectl and oc show."""


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """A list that is made while it is sent: its objects are in the group's v1."""

    kind: str
    """Such as ImageStreamList."""
    pieces: AsyncGenerator[Piece]
    """The last of them has the metadata of the list. What is refused, the first of them raises."""


@dataclasses.dataclass(frozen=True, slots=True)
class Watch:
    """A watch that has begun: its events {"type", "object"}, in the group's v1, one after the other."""

    events: AsyncGenerator[dict[str, Any]]
