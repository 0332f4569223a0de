"""An ImageStream as a value: what a user wrote in spec and annotations, and the status beside it.

Parsed once, in watching, from the body the API server sent; everything after it works on these values.
The body itself is not kept. Neighbours: model.status (the other half), model.reference (what names mean).
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from imagestreams.model import annotation_keys, border
from imagestreams.model.status import Intent, StreamStatus

DOCKER_IMAGE = "DockerImage"
IMPORT_MODE_LEGACY = "Legacy"
IMPORT_MODE_PRESERVE = "PreserveOriginal"
_TOKEN_MOST = 80
_NAME_MOST = 40


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class StreamKey:
    """Which stream: its namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where a tag's image comes from (`spec.tags[].from`)."""

    kind: str
    name: str
    namespace: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class TagSpec:
    """One of `spec.tags`, as typed, or one that stands for a tag of the repository."""

    name: str
    source: Source | None = None
    reference: bool = False
    insecure: bool = False
    scheduled: bool = False
    import_mode: str = ""
    reference_policy: str = ""
    interval: str = ""
    requested_at: str = ""
    hold: str = ""
    """imagestreams.dev/hold, as typed."""
    prefer_os: str = ""
    prefer_arch: str = ""
    listed: bool = False
    """Not in spec: a tag of spec.dockerImageRepository (importing.effective)."""

    @property
    def importable(self) -> bool:
        """Tell whether a registry has to be asked for it (the original's rule)."""
        return self.source is not None and self.source.kind == DOCKER_IMAGE and not self.reference

    @classmethod
    def parse(cls, raw: Any) -> TagSpec:
        """Read one of `spec.tags`."""
        body = border.mapping(raw)
        policy = border.mapping(body.get("importPolicy"))
        notes = border.mapping(body.get("annotations"))
        from_ = border.mapping(body.get("from"))
        source = None
        if from_:
            source = Source(*(border.text(from_.get(field)) for field in ("kind", "name", "namespace")))
        return cls(
            name=border.text(body.get("name")),
            source=source,
            reference=body.get("reference") is True,
            insecure=policy.get("insecure") is True,
            scheduled=policy.get("scheduled") is True,
            import_mode=border.text(policy.get("importMode")),
            reference_policy=border.text(border.mapping(body.get("referencePolicy")).get("type")),
            interval=border.text(notes.get(annotation_keys.INTERVAL)),
            requested_at=border.text(notes.get(annotation_keys.REQUESTED_AT)),
            hold=border.text(notes.get(annotation_keys.HOLD)).strip(),
            prefer_os=border.text(notes.get(annotation_keys.PREFER_OS)),
            prefer_arch=border.text(notes.get(annotation_keys.PREFER_ARCH)),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Stream:
    """One ImageStream at one resourceVersion."""

    key: StreamKey
    uid: str
    resource_version: str
    generation: int
    tags: tuple[TagSpec, ...] = ()
    repository: str = ""
    """spec.dockerImageRepository."""
    interval: str = ""
    requested_at: str = ""
    keep: str = ""
    """imagestreams.dev/keep, as typed; so are the three below."""
    max_tags: str = ""
    include_tags: str = ""
    exclude_tags: str = ""
    max_rollouts: str = ""
    """imagestreams.dev/max-rollouts, as typed."""
    insecure: bool = False
    """openshift.io/image.insecureRepository, the original's: it counts for the repository alone."""
    local_lookup: bool = False
    """spec.lookupPolicy.local: whether an image "NAME:TAG" of its namespace means this stream."""
    status: StreamStatus = dataclasses.field(default_factory=StreamStatus)

    @classmethod
    def parse(cls, body: Any) -> Stream:
        """Read an ImageStream as the API server sent it; nothing in it can make this fail."""
        meta = border.mapping(border.mapping(body).get("metadata"))
        spec = border.mapping(border.mapping(body).get("spec"))
        notes = border.mapping(meta.get("annotations"))
        return cls(
            key=StreamKey(border.text(meta.get("namespace")), border.text(meta.get("name"))),
            uid=border.text(meta.get("uid")),
            resource_version=border.text(meta.get("resourceVersion")),
            generation=border.integer(meta.get("generation")),
            # Of two tags of one name the last counts, as in the original; each would else undo the other.
            tags=tuple(
                {tag.name: tag for tag in map(TagSpec.parse, border.items(spec.get("tags")))}.values()
            ),
            repository=border.text(spec.get("dockerImageRepository")),
            interval=border.text(notes.get(annotation_keys.INTERVAL)),
            requested_at=border.text(notes.get(annotation_keys.REQUESTED_AT)),
            keep=border.text(notes.get(annotation_keys.KEEP)),
            max_tags=border.text(notes.get(annotation_keys.MAX_TAGS)),
            include_tags=border.text(notes.get(annotation_keys.INCLUDE_TAGS)),
            exclude_tags=border.text(notes.get(annotation_keys.EXCLUDE_TAGS)),
            max_rollouts=border.text(notes.get(annotation_keys.MAX_ROLLOUTS)),
            insecure=notes.get(annotation_keys.INSECURE_REPOSITORY) == "true",
            local_lookup=border.mapping(spec.get("lookupPolicy")).get("local") is True,
            status=StreamStatus.parse(border.mapping(body).get("status")),
        )

    def tag(self, name: str) -> TagSpec | None:
        """Find a spec tag."""
        return next((tag for tag in self.tags if tag.name == name), None)


def intent_of(stream: Stream, tag: TagSpec) -> Intent:
    """Say what a spec tag asks for now, numbered with the stream's present generation.

    As in the original, scheduled, referencePolicy and other annotations, a hold among them, are no part of
    it: changing them re-imports nothing. Unlike it, `insecure` is: it decides how the registry is reached.
    """
    source = tag.source or Source("", "")
    mode = tag.import_mode or IMPORT_MODE_LEGACY
    legacy = mode == IMPORT_MODE_LEGACY and tag.importable
    return Intent(
        kind=source.kind,
        name=source.name,
        namespace=source.namespace,
        reference=tag.reference,
        import_mode=mode,
        insecure=tag.insecure,
        requested_at=_token(stream.requested_at, tag.requested_at),
        # Where no child is chosen they mean nothing, and changing them asks for nothing.
        prefer_os=tag.prefer_os[:_NAME_MOST] if legacy else "",
        prefer_arch=tag.prefer_arch[:_NAME_MOST] if legacy else "",
        listed=tag.listed,
        generation=stream.generation,
    )


def _token(of_stream: str, of_tag: str) -> str:
    token = f"{of_stream}/{of_tag}" if of_stream and of_tag else of_stream or of_tag
    # Any text may ask for an import, and each tag's status repeats it: a long one is kept as its hash.
    if len(token) <= _TOKEN_MOST:
        return token
    return f"sha256:{hashlib.sha256(token.encode(errors='replace')).hexdigest()}"
