"""Who may pull what, and how a client proves who it is: nothing, Basic, or Bearer with a token service.

`Accounts` holds users and rights. A guard looks at a request to the registry and gives a verdict;
`TokenService` is the service that a Bearer challenge names. Rules of distribution's token and OAuth2
documents: fewer rights than asked is no error at the token service, the registry then answers 401 with
error="insufficient_scope".
"""

import base64
import binascii
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs

from support import secrecy

from .answers import Answer, error_answer, json_answer
from .connection import Request

DEFAULT_LIFE = 60


@dataclass(slots=True)
class Accounts:
    """Users, their passwords and identity tokens, and what each may pull.

    Every user may pull every repository, unless it is in `restricted`, which names the users who may.
    Everyone may pull the repositories in `public`.
    """

    passwords: dict[str, str]
    public: set[str] = field(default_factory=set)
    restricted: dict[str, frozenset[str]] = field(default_factory=dict)
    identity_tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for user, password in self.passwords.items():
            secrecy.keep_login(user, password)

    def user_of_basic(self, header: str) -> str | None:
        """Return the user whom a Basic Authorization header proves, or None."""
        scheme, _, encoded = header.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user if scheme.lower() == "basic" and self.is_password(user, password) else None

    def change_password(self, user: str, password: str) -> None:
        """Give a user another password, or make a user."""
        secrecy.keep_login(user, password)
        self.passwords[user] = password

    def is_password(self, user: str, password: str) -> bool:
        """Return whether the password is the user's."""
        return user in self.passwords and secrets.compare_digest(
            self.passwords[user].encode(), password.encode()
        )

    def may_pull(self, user: str | None, repository: str) -> bool:
        """Return whether the user (None: anonymous) may pull from the repository."""
        if repository in self.public:
            return True
        return user is not None and user in self.restricted.get(repository, self.passwords)

    def identity_token(self, user: str) -> str:
        """Return the user's identity (refresh) token, always the same."""
        for token, owner in self.identity_tokens.items():
            if owner == user:
                return token
        token = secrets.token_urlsafe(24)
        self.identity_tokens[token] = user
        secrecy.keep(token)
        return token


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard found: whether the credential was right (None: none looked at), and the refusal if any."""

    right: bool | None = None
    refusal: Answer | None = None


class Guard(Protocol):
    """Decides whether a request may pass to the content."""

    def verdict(self, request: Request, repository: str) -> Verdict:
        """Judge a request; `repository` is "" for the ping."""
        ...


class OpenDoor:
    """Lets everyone pass and looks at no credential."""

    def verdict(self, request: Request, repository: str) -> Verdict:
        """Let the request pass."""
        del request, repository
        return Verdict()


@dataclass(frozen=True, slots=True)
class BasicGuard:
    """Wants a user's name and password with every request, save for public repositories."""

    accounts: Accounts

    def verdict(self, request: Request, repository: str) -> Verdict:
        """Challenge with 401 who is not known, refuse with 403 who may not pull."""
        header = request.headers.get("authorization")
        user = None if header is None else self.accounts.user_of_basic(header)
        right = None if header is None else user is not None
        if right is not False and repository and self.accounts.may_pull(user, repository):
            return Verdict(right)
        if user is None:
            challenge = {"WWW-Authenticate": 'Basic realm="Registry Realm"'}
            return Verdict(right, error_answer(401, "UNAUTHORIZED", "authentication required", challenge))
        if repository:
            return Verdict(right, error_answer(403, "DENIED", "requested access to the resource is denied"))
        return Verdict(right)


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """How the token service answers.

    `field`: under which name the token comes. `expires_in`: the life told and kept, in seconds; None tells
    none and keeps 60 s, the default of the specification. `separate_port`: on a port of its own.
    `refuse_anonymous`: answers 403 to an anonymous client that asks for a repository that is not public, in
    place of a token without rights.
    """

    field: Literal["token", "access_token", "both"] = "token"
    expires_in: float | None = 300
    separate_port: bool = False
    refuse_anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What one token is worth: the repositories it may pull, until `expires` (time.monotonic())."""

    repositories: frozenset[str]
    expires: float


@dataclass(slots=True)
class TokenService:
    """Gives tokens: GET with or without Basic, POST with a password or a refresh (identity) token."""

    accounts: Accounts
    options: TokenOptions
    service: str
    grants: dict[str, Grant] = field(default_factory=dict)

    def verdict(self, request: Request) -> tuple[Verdict, Answer]:
        """Answer a request for a token; the verdict says whether the credential was right."""
        if request.method == "POST":
            return self._by_form(parse_qs(request.body.decode("latin-1")))
        parameters = request.parameters()
        header = request.headers.get("authorization")
        user = None if header is None else self.accounts.user_of_basic(header)
        if header is not None and user is None:
            return Verdict(right=False), _wrong_credential()
        right = None if header is None else True
        refresh = user is not None and parameters.get("offline_token", [""])[0] == "true"
        return Verdict(right), self._granted(user, parameters, oauth=False, refresh=refresh)

    def _by_form(self, form: Mapping[str, list[str]]) -> tuple[Verdict, Answer]:
        grant_type = form.get("grant_type", [""])[0]
        if grant_type == "refresh_token":
            user = self.accounts.identity_tokens.get(form.get("refresh_token", [""])[0])
        elif grant_type == "password":
            name = form.get("username", [""])[0]
            user = name if self.accounts.is_password(name, form.get("password", [""])[0]) else None
        else:
            return Verdict(), error_answer(400, "UNSUPPORTED", "unsupported grant_type")
        if user is None:
            return Verdict(right=False), _wrong_credential()
        refresh = form.get("access_type", [""])[0] == "offline" or grant_type == "refresh_token"
        return Verdict(right=True), self._granted(user, form, oauth=True, refresh=refresh)

    def _granted(
        self, user: str | None, form: Mapping[str, list[str]], *, oauth: bool, refresh: bool
    ) -> Answer:
        asked = repositories_of(form.get("scope", []))
        granted = frozenset(name for name in asked if self.accounts.may_pull(user, name))
        if user is None and self.options.refuse_anonymous and granted != frozenset(asked):
            return error_answer(403, "DENIED", "requested access to the resource is denied")
        life = self.options.expires_in
        token = secrets.token_urlsafe(24)
        secrecy.keep(token)
        self.grants[token] = Grant(granted, time.monotonic() + (DEFAULT_LIFE if life is None else life))
        value: dict[str, Any] = {} if life is None else {"expires_in": life}
        if oauth or self.options.field != "token":
            value["access_token"] = token
        if not oauth and self.options.field != "access_token":
            value["token"] = token
        if refresh and user is not None:
            value["refresh_token"] = self.accounts.identity_token(user)
        return json_answer(200, value)


@dataclass(frozen=True, slots=True)
class BearerGuard:
    """Wants a token of its token service with every request; `realm` is that service's URL."""

    tokens: TokenService
    realm: str

    def verdict(self, request: Request, repository: str) -> Verdict:
        """Challenge with 401, saying what is wrong with the token where one came."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return Verdict(None, self._challenge(repository, ""))
        grant = self.tokens.grants.get(token) if scheme.lower() == "bearer" else None
        if grant is None or grant.expires <= time.monotonic():
            return Verdict(right=False, refusal=self._challenge(repository, "invalid_token"))
        if repository and repository not in grant.repositories:
            return Verdict(right=True, refusal=self._challenge(repository, "insufficient_scope"))
        return Verdict(right=True)

    def _challenge(self, repository: str, error: str) -> Answer:
        challenge = f'Bearer realm="{self.realm}",service="{self.tokens.service}"'
        if repository:
            challenge += f',scope="repository:{repository}:pull"'
        if error:
            challenge += f',error="{error}"'
        return error_answer(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})


def repositories_of(scopes: list[str]) -> list[str]:
    """Return the repositories that scopes ask to pull ("repository:a/b:pull", spaces between several)."""
    names = []
    for scope in " ".join(scopes).split():
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind == "repository" and "pull" in actions.split(","):
            names.append(name)
    return names


def _wrong_credential() -> Answer:
    return error_answer(401, "UNAUTHORIZED", "incorrect username or password")
