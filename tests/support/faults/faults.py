"""What can go wrong at a registry, each fault a value.

A fault either answers in place of the registry, before it looks at credentials (`instead`), or alters the
answer that the registry was about to give (`altered`). `FaultRegistry.fail` says where and how often it
strikes.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from .answers import ERROR_CODES, REASONS, Answer, Stream, error_answer
from .connection import Request
from .deliveries import Dripping, Late, never, reset_half_way
from .images import SCHEMA1, digest_of, schema1_manifest
from .records import Kind

MANIFESTS: frozenset[Kind] = frozenset({"manifest-head", "manifest-get"})
# The token service is another service, often on another host: it fails where a test names it.
REGISTRY: frozenset[Kind] = MANIFESTS | {"ping", "blob", "tags", "other"}
WRONG_BODIES = {
    "list": b"[]",
    "string": b'"sha256:0000"',
    "number": b"2",
    "null": b"null",
    "schema1": schema1_manifest(),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Base of all faults: a fault that changes nothing.

    `kinds` are the requests it strikes where the test names none. `any_status` is False for a fault that
    waits for a good answer (200): it then leaves 401 challenges alone, and they do not count against `times`.
    """

    kinds: ClassVar[frozenset[Kind]] = REGISTRY
    any_status: ClassVar[bool] = False

    def instead(self, request: Request) -> Answer | None:
        """Return the answer given in the registry's place, or None to let the registry answer."""
        del request
        return None

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Return the registry's answer as this fault lets it through."""
        del request
        return answer


@dataclass(frozen=True, slots=True)
class Hang(Fault):
    """Reads the request and never answers, until the client or the registry closes the connection."""

    def instead(self, request: Request) -> Answer | None:
        """Answer nothing."""
        del request
        return Answer(0, delivery=never)


@dataclass(frozen=True, slots=True)
class Delay(Fault):
    """Answers right, `seconds` late."""

    seconds: float
    any_status: ClassVar[bool] = True

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Hold the answer back."""
        del request
        return dataclasses.replace(answer, delivery=Late(self.seconds))


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Answers with a status (429, 500, 403, 401, ...); the body is the specification's error unless given."""

    status: int
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def instead(self, request: Request) -> Answer | None:
        """Answer with the status."""
        del request
        if self.body is not None:
            return Answer(
                self.status, {"Content-Type": "text/plain; charset=utf-8", **self.headers}, self.body.encode()
            )
        message = REASONS.get(self.status, "failed").lower()
        return error_answer(self.status, ERROR_CODES.get(self.status, "UNKNOWN"), message, self.headers)


@dataclass(frozen=True, slots=True)
class Echo(Fault):
    """Refuses who sends a credential, and shows it: in the error, and in headers; others it lets through."""

    status: int = 403

    def instead(self, request: Request) -> Answer | None:
        """Answer with what was sent."""
        sent = request.headers.get("authorization", "") or request.body.decode("latin-1")
        if not sent:
            return None
        shown = {"Warning": f'299 - "{sent}"', "WWW-Authenticate": f'Bearer error_description="{sent}"'}
        return error_answer(self.status, f"DENIED {sent}", f"Authorization: {sent}", shown)


@dataclass(frozen=True, slots=True)
class Html(Fault):
    """Answers everything with 200 and a login page, as a portal or a wrong host does."""

    page: str = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"

    def instead(self, request: Request) -> Answer | None:
        """Answer with the page."""
        del request
        return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, self.page.encode())


@dataclass(frozen=True, slots=True)
class Redirect(Fault):
    """Sends the client to the same path at `to` ("http://host:port"), or, without it, in a loop."""

    to: str | None = None
    status: int = 307

    def instead(self, request: Request) -> Answer | None:
        """Answer with the new location."""
        query = f"?{request.query}" if request.query else ""
        return Answer(self.status, {"Location": f"{self.to or ''}{request.path}{query}"})


