"""The words of a failed question: which registry, repository and credential, and what to do. Pure.

Called by registry.client with what went wrong; the text becomes a condition, an event and a log line.
It says the same for the same failure, for a condition that changed would be written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import (
    DeniedError,
    NotFoundError,
    RegistryError,
    UnauthorizedError,
    UnreachableError,
    UnwellError,
)
from imagestreams.registry.transport import TlsError

if TYPE_CHECKING:
    from imagestreams.registry.exchange import Visitor

_CORRECT = "spec.tags[].from.name"


def explain(error: RegistryError, reference: object, visitor: Visitor) -> str:
    """Say what went wrong with a reference, and how to mend it."""
    place, credential = visitor.place, visitor.credential
    where = f"registry {place.host}, repository {place.repository}"
    secret = f'the credential of secret "{credential.secret}"' if credential else "no credential"
    match error:
        case UnauthorizedError() if credential is None:
            text = (
                f"{where}: it wants a credential, and no pull secret of the namespace fits. Create one: "
                f"kubectl create secret docker-registry NAME --docker-server={place.host} "
                "--docker-username=USER --docker-password=PASSWORD"
            )
        case UnauthorizedError():
            text = f"{where}: it refused {secret}. Put a valid user name and password into that secret"
        case NotFoundError():
            text = (
                f"{where}: {error} (asked with {secret}). Push it, or correct {_CORRECT}; "
                "a private repository may answer so to who has no right to it"
            )
        case DeniedError() | UnwellError():
            text = f"{where}: {error} (asked with {secret})"
        case TlsError() if error.not_tls:
            text = (
                f"{where}: {error}. Serve it over TLS, or set importPolicy.insecure: true to allow plain HTTP"
            )
        case TlsError():
            text = (
                f"{where}: {error}. Have the operator trust its CA (IMAGESTREAMS_CA_FILE), or set "
                "importPolicy.insecure: true to do without verification"
            )
        case UnreachableError():
            text = f"{where}: {error}. Check the host in {_CORRECT}, and that the operator can reach it"
        case _:
            text = f"{where}: {error}. Check that {_CORRECT} names a container registry"
    return f"{reference}: {text}"
