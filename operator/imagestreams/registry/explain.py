"""The words of a failed question: which registry, repository and credential, and what to do. Pure.

Called by registry.client with what went wrong; the text becomes a condition, an event and a log line.
It says the same for the same failure, for a condition that changed would be written again. It is never longer
than 1,000 characters: an event has 1,024, and importing.asking adds how it is retried.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from imagestreams.errors import (
    DeniedError,
    NoImageError,
    NotFoundError,
    PlatformError,
    RegistryError,
    UnauthorizedError,
    UnreachableError,
    UnwellError,
)
from imagestreams.registry.authorities import CONFIG_MAP
from imagestreams.registry.exchange import ForeignChallengeError
from imagestreams.registry.failures import TlsError
from imagestreams.registry.wording import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagestreams.registry.exchange import Visitor

_LIMIT = 1_000


@dataclasses.dataclass(frozen=True, slots=True)
class Fields:
    """Where a stream says what was asked for: what to correct, and how to do without verified TLS."""

    source: str
    insecure: str


FOR_TAG = Fields("spec.tags[].from.name", "importPolicy.insecure: true")
FOR_REPOSITORY = Fields(
    "spec.dockerImageRepository", 'the annotation openshift.io/image.insecureRepository: "true"'
)


@contextlib.contextmanager
def explaining(reference: object, visitor: Visitor, fields: Fields = FOR_TAG) -> Iterator[None]:
    """Say what goes wrong inside the block with a reference, as an error of the same kind."""
    try:
        yield
    except RegistryError as error:
        raise error.saying(explain(error, reference, visitor, fields)) from error


def explain(error: RegistryError, reference: object, visitor: Visitor, fields: Fields = FOR_TAG) -> str:
    """Say what went wrong with a reference, and how to mend it, in 1,000 characters at most."""
    words = str(error)
    text = f"{reference}: {_explain(error, words, visitor, fields)}"
    if len(text) > _LIMIT:
        # What to do stands at the end: rather the registry's own words are shortened.
        words = cut(words, max(len(words) - (len(text) - _LIMIT), 0))
        text = f"{reference}: {_explain(error, words, visitor, fields)}"
    return cut(text, _LIMIT)


def _explain(error: RegistryError, words: str, visitor: Visitor, fields: Fields) -> str:
    place, credential = visitor.place, visitor.credential
    where = f"registry {place.host}, repository {place.repository}"
    secret = f'the credential of secret "{credential.secret}"' if credential else "no credential"
    match error:
        case ForeignChallengeError():
            text = (
                f"{where}: {words}, and is sent none. Name it in {fields.source}, with a pull secret for it"
            )
        case UnauthorizedError() if credential is None:
            text = (
                f"{where}: it wants a credential, and no pull secret of the namespace fits. Create one: "
                f"kubectl create secret docker-registry NAME --docker-server={place.host} "
                "--docker-username=USER --docker-password=PASSWORD"
            )
        case UnauthorizedError():
            text = f"{where}: it refused {secret}. Put a valid user name and password into that secret"
        case NotFoundError() if not isinstance(error, PlatformError):
            text = (
                f"{where}: {words} (asked with {secret}). Push it, or correct {fields.source}; "
                "a private repository may answer so to who has no right to it"
            )
        case DeniedError() | UnwellError():
            text = f"{where}: {words} (asked with {secret})"
        case TlsError() if error.not_tls:
            text = f"{where}: {words}. Serve it over TLS, or set {fields.insecure} to allow plain HTTP"
        case TlsError():
            text = (
                f"{where}: {words}. Put its CA into ConfigMap {CONFIG_MAP} of the namespace, key ca.crt, or "
                f"set {fields.insecure} to do without verification"
            )
        case UnreachableError():
            text = f"{where}: {words}. Check the host in {fields.source}, and that the operator can reach it"
        case _:
            text = f"{where}: {words}{_hint(error, fields)}"
    return text


def _hint(error: RegistryError, fields: Fields) -> str:
    match error:
        case PlatformError():
            return ""
        case NoImageError():
            return f". Push an image there, or correct {fields.source}"
        case _:
            return f". Check that {fields.source} names a container registry"
