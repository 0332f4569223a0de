"""The rules of whoever runs the operator: mirrors, and which registries may be asked, and how. Pure.

Written as YAML in the ConfigMap `imagestreams-registries` of the operator's namespace, in the words that
OpenShift uses for its own (`registrySources` of image.config, mirrors as in an ImageTagMirrorSet). Read by
watching.intake, obeyed by importing.asking.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import yaml

from imagestreams.errors import InvalidError
from imagestreams.registry.names import Place, canonical_host, place_at
from imagestreams.registry.wording import shown

ALLOW_SOURCE = "AllowContactingSource"
NEVER_SOURCE = "NeverContactSource"
_SOURCES = ("allowedRegistries", "blockedRegistries", "insecureRegistries")
_SCOPE = re.compile(
    r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[a-z0-9._/-]+)?", re.ASCII
)
_MOST = 1000
_TEXT_MOST = 128 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """Which repositories a rule is about: a host, maybe a port, maybe a beginning of the path.

    `*.example.com` stands for every host below example.com; without a port every port is meant, as in the
    original's registries.conf.
    """

    host: str
    port: str
    path: str

    @classmethod
    def parse(cls, text: Any) -> Scope:
        """Read one, such as `quay.io/team` or `*.example.com:5000`. Raises InvalidError."""
        if not isinstance(text, str) or not _SCOPE.fullmatch(text):
            raise InvalidError(
                f'"{shown(str(text))}" is not HOST[:PORT][/PATH], where HOST may begin with "*."'
            )
        host, _, path = text.partition("/")
        name, _, port = canonical_host(host).partition(":")
        return cls(name, port, path.strip("/"))

    def fits(self, place: Place) -> bool:
        """Tell whether a repository is meant."""
        name, _, port = place.host.partition(":")
        if self.port not in {"", port}:
            return False
        if not (name.endswith(self.host[1:]) if self.host.startswith("*.") else name == self.host):
            return False
        return not self.path or f"{place.repository}/".startswith(f"{self.path}/")

    @property
    def rank(self) -> tuple[int, int, int]:
        """How narrow it is: the longer path wins, then the named host, then the named port."""
        return len(self.path), 0 if self.host.startswith("*.") else 1, len(self.port)

    def __str__(self) -> str:
        return self.host + (f":{self.port}" if self.port else "") + (f"/{self.path}" if self.path else "")


@dataclasses.dataclass(frozen=True, slots=True)
class Mirrored:
    """A source and its mirrors (host/path), in the order in which they are asked."""

    source: Scope
    mirrors: tuple[str, ...]
    source_too: bool = True
    """Whether the source is asked in the end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """All rules; none by default."""

    mirrored: tuple[Mirrored, ...] = ()
    allowed: tuple[Scope, ...] = ()
    """Where any is named, nothing else may be asked."""
    blocked: tuple[Scope, ...] = ()
    insecure: tuple[Scope, ...] = ()
    unread: bool = False
    """There are rules, and nobody could read them yet."""

    def refusal(self, place: Place) -> str:
        """Say why a repository may not be imported from; "" when it may."""
        if self.unread:
            return "the rules of this cluster cannot be read; an Event on their ConfigMap says why"
        for scope in self.blocked:
            if scope.fits(place):
                return f'"{scope}" is blocked by the rules of this cluster (blockedRegistries)'
        if self.allowed and not any(scope.fits(place) for scope in self.allowed):
            return "it is not among the registries that this cluster allows (allowedRegistries)"
        return ""

    def places(self, place: Place) -> tuple[Place, ...]:
        """Say where a repository is asked for: at its mirrors, in order, then at home unless forbidden."""
        # Each check asks, and most clusters have no rules.
        fitting = [item for item in self.mirrored if item.source.fits(place)] if self.mirrored else []
        if not fitting:
            return (place,)
        chosen = max(fitting, key=lambda item: item.source.rank)
        rest = place.repository[len(chosen.source.path) :].strip("/")
        found = [_mirror(mirror, rest) for mirror in chosen.mirrors]
        return tuple(dict.fromkeys([*found, *([place] if chosen.source_too or not found else [])]))

    def is_insecure(self, place: Place) -> bool:
        """Tell whether a repository may be asked without TLS, or without verifying it."""
        return bool(self.insecure) and any(scope.fits(place) for scope in self.insecure)


NO_RULES = Rules()
UNREAD_RULES = Rules(unread=True)
"""What holds where rules cannot be read, and none were read before: nothing may be asked."""


def _mirror(mirror: str, rest: str) -> Place:
    host, _, path = mirror.partition("/")
    return place_at(host, "/".join(part for part in (path, rest) if part))


def parse_rules(text: str) -> Rules:
    """Read the rules from YAML.

    Raises InvalidError, which names the field and says how to write it.
    """
    if len(text) > _TEXT_MOST:
        raise InvalidError(f"it is longer than {_TEXT_MOST // 1024} KiB")
    try:
        content = yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader, without aliases
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise InvalidError(f"it is not YAML{where}") from None
    body = _mapping(content, "", ("registrySources", "imageMirrors"))
    sources = _mapping(body.get("registrySources"), "registrySources", _SOURCES)
    allowed, blocked, insecure = (_scopes(sources.get(name), f"registrySources.{name}") for name in _SOURCES)
    entries = _list(body.get("imageMirrors"), "imageMirrors")
    mirrored = tuple(_mirrored(entry, f"imageMirrors[{number}]") for number, entry in enumerate(entries))
    return Rules(mirrored, allowed, blocked, insecure)


class _Loader(yaml.SafeLoader):
    """Reads no aliases: a few lines of them make a document of gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def _mirrored(entry: Any, where: str) -> Mirrored:
    body = _mapping(entry, where, ("source", "mirrors", "mirrorSourcePolicy"))
    policy = body.get("mirrorSourcePolicy", ALLOW_SOURCE)
    if policy not in (ALLOW_SOURCE, NEVER_SOURCE):
        raise InvalidError(f"{where}.mirrorSourcePolicy: must be {ALLOW_SOURCE} or {NEVER_SOURCE}")
    mirrors = _scopes(body.get("mirrors"), f"{where}.mirrors")
    if not mirrors:
        raise InvalidError(f"{where}.mirrors: at least one mirror is needed")
    if any(scope.host.startswith("*.") for scope in mirrors):
        raise InvalidError(f'{where}.mirrors: a mirror is one host, without "*."')
    (source,) = _scopes([body.get("source")], f"{where}.source")
    return Mirrored(source, tuple(map(str, mirrors)), policy == ALLOW_SOURCE)


def _scopes(value: Any, where: str) -> tuple[Scope, ...]:
    found = []
    for number, item in enumerate(_list(value, where)):
        try:
            found.append(Scope.parse(item))
        except InvalidError as error:
            raise InvalidError(f"{where}[{number}]: {error}") from None
    return tuple(found)


def _mapping(value: Any, where: str, fields: tuple[str, ...]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidError(f"{where or 'it'}: must be an object with {', '.join(fields)}")
    for name in value:
        if name not in fields:
            raise InvalidError(
                f'{where or "it"}: has no field "{shown(str(name))}"; there are {", ".join(fields)}'
            )
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST:
        raise InvalidError(f"{where}: must be a list of at most {_MOST}")
    return value