@dataclass(frozen=True, slots=True)
class RejectHead(Fault):
    """Refuses HEAD for manifests with 405, as some old registries and proxies do."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"manifest-head"})

    def instead(self, request: Request) -> Answer | None:
        """Refuse HEAD, let GET through."""
        if request.method != "HEAD":
            return None
        return error_answer(405, "UNSUPPORTED", "The operation is unsupported.", {"Allow": "GET"})


@dataclass(frozen=True, slots=True)
class Headers(Fault):
    """Adds headers to good answers (ratelimit-remaining, Warning, ...)."""

    headers: Mapping[str, str]

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Add the headers, in place of those of the same name."""
        del request
        return dataclasses.replace(answer, headers={**answer.headers, **self.headers})


@dataclass(frozen=True, slots=True)
class NoDigestHeader(Fault):
    """Leaves Docker-Content-Digest out."""

    kinds: ClassVar[frozenset[Kind]] = MANIFESTS | {"blob"}

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Drop the header."""
        del request
        kept = {name: value for name, value in answer.headers.items() if name != "Docker-Content-Digest"}
        return dataclasses.replace(answer, headers=kept)


@dataclass(frozen=True, slots=True)
class LyingDigest(Fault):
    """Docker-Content-Digest does not match the body.

    The header stays what it was and the body gains a trailing space: still valid JSON, so only a client that
    hashes sees it, by tag and by digest alike. With `digest` it is the header that is false and the body that
    is right.
    """

    digest: str | None = None
    kinds: ClassVar[frozenset[Kind]] = MANIFESTS | {"blob"}

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Tamper with the body, or with the header."""
        del request
        if self.digest is not None:
            return dataclasses.replace(
                answer, headers={**answer.headers, "Docker-Content-Digest": self.digest}
            )
        if isinstance(answer.body, Stream):
            return answer
        return dataclasses.replace(answer, body=answer.body + b" ")


@dataclass(frozen=True, slots=True)
class Huge(Fault):
    """Serves `size` bytes of valid JSON in place of the manifest, made while they are sent.

    With `chunked` there is no Content-Length to warn the client, on HEAD neither. The digest is not that of
    the body.
    """

    size: int = 100_000_000
    chunked: bool = False
    kinds: ClassVar[frozenset[Kind]] = MANIFESTS

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Exchange the body for the endless one."""
        del request
        return dataclasses.replace(answer, body=Stream(self.size, self.chunked))


@dataclass(frozen=True, slots=True)
class NotJson(Fault):
    """Serves a body that does not parse, under the right media type and with the digest of what is sent."""

    body: bytes = b'{"schemaVersion": 2, "config": {'
    kinds: ClassVar[frozenset[Kind]] = MANIFESTS | {"tags", "token"}

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Exchange the body."""
        del request
        return dataclasses.replace(answer, headers=_with_digest_of(self.body, answer.headers), body=self.body)


@dataclass(frozen=True, slots=True)
class WrongType(Fault):
    """Serves valid JSON of another kind: a list, a string, a number, null, or a schema 1 manifest.

    The digest header is the new body's, so that only the type is wrong.
    """

    value: Literal["list", "string", "number", "null", "schema1"] = "list"
    kinds: ClassVar[frozenset[Kind]] = MANIFESTS | {"tags", "token"}

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Exchange the body, for schema 1 also its media type."""
        del request
        body = WRONG_BODIES[self.value]
        headers = _with_digest_of(body, answer.headers)
        if self.value == "schema1":
            headers["Content-Type"] = SCHEMA1
        return dataclasses.replace(answer, headers=headers, body=body)


@dataclass(frozen=True, slots=True)
class ResetMidBody(Fault):
    """Resets the connection (RST) after half of the body; HEAD has no body and goes well."""

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Cut the delivery."""
        del request
        return dataclasses.replace(answer, delivery=reset_half_way)


@dataclass(frozen=True, slots=True)
class SlowDrip(Fault):
    """Delivers the body at `bytes_per_second`; with `head_too` the status line and headers as slowly."""

    bytes_per_second: float
    head_too: bool = False

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Slow the delivery."""
        del request
        return dataclasses.replace(answer, delivery=Dripping(self.bytes_per_second, self.head_too))


def _with_digest_of(body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    if "Docker-Content-Digest" not in headers:
        return dict(headers)
    return {**headers, "Docker-Content-Digest": digest_of(body)}
