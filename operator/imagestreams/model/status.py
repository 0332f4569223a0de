"""The status of a stream as values, and its one spelling as JSON.

Read from the API server at the border (`StreamStatus.parse`), computed by importing.record,
written by kube.streams (`to_json`). The field names are the original's (image.openshift.io/v1);
`intent`, `index`, `available`, `summary`, `conditions` and `observedGeneration` are ours.
"""

from __future__ import annotations

import bisect
import dataclasses
import operator
from typing import Any

from imagestreams.model import border

IMPORT_SUCCESS = "ImportSuccess"
HELD = "Held"
READY = "Ready"
REPOSITORY_FOLLOWED = "RepositoryFollowed"
_TAG = operator.attrgetter("tag")


@dataclasses.dataclass(frozen=True, slots=True)
class Intent:
    """What a tag was asked to be. A change of it, and nothing else in spec, asks for an import.

    It stands for the original's spec.tags[].generation, which we never write: `generation` is the
    stream's metadata.generation at which this intent was first acted on.
    """

    kind: str
    name: str
    namespace: str = ""
    reference: bool = False
    import_mode: str = ""
    insecure: bool = False
    requested_at: str = ""
    prefer_os: str = ""
    prefer_arch: str = ""
    listed: bool = False
    """Whether no tag of spec asks for it, but the list of spec.dockerImageRepository."""
    generation: int = dataclasses.field(default=0, compare=False)

    @classmethod
    def parse(cls, raw: Any) -> Intent | None:
        """Read `status.tags[].intent`; None where there is none, or one that asks for nothing."""
        body = border.mapping(raw)
        if not border.text(body.get("kind")):
            return None
        return cls(
            kind=border.text(body.get("kind")),
            name=border.text(body.get("name")),
            namespace=border.text(body.get("namespace")),
            reference=body.get("reference") is True,
            import_mode=border.text(body.get("importMode")),
            insecure=body.get("insecure") is True,
            requested_at=border.text(body.get("requestedAt")),
            prefer_os=border.text(body.get("preferOS")),
            prefer_arch=border.text(body.get("preferArch")),
            listed=body.get("listed") is True,
            generation=border.integer(body.get("generation")),
        )

    def to_json(self) -> dict[str, Any]:
        """Spell it as JSON, without what is empty."""
        return border.without_empty(
            kind=self.kind,
            name=self.name,
            namespace=self.namespace,
            reference=self.reference,
            importMode=self.import_mode,
            insecure=self.insecure,
            requestedAt=self.requested_at,
            preferOS=self.prefer_os,
            preferArch=self.prefer_arch,
            listed=self.listed,
            generation=self.generation,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class TagEvent:
    """One item of a tag's history: which image it was, since when."""

    created: str
    """RFC 3339, UTC, to the second."""
    reference: str
    """The pull spec (dockerImageReference)."""
    image: str
    """The image's digest, "" for a tag that is only a reference."""
    generation: int = 0

    @classmethod
    def parse(cls, raw: Any) -> TagEvent:
        """Read one of `status.tags[].items`."""
        body = border.mapping(raw)
        return cls(
            created=border.text(body.get("created")),
            reference=border.text(body.get("dockerImageReference")),
            image=border.text(body.get("image")),
            generation=border.integer(body.get("generation")),
        )

    def to_json(self) -> dict[str, Any]:
        """Spell it as the original does: all four fields, always."""
        return {
            "created": self.created or None,
            "dockerImageReference": self.reference,
            "image": self.image,
            "generation": self.generation,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a tag (ImportSuccess, Held) or of the stream (Ready).

    `generation` is what it reports on: the intent's for a tag, the stream's for the stream.
    """

    type: str
    status: str
    reason: str
    message: str
    last_transition: str
    generation: int = 0

    def says_the_same(self, other: Condition) -> bool:
        """Tell whether both say the same of the same, whatever their times."""
        return dataclasses.replace(self, last_transition=other.last_transition) == other

    @classmethod
    def parse(cls, raw: Any, *, generation_field: str) -> Condition:
        """Read a condition; tags call the last field `generation`, streams `observedGeneration`."""
        body = border.mapping(raw)
        return cls(
            type=border.text(body.get("type")),
            status=border.text(body.get("status")),
            reason=border.text(body.get("reason")),
            message=border.text(body.get("message")),
            last_transition=border.text(body.get("lastTransitionTime")),
            generation=border.integer(body.get(generation_field)),
        )

    def to_json(self, *, generation_field: str) -> dict[str, Any]:
        """Spell it as JSON."""
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": self.last_transition or None,
            generation_field: self.generation,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class TagStatus:
    """One tag's history, newest first, with its conditions and the intent both were made for."""

    tag: str
    items: tuple[TagEvent, ...] = ()
    conditions: tuple[Condition, ...] = ()
    intent: Intent | None = None
    index: str = ""
    """The digest of the index that the newest image was chosen from, "" if it was not."""
    available: TagEvent | None = None
    """The newest image seen of its source, where a hold keeps the tag at another; its generation is none."""

    @property
    def newest(self) -> TagEvent | None:
        """The newest image seen of its source: the current one, unless the tag is held."""
        return self.available or self.current

    @property
    def current(self) -> TagEvent | None:
        """The image the tag stands for now, if it ever had one."""
        return self.items[0] if self.items else None

    @property
    def failure(self) -> Condition | None:
        """The condition ImportSuccess=False, if the last import failed."""
        for condition in self.conditions:
            if condition.type == IMPORT_SUCCESS and condition.status == "False":
                return condition
        return None

    @property
    def held(self) -> Condition | None:
        """The condition Held, if somebody wants the tag to be held; False where that cannot be."""
        return next((condition for condition in self.conditions if condition.type == HELD), None)

    @classmethod
    def parse(cls, raw: Any) -> TagStatus:
        """Read one of `status.tags`."""
        body = border.mapping(raw)
        return cls(
            tag=border.text(body.get("tag")),
            items=tuple(TagEvent.parse(item) for item in border.items(body.get("items"))),
            conditions=tuple(
                Condition.parse(item, generation_field="generation")
                for item in border.items(body.get("conditions"))
            ),
            intent=Intent.parse(body.get("intent")),
            index=border.text(body.get("index")),
            available=_parse_available(body.get("available")),
        )

    def to_json(self) -> dict[str, Any]:
        """Spell it as the original does: `items` is there even when it is null."""
        body: dict[str, Any] = {"tag": self.tag, "items": [item.to_json() for item in self.items] or None}
        if self.conditions:
            body["conditions"] = [item.to_json(generation_field="generation") for item in self.conditions]
        if self.intent is not None:
            body["intent"] = self.intent.to_json()
        if self.index:
            body["index"] = self.index
        if self.available is not None:
            body["available"] = border.without_empty(
                image=self.available.image,
                dockerImageReference=self.available.reference,
                created=self.available.created,
            )
        return body


def _parse_available(raw: Any) -> TagEvent | None:
    event = dataclasses.replace(TagEvent.parse(raw), generation=0)
    return event if event.reference else None


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """The cells of `kubectl get is`, stored because a CRD's columns can only show stored fields."""

    repository: str = ""
    tags: str = ""
    updated: str = ""

    @classmethod
    def parse(cls, raw: Any) -> Summary:
        """Read `status.summary`."""
        body = border.mapping(raw)
        return cls(*(border.text(body.get(name)) for name in ("repository", "tags", "updated")))

    def to_json(self) -> dict[str, Any]:
        """Spell it as JSON, without what is empty."""
        return border.without_empty(repository=self.repository, tags=self.tags, updated=self.updated)


@dataclasses.dataclass(frozen=True, slots=True)
class StreamStatus:
    """The whole status of a stream. Tags are in the order of their names, as the original serves them."""

    repository: str = ""
    """dockerImageRepository: the internal repository if there is one, else spec's; may be ""."""
    tags: tuple[TagStatus, ...] = ()
    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    summary: Summary = dataclasses.field(default_factory=Summary)

    def tag(self, name: str) -> TagStatus | None:
        """Find the status of a tag."""
        # Ours are in the order of names; others' may be in any.
        at = bisect.bisect_left(self.tags, name, key=_TAG)
        if at < len(self.tags) and self.tags[at].tag == name:
            return self.tags[at]
        return next((tag for tag in self.tags if tag.tag == name), None)

    @classmethod
    def parse(cls, raw: Any) -> StreamStatus:
        """Read `status` of an ImageStream, whoever wrote it."""
        body = border.mapping(raw)
        return cls(
            repository=border.text(body.get("dockerImageRepository")),
            tags=tuple(TagStatus.parse(item) for item in border.items(body.get("tags"))),
            conditions=tuple(
                Condition.parse(item, generation_field="observedGeneration")
                for item in border.items(body.get("conditions"))
            ),
            observed_generation=border.integer(body.get("observedGeneration")),
            summary=Summary.parse(body.get("summary")),
        )

    def condition(self, kind: str) -> Condition | None:
        """Find a condition of the stream by its type."""
        return next((item for item in self.conditions if item.type == kind), None)

    def to_json(self) -> dict[str, Any]:
        """Spell it as JSON, as the API server stores it."""
        return {
            "dockerImageRepository": self.repository,
            "observedGeneration": self.observed_generation,
            "conditions": [item.to_json(generation_field="observedGeneration") for item in self.conditions],
            "summary": self.summary.to_json(),
            "tags": [tag.to_json() for tag in self.tags],
        }
