"""Asking real registries: a client, questions about them, and more ways to misbehave.

The faults here are those that only a client of ours has to be proved against.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from imagestreams.model.reference import parse_reference
from imagestreams.registry.client import RegistryClient
from imagestreams.registry.credentials import Credential
from imagestreams.registry.manifests import Platform
from imagestreams.registry.names import place_of
from imagestreams.registry.question import Question
from imagestreams.registry.transport import Limits, Transport
from support.faults import Answer, Fault
from support.faults.answers import Stream

if TYPE_CHECKING:
    from pathlib import Path

    from imagestreams.registry.pacing import Pauses
    from support.faults import FaultRegistry, Kind, Request
    from support.faults.connection import Connection

HASTY = Limits(connect=0.4, read=0.4, total=0.5)
"""For hosts that never answer; a good answer may take longer on a busy machine."""
AMD = Platform("linux", "amd64")


class Client:
    """A registry client with its transport, to be closed."""

    def __init__(
        self, ca_file: Path | str = "", limits: Limits | None = None, pauses: Pauses | None = None
    ) -> None:
        self.quotas: list[tuple[str, int]] = []
        self.transport = Transport(
            user_agent="test",
            limits=limits,
            ca_file=str(ca_file),
            pauses=pauses,
            quota=lambda host, left: self.quotas.append((host, left)),
        )
        self.registry = RegistryClient(self.transport)

    def digest(self, question: Question) -> str:
        """Resolve a question."""
        return self.registry.resolve(question).digest

    def close(self) -> None:
        """Close its connections."""
        self.transport.close()


def ask(
    registry: FaultRegistry | str,
    repository: str = "a/b",
    version: str = ":v1",
    credential: Credential | None = None,
    *,
    insecure: bool = True,
    platform: Platform | None = AMD,
) -> Question:
    """Ask for a tag (":v1") or a digest ("@sha256:...") of a repository."""
    host = registry if isinstance(registry, str) else registry.host
    reference = parse_reference(f"{host}/{repository}{version}")
    return Question(reference, place_of(reference), platform, insecure, credential)


def right(registry: FaultRegistry) -> Credential:
    """Make the credential of the registry's user."""
    return Credential("right", registry.username, registry.password)


def wrong() -> Credential:
    """Make a credential that nobody has."""
    return Credential("wrong", "nobody", "nothing")


@dataclasses.dataclass(frozen=True, slots=True)
class Vanish(Fault):
    """Closes the connection without a word, in order (FIN) or by a reset."""

    reset: bool = False

    def instead(self, request: Request) -> Answer | None:
        """Answer nothing and close."""
        del request
        return Answer(0, delivery=_reset if self.reset else _say_nothing)


@dataclasses.dataclass(frozen=True, slots=True)
class CutShort(Fault):
    """Closes the connection in order (FIN) after half of the body; HEAD goes well."""

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Cut the delivery."""
        del request
        return dataclasses.replace(answer, delivery=_say_half)


@dataclasses.dataclass(frozen=True, slots=True)
class Gibberish(Fault):
    """Answers bytes that are no HTTP."""

    any_status: ClassVar[bool] = True

    def instead(self, request: Request) -> Answer | None:
        """Answer in another protocol."""
        del request
        return Answer(0, delivery=_say_gibberish)


@dataclasses.dataclass(frozen=True, slots=True)
class Challenge(Fault):
    """Answers 401 with a challenge of its own, whoever asks."""

    challenge: str
    kinds: ClassVar[frozenset[Kind]] = frozenset({"manifest-head", "manifest-get", "tags"})

    def instead(self, request: Request) -> Answer | None:
        """Challenge."""
        del request
        return Answer(401, {"WWW-Authenticate": self.challenge})


@dataclasses.dataclass(frozen=True, slots=True)
class HugeRedirect(Fault):
    """Redirects with 100 MB of body."""

    to: str

    def instead(self, request: Request) -> Answer | None:
        """Redirect."""
        del request
        return Answer(307, {"Location": self.to}, Stream(100_000_000, chunked=False))


def _say_nothing(connection: Connection, head: bytes, body: bytes | Stream) -> bool:
    del connection, head, body
    return False


def _reset(connection: Connection, head: bytes, body: bytes | Stream) -> bool:
    del head, body
    connection.reset_on_close()
    return False


def _say_half(connection: Connection, head: bytes, body: bytes | Stream) -> bool:
    assert isinstance(body, bytes)
    connection.send(head + body[: len(body) // 2])
    return not body


def _say_gibberish(connection: Connection, head: bytes, body: bytes | Stream) -> bool:
    del head, body
    connection.send(b"220 mail.example ESMTP ready\r\n")
    return False
