"""Pull secrets: reading `.dockerconfigjson` and `.dockercfg`, and choosing what fits a repository. Pure.

watching.secrets reads them as they come and keeps only hosts and credentials; importing.work chooses;
registry.auth sends. A password shows in no repr.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.model.glob import fits
from imagestreams.registry.names import canonical_host
from imagestreams.registry.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagestreams.registry.names import Place

TYPE_DOCKERCONFIGJSON = "kubernetes.io/dockerconfigjson"
TYPE_DOCKERCFG = "kubernetes.io/dockercfg"
_KEYS = {TYPE_DOCKERCONFIGJSON: ".dockerconfigjson", TYPE_DOCKERCFG: ".dockercfg"}


@dataclasses.dataclass(frozen=True, slots=True)
class Credential:
    """A user name with a password or an identity token, and the secret it came from."""

    secret: str
    username: str = dataclasses.field(repr=False)
    password: str = dataclasses.field(repr=False)
    identity_token: str = dataclasses.field(default="", repr=False)
    key: str = dataclasses.field(init=False, repr=False, compare=False)
    """A fingerprint to cache by; tells nothing of what it stands for."""

    def __post_init__(self) -> None:
        parts = json.dumps([self.username, self.password, self.identity_token])
        # Reckoned once: each check looks at it several times.
        object.__setattr__(self, "key", hashlib.sha256(parts.encode()).hexdigest())

    @property
    def basic(self) -> str:
        """The value of an Authorization header of scheme Basic."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclasses.dataclass(frozen=True, slots=True)
class Login:
    """One entry of a pull secret: for which host and path prefix a credential is."""

    host: str
    """A canonical host with its port; may hold the globs * and ?, and no others."""
    path: str
    credential: Credential
    ending: str = dataclasses.field(init=False, repr=False, compare=False)
    """What follows the last glob of the host, by which most are told apart; else the host itself."""
    is_glob: bool = dataclasses.field(init=False, repr=False, compare=False)
    """Whether the host stands for several."""

    def __post_init__(self) -> None:
        ending = self.host[max(self.host.rfind("*"), self.host.rfind("?")) + 1 :]
        # Reckoned once: a secret may hold ten thousand entries, and each import looks at all of them.
        object.__setattr__(self, "ending", ending)
        object.__setattr__(self, "is_glob", len(ending) < len(self.host))

    def fits(self, place: Place) -> bool:
        """Tell whether it is for a repository: the host matches and the path is a prefix, by components."""
        if place.host != self.host and not (self.is_glob and _glob_fits(self.host, place.host)):
            return False
        return not self.path or f"{place.repository}/".startswith(f"{self.path}/")


def _glob_fits(glob: str, host: str) -> bool:
    # As the kubelet reads it: a glob is within one label of the name, and the port is the same. A wider
    # reading would show a credential to hosts that its owner did not mean.
    wanted, _, wanted_port = glob.partition(":")
    name, _, port = host.partition(":")
    patterns, labels = wanted.split("."), name.split(".")
    return (
        wanted_port == port
        and len(patterns) == len(labels)
        and all(fits(pattern, label) for pattern, label in zip(patterns, labels, strict=True))
    )


def choose(logins: Iterable[Login], place: Place) -> tuple[Credential, ...]:
    """Choose the credentials for a repository: the more specific first, else in the order given."""
    host = place.host
    fitting = [
        login
        for login in logins
        if (login.host == host or (login.is_glob and host.endswith(login.ending))) and login.fits(place)
    ]
    fitting.sort(key=lambda login: (-len(login.path), login.is_glob))
    return tuple(dict.fromkeys(login.credential for login in fitting))


def parse_secret(name: str, type_: str, data: Mapping[str, Any]) -> tuple[Login, ...]:
    """Read a pull secret's `data` (base64 values, as the API serves it).

    Raises InvalidError, which names the secret and what is wrong, and shows nothing of its content.
    """
    key = _KEYS.get(type_)
    if key is None or not isinstance(data.get(key), str):
        raise InvalidError(
            f'secret "{name}" of type {type_ or "(none)"} has no key {key or ".dockerconfigjson"}'
        )
    try:
        content = json.loads(base64.b64decode(data[key], validate=True))
    except (binascii.Error, ValueError, RecursionError):
        content = None
    auths = content
    if isinstance(content, dict) and type_ == TYPE_DOCKERCONFIGJSON:
        auths = content.get("auths", {})
    if not isinstance(auths, dict):
        raise InvalidError(f'secret "{name}": {key} is not the JSON that `docker login` writes')
    return tuple(
        Login(*_split_server(server), credential)
        for server, entry in auths.items()
        if (credential := _credential(name, server, entry)) is not None
    )


def _split_server(server: str) -> tuple[str, str]:
    rest = server.partition("://")[2] or server
    host, _, path = rest.partition("/")
    path = path.strip("/")
    # `docker login` spells Docker Hub "https://index.docker.io/v1/": an API version is no path prefix.
    return canonical_host(host), "" if path in {"v1", "v2"} else path


def _credential(secret: str, server: str, entry: Any) -> Credential | None:
    if not isinstance(entry, dict):
        raise InvalidError(f'secret "{secret}": the entry for "{shown(server)}" is not an object')
    username, password = entry.get("username", ""), entry.get("password", "")
    identity = entry.get("identitytoken", "")
    if entry.get("auth"):
        try:
            decoded = base64.b64decode(entry["auth"]).decode()
        except (binascii.Error, ValueError, TypeError):
            raise InvalidError(
                f'secret "{secret}": "auth" for "{shown(server)}" is not base64 of user:password'
            ) from None
        username, colon, password = decoded.partition(":")
        if not colon:
            raise InvalidError(
                f'secret "{secret}": "auth" for "{shown(server)}" is not base64 of user:password'
            )
        password = password.strip("\x00")
    if not all(_is_text(part) for part in (username, password, identity)):
        raise InvalidError(f'secret "{secret}": user name and password for "{shown(server)}" are not text')
    if not (username or identity):
        return None
    return Credential(secret, username, password, identity)


def _is_text(value: Any) -> bool:
    # JSON can spell half of a surrogate pair, which no header and no form can carry.
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
