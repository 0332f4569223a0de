"""The registry that misbehaves on demand: the parts put together, and the API of the tests.

How a request is answered is in service; here is what a test says and asks.
"""

import itertools
import secrets
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from .authorization import (
    Accounts,
    BasicGuard,
    BearerGuard,
    OpenDoor,
    TokenOptions,
    TokenService,
)
from .certificates import Certificates
from .content import Content
from .faults import Fault
from .images import build_image, build_index
from .listener import Listener
from .records import Kind, Record, Records
from .routes import TOKEN_PATH
from .rules import Rule, Rules
from .service import Service


class FaultRegistry:
    """A registry on 127.0.0.1, over HTTP or (`tls`) HTTPS, that serves from memory and fails as it is told.

    Use it as a context manager, or `start` and `stop` it; stopped and started again it keeps its port and
    content. `auth` None lets everyone pull; "basic" and "bearer" know one user (`username`, `password`) or
    those in `users`. `page` is the longest page of tags it serves; with `tells_digests` it tells
    their digests, too. Every method works at any time, from any thread.
    """

    def __init__(
        self,
        *,
        tls: Certificates | None = None,
        auth: Literal["basic", "bearer"] | None = None,
        users: Mapping[str, str] | None = None,
        tokens: TokenOptions | None = None,
        page: int | None = None,
        tells_digests: bool = False,
        port: int = 0,
    ) -> None:
        passwords = dict(users) if users else {"puller": secrets.token_urlsafe(12)}
        self.username, self.password = next(iter(passwords.items()))
        self._accounts = Accounts(passwords)
        self._auth = auth
        self._tokens = TokenService(self._accounts, tokens or TokenOptions(), "fault-registry")
        self._tls = tls
        self._content = Content(page, tells_digests)
        self._rules = Rules()
        self._records = Records()
        self._service = Service(self._content, self._tokens, OpenDoor(), self._rules, self._records)
        self._connections = itertools.count(1)
        self._port = port
        self._token_port = 0
        self._listeners: list[Listener] = []

    # Life.

    def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        self._port = self._listen(self._port)
        if self._auth == "bearer":
            self._token_port = (
                self._listen(self._token_port) if self._tokens.options.separate_port else self._port
            )
            self._service.guard = BearerGuard(
                self._tokens, f"{self._scheme}://127.0.0.1:{self._token_port}{TOKEN_PATH}"
            )
        elif self._auth == "basic":
            self._service.guard = BasicGuard(self._accounts)

    def stop(self) -> None:
        """Cut every connection and refuse new ones, as a registry that crashed; content and records stay."""
        while self._listeners:
            self._listeners.pop().close()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def host(self) -> str:
        """Host and port as an image reference names them: "127.0.0.1:<port>"."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """Scheme and host: "http://127.0.0.1:<port>"."""
        return f"{self._scheme}://{self.host}"

    @property
    def token_host(self) -> str:
        """Host and port of the token service (the same as `host` unless it has a port of its own)."""
        return f"127.0.0.1:{self._token_port}"

    # Content.

    def put_image(
        self,
        repository: str,
        tag: str | None,
        content: str | None = None,
        *,
        platform: str = "linux/amd64",
        docker: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> str:
        """Store an image under a tag (None: by digest alone) and return its digest.

        Another `content` gives another digest; by default it is the repository and tag. `docker` makes it
        schema 2 instead of OCI; `config` is merged into the image config's "config" (Cmd, Env, Labels,
        ExposedPorts, ...).
        """
        image = build_image(content or f"{repository}:{tag}", platform=platform, docker=docker, config=config)
        return self._content.put_image(repository, tag, image)

    def put_index(
        self,
        repository: str,
        tag: str | None,
        platforms: Sequence[str] = ("linux/amd64", "linux/arm64/v8"),
        content: str | None = None,
        *,
        docker: bool = False,
    ) -> str:
        """Store an image for each platform and their index (`docker`: manifest list); return its digest."""
        text = content or f"{repository}:{tag}"
        images = [build_image(text, platform=platform, docker=docker) for platform in platforms]
        for image in images:
            self._content.put_image(repository, None, image)
        body, media_type = build_index(images, docker=docker)
        return self._content.put_manifest(repository, tag, body, media_type)

    def put_manifest(self, repository: str, tag: str | None, body: bytes, media_type: str) -> str:
        """Store any bytes as a manifest and return their digest; nothing is checked."""
        return self._content.put_manifest(repository, tag, body, media_type)

    def put_blob(self, repository: str, body: bytes) -> str:
        """Store a blob and return its digest."""
        return self._content.put_blob(repository, body)

    def move(self, repository: str, tag: str, digest: str) -> None:
        """Point a tag at a manifest of the repository; raises KeyError where it has no such manifest."""
        self._content.move(repository, tag, digest)

    def delete(self, repository: str, reference: str) -> None:
        """Remove a tag, or a digest and all its tags; raises KeyError where there is none."""
        self._content.delete(repository, reference)

    def digest(self, repository: str, tag: str) -> str:
        """Return the digest that a tag points at; raises KeyError where there is none."""
        return self._content.digest(repository, tag)

    def children(self, repository: str, digest: str) -> dict[str, str]:
        """Return platform ("linux/arm64/v8") -> digest of an index; raises KeyError where there is none."""
        return self._content.children(repository, digest)

    # Rights.

    @property
    def identity_token(self) -> str:
        """The identity (refresh) token of `username`, for the token service's POST."""
        return self._accounts.identity_token(self.username)

    def make_public(self, repository: str) -> None:
        """Let everyone pull the repository; with "bearer" an anonymous token is still needed."""
        self._accounts.public.add(repository)

    def restrict(self, repository: str, users: Collection[str] = ()) -> None:
        """Let only these users pull the repository."""
        self._accounts.restricted[repository] = frozenset(users)

    def change_password(self, user: str, password: str) -> None:
        """Give a user another password; tokens given before stay good."""
        self._accounts.change_password(user, password)

    def revoke_tokens(self) -> None:
        """End the life of every token given so far, without waiting for it."""
        self._tokens.grants.clear()

    # Faults.

    def fail(
        self,
        fault: Fault,
        *,
        repository: str | None = None,
        kind: Kind | Collection[Kind] | None = None,
        times: int | None = None,
    ) -> None:
        """Put a fault in force for a repository or (None) the whole host.

        It stays for ever, or for the next `times` requests that it changes. `kind` says which requests it
        strikes; by default those of `fault.kinds`, which never are the token service's. Faults add up: a
        later one works on what the earlier ones let through.
        """
        kinds = fault.kinds if kind is None else frozenset([kind] if isinstance(kind, str) else kind)
        self._rules.add(Rule(fault, repository, kinds, times))

    def heal(self, repository: str | None = None) -> None:
        """End the faults of a repository, or (None) all of them. A request that hangs stays hanging."""
        self._rules.clear(repository)

    # Records.

    @property
    def requests(self) -> list[Record]:
        """Every request since the last reset, in the order of arrival (a copy)."""
        return self._records.matching()

    def matching(
        self,
        kind: Kind | None = None,
        repository: str | None = None,
        method: str | None = None,
        status: int | None = None,
    ) -> list[Record]:
        """Return the requests that match every filter given."""
        return self._records.matching(kind, repository, method, status)

    def count(
        self,
        kind: Kind | None = None,
        repository: str | None = None,
        method: str | None = None,
        status: int | None = None,
    ) -> int:
        """Return how many requests match every filter given."""
        return len(self._records.matching(kind, repository, method, status))

    @property
    def sent(self) -> int:
        """Bytes sent since the last reset, before encryption: how much of a huge answer a client took.

        What the client did not read but the kernel buffered counts, some MiB at most.
        """
        return self._records.sent

    def reset(self) -> None:
        """Forget the requests and bytes so far; content, rights and faults stay."""
        self._records.reset()

    # Serving.

    @property
    def _scheme(self) -> str:
        return "http" if self._tls is None else "https"

    def _listen(self, port: int) -> int:
        context = None if self._tls is None else self._tls.server_context()
        self._listeners.append(Listener(port, context, self._service, self._connections))
        return self._listeners[-1].port
