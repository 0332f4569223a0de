"""Image references: `[registry/]repository[:tag][@digest]`, kept as they were typed.

The grammar is that of the distribution project's reference package; where the registry ends and the
path begins follows the original: the first component is a registry only if it has a "." or a ":" or
is "localhost". What host is contacted for a reference is registry.names' business, not ours.
"""

from __future__ import annotations

import dataclasses
import re

from imagestreams.errors import InvalidError

DEFAULT_TAG = "latest"
NAME_MAX = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?", re.ASCII)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}", re.ASCII)
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """One image reference as typed: nothing is added to it, so `nginx` stays `nginx`."""

    registry: str
    """The host with its port, or "" where none was typed."""
    repository: str
    """The path below the host."""
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The reference without tag and digest, as typed."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest, else the tag, else "latest"."""
        return self.digest or self.tag or DEFAULT_TAG

    def at(self, digest: str) -> str:
        """Give the pull spec that pins this repository to a digest, spelled as typed."""
        return f"{self.name}@{digest}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def is_digest(text: str) -> bool:
    """Tell whether a text is a sha256 digest in full, the only algorithm we verify."""
    return _SHA256.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Tell whether a text can be a tag."""
    return _TAG.fullmatch(text) is not None


def parse_reference(text: str) -> Reference:
    """Read an image reference.

    Raises InvalidError, which shows the text and says which part is wrong.
    """
    shown = f'image reference "{text[:200]}"'
    if not text or text != text.strip():
        raise InvalidError(f"{shown} is empty or has blanks around it")
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise InvalidError(f"{shown}: what follows the @ is not a digest (sha256: and 64 hex digits)")
    if digest.startswith("sha256:") and not is_digest(digest):
        raise InvalidError(f"{shown}: a sha256 digest has 64 lower-case hex digits")
    if at and not is_digest(digest):
        raise InvalidError(f"{shown}: only sha256 digests are supported")
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise InvalidError(f"{shown}: the tag must be 1 to 128 of letters, digits, '_', '.' and '-'")
    registry, repository = _split_registry(head + slash + last)
    if registry and not _DOMAIN.fullmatch(registry):
        raise InvalidError(f'{shown}: "{registry[:100]}" is not a host name with an optional port')
    for component in repository.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise InvalidError(
                f'{shown}: "{component[:100]}" is not a repository path component (lower-case letters and '
                "digits, separated by '.', '_', '__' or '-')"
            )
    reference = Reference(registry, repository, tag, digest)
    if len(reference.name) > NAME_MAX:
        raise InvalidError(f"{shown}: the name is longer than {NAME_MAX} characters")
    return reference


def parse_repository(text: str) -> Reference:
    """Read a reference that names a repository and nothing in it.

    Raises InvalidError as parse_reference does.
    """
    reference = parse_reference(text)
    if reference.tag or reference.digest:
        raise InvalidError(f'image reference "{text[:200]}" must have no tag and no digest')
    return reference


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, path = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, path
    return "", name
