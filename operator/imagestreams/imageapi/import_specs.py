"""What an ImageStreamImport asks for: read, refused where it is wrong, and as an edit of its stream. Pure.

The rules are the original's (ValidateImageStreamImport and its defaults). What is asked of registries for
it, and what is written, is imageapi.imports' to do; what is answered imageapi.import_answers' to spell.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.imageapi import answers, bodies
from imagestreams.imageapi.shapes import check_shape
from imagestreams.imageapi.stream_edits import restored_tag
from imagestreams.imageapi.stream_view import SOURCE_POLICY, tag_histories, tag_references
from imagestreams.imageapi.validation import (
    invalid,
    required,
    unreadable,
    validate_policies,
    validate_stream_name,
)
from imagestreams.model import border
from imagestreams.model.reference import Reference, parse_reference
from imagestreams.model.stream import DOCKER_IMAGE, Stream, TagSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagestreams.imageapi.answers import Cause

_KIND = "ImageStreamImport"
_IMAGES_MOST = 2000
"""As many tags as a stream may have; the original has no bound."""
_ONLY = f"only {DOCKER_IMAGE} is supported"


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """One image to import."""

    source: str
    """Its pull spec, as typed."""
    tag: str
    """The tag of the stream that is to have it, "" for none."""
    import_policy: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reference_policy: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    whole: bool = False
    """Whether the answer is to have its manifest and config, too (includeManifest)."""
    listed: bool = False
    """Whether the stream follows it as a tag of its repository: spec need not name it."""

    @property
    def source_tag(self) -> str:
        """The tag of the source, as the original names it where the import failed."""
        return _parsed(self.source).tag or ("" if "@" in self.source else "latest")

    def spec(self) -> TagSpec:
        """Give the tag of spec that asks for it, without what a stream has noted on the tag."""
        return TagSpec.parse(self._reference())

    def _reference(self) -> dict[str, Any]:
        return {
            "name": self.tag,
            "from": {"kind": DOCKER_IMAGE, "name": self.source},
            "importPolicy": self.import_policy,
            "referencePolicy": self.reference_policy,
        }

    def over(self, shown: Mapping[str, Any] | None) -> dict[str, Any]:
        """Give the tag of spec after the import; `shown` is the one that is there.

        Its annotations and its reference policy are kept, as in the original.
        """
        kept = {field: value for field, value in (shown or {}).items() if field != "reference"}
        policy = kept.get("referencePolicy") or self.reference_policy
        return {**kept, **self._reference(), "referencePolicy": policy}


def read_import(body: bytes, namespace: str) -> dict[str, Any]:
    """Read an ImageStreamImport.

    Raises StatusError: 400 where it cannot be read, 422 with all that is wrong with it.
    """
    sent = bodies.read_object(body, _KIND)
    check_shape(_KIND, sent)
    metadata, spec = dict(border.mapping(sent.get("metadata"))), border.mapping(sent.get("spec"))
    if (metadata.get("namespace") or namespace) != namespace:
        raise answers.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    metadata["namespace"] = namespace
    if causes := _wrong(metadata, spec):
        raise answers.invalid(_KIND, border.text(metadata.get("name")), causes)
    return {**sent, "metadata": metadata, "spec": spec}


def shown_spec(sent: Mapping[str, Any], *, mode: str) -> dict[str, Any]:
    """Fill in the spec of an import as the original does, for the answer. `mode` is the mode by default."""
    spec = border.mapping(sent.get("spec"))
    images = []
    for raw, wanted in zip(border.items(spec.get("images")), wanted_images(sent), strict=True):
        images.append({**_filled(raw, mode), **border.without_empty(to=wanted.tag and {"name": wanted.tag})})
    repository = spec.get("repository")
    return {
        "import": spec.get("import") is True,
        **border.without_empty(repository=repository and _filled(repository, mode), images=images),
    }


def check_stream(sent: Mapping[str, Any], stored: Mapping[str, Any] | None) -> None:
    """Refuse an import whose sender saw another stream than the one that is there, or none.

    Raises StatusError: 404, 409.
    """
    metadata = border.mapping(sent.get("metadata"))
    name = border.text(metadata.get("name"))
    version, uid = (border.text(metadata.get(field)) for field in ("resourceVersion", "uid"))
    if stored is None:
        if version or uid:
            raise answers.not_found("imagestreams", name)
        return
    known = border.mapping(stored.get("metadata"))
    if version and version != known.get("resourceVersion"):
        now = known.get("resourceVersion")
        why = f'the image stream was updated from "{version[:100]}" to "{now}"'
        raise answers.conflict("imagestream", name, why)
    if uid and uid != known.get("uid"):
        raise answers.not_found("imagestream", name)


def wanted_images(sent: Mapping[str, Any]) -> list[Wanted]:
    """List the single images of an import that was read."""
    images = border.items(border.mapping(sent.get("spec")).get("images"))
    # Only a tag that was typed names a tag of the stream.
    return [
        dataclasses.replace(each, tag=each.tag or _parsed(each.source).tag)
        for each in (_wanted(raw, border.text(border.mapping(raw.get("to")).get("name"))) for raw in images)
    ]


def wanted_repository(sent: Mapping[str, Any]) -> Wanted | None:
    """Give the repository of an import that was read, None where it has none."""
    repository = border.mapping(sent.get("spec")).get("repository")
    return _wanted(repository, "") if repository else None


def of_repository(repository: Wanted, tags: Iterable[str], *, listed: bool) -> list[Wanted]:
    """Name the images of some tags of a repository."""
    return [
        dataclasses.replace(repository, source=f"{repository.source}:{tag}", tag=tag, listed=listed)
        for tag in tags
    ]


def with_tags(stored: Mapping[str, Any], wanted: Iterable[Wanted], *, mode: str) -> dict[str, Any]:
    """Give a stored stream whose spec asks for these images; what asks for them already stays as it is."""
    shown = tag_references(stored, tag_histories(stored), mode=mode)
    spec = border.mapping(stored.get("spec"))
    tags = {border.text(tag.get("name")): tag for tag in map(border.mapping, border.items(spec.get("tags")))}
    for each in wanted:
        if each.tag and not each.listed:
            before = shown.get(each.tag)
            asked = each.over(before)
            if before is not None:
                asked = _plain(asked, mode)
            tags[each.tag] = restored_tag(asked, before, tags.get(each.tag))
    if list(tags.values()) == border.items(spec.get("tags")):
        return dict(stored)
    return {**stored, "spec": {**spec, "tags": list(tags.values())}}


def stream_to_be(stored: Mapping[str, Any], edited: Mapping[str, Any]) -> Stream:
    """Read a stream as it will be when an edit of its spec is written: its generation is the next then."""
    metadata = border.mapping(stored.get("metadata"))
    changed = edited.get("spec") != stored.get("spec")
    generation = border.integer(metadata.get("generation")) + changed
    return Stream.parse({**edited, "metadata": {**metadata, "generation": generation}})


def _wanted(raw: Mapping[str, Any], tag: str) -> Wanted:
    return Wanted(
        border.text(border.mapping(raw.get("from")).get("name")),
        tag,
        border.mapping(raw.get("importPolicy")),
        border.mapping(raw.get("referencePolicy")),
        whole=raw.get("includeManifest") is True,
    )


def _plain(tag: dict[str, Any], mode: str) -> dict[str, Any]:
    """Spell the policies of a tag as its view does, so that what is there by default is no change."""
    policy = border.mapping(tag.get("importPolicy"))
    kind = border.mapping(tag.get("referencePolicy")).get("type")
    return {
        **tag,
        "importPolicy": {
            **border.without_empty(insecure=policy.get("insecure"), scheduled=policy.get("scheduled")),
            "importMode": policy.get("importMode") or mode,
        },
        "referencePolicy": {"type": kind or SOURCE_POLICY},
    }


def _filled(raw: Mapping[str, Any], mode: str) -> dict[str, Any]:
    return {field: value for field, value in _plain(dict(raw), mode).items() if value is not None}


def _wrong(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Cause]:
    images = [border.mapping(image) for image in border.items(spec.get("images"))]
    if len(images) > _IMAGES_MOST:
        # Told alone: there are as many more.
        return [invalid("spec.images", len(images), f"at most {_IMAGES_MOST} images are imported at once")]
    causes: list[Cause] = []
    for at, image in enumerate(images):
        path = f"spec.images[{at}]"
        causes += _wrong_image(image, path) + validate_policies(image, path)
    repository = spec.get("repository")
    if repository is not None:
        causes += _wrong_repository(repository) + validate_policies(repository, "spec.repository")
    if not images and repository is None:
        why = "you must specify at least one image or a repository import"
        causes.append(invalid("spec.images", None, why))
    return causes + validate_stream_name(metadata)


def _wrong_image(image: Mapping[str, Any], path: str) -> list[Cause]:
    source = border.mapping(image.get("from"))
    kind, name = border.text(source.get("kind")), border.text(source.get("name"))
    if kind != DOCKER_IMAGE:
        return [invalid(f"{path}.from.kind", kind, _ONLY)]
    causes = []
    to = image.get("to")
    if to is not None and not border.mapping(to).get("name"):
        causes.append(invalid(f"{path}.to.name", "", "the name of the target tag must be specified"))
    if not name:
        causes.append(required(f"{path}.from.name"))
    elif why := unreadable(name):
        causes.append(invalid(f"{path}.from.name", name, why))
    return causes


def _wrong_repository(repository: Mapping[str, Any]) -> list[Cause]:
    path = "spec.repository.from"
    source = border.mapping(repository.get("from"))
    kind, name = border.text(source.get("kind")), border.text(source.get("name"))
    if kind != DOCKER_IMAGE:
        return [invalid(f"{path}.kind", kind, _ONLY)]
    if not name:
        return [required(f"{path}.name", "Docker image references require a name")]
    if why := unreadable(name):
        return [invalid(f"{path}.name", name, why)]
    reference = _parsed(name)
    if reference.tag or reference.digest:
        return [invalid(f"{path}.name", name, "you must specify an image repository, not a tag or ID")]
    return []


def _parsed(name: str) -> Reference:
    try:
        return parse_reference(name)
    except InvalidError:
        return Reference("", name)
