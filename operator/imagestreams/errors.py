"""Every error the operator raises on purpose, as one tree.

    ImageStreamsError
    ├── InvalidError              what a user wrote cannot be read: reference, interval, trigger, secret
    ├── RegistryError             what a registry answered, or did not; becomes a tag's condition
    │   ├── NotFoundError         no such repository, tag or digest
    │   │   ├── HiddenError       the same, told to somebody who may just not see it
    │   │   └── PlatformError     an index that has no image for the platform
    │   ├── UnauthorizedError     401: no credential, or one that was refused
    │   │   └── PasswordError     the user name or password itself was refused
    │   │       └── BasicRefusedError  by the registry, which may mean a right
    │   ├── DeniedError           403: known, but not allowed
    │   ├── BlockedError          the operator's own rules do not let the registry be asked
    │   ├── UnreachableError      DNS, connection, TLS or time; the registry did not answer
    │   ├── UnwellError           5xx: it answered that it cannot answer
    │   │   └── LimitedError      429: the whole host wants to be left alone for a while
    │   └── ProtocolError         it answered what no registry may answer
    │       └── NoImageError      what is stored there is no image that a node can run
    ├── ClusterError              what the Kubernetes API server answered
    │   ├── ConflictError         409: somebody wrote first
    │   ├── GoneError             404: the object is not there
    │   ├── TooLargeError         413, or etcd's own bound: the object is too large to store
    │   └── RefusedError          401, 403, 422: the write is not allowed or not valid
    ├── StatusError               what the image API answers whoever asked: a metav1.Status
    └── StartError                why the operator does not start; says how to mend it

Messages name hosts, repositories, tags and the names of secrets; never a password, a token or a header.
"""

from __future__ import annotations

import copy
import enum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reason(enum.StrEnum):
    """The reason of a condition ImportSuccess=False, as the original spells it (metav1.StatusReason)."""

    NOT_FOUND = "NotFound"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    INVALID = "Invalid"
    INTERNAL_ERROR = "InternalError"


class Retry(enum.Enum):
    """How soon asking again can help: TRANSIENT within seconds to minutes, PERMANENT when somebody acts."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"


class ImageStreamsError(Exception):
    """The root of the tree."""


class InvalidError(ImageStreamsError):
    """What a user wrote cannot be read. The message says what is wrong and how to write it."""


class StartError(ImageStreamsError):
    """The operator must not or cannot start. The message says why and how to mend it."""


class RegistryError(ImageStreamsError):
    """A question to a registry failed. `reason` and `retry` are what a condition and the schedule need.

    The reasons follow the original (observed: 404 is NotFound, 401 Unauthorized, all else InternalError).
    """

    reason: Reason = Reason.INTERNAL_ERROR
    retry: Retry = Retry.TRANSIENT
    of_host: bool = False
    """Whether it concerns everybody who asks the host, whatever they ask for."""
    another_may_see: bool = False
    """Whether the same question with another credential may have another answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.words = message
        """What went wrong, before registry.explain said of what and how to mend it."""
        self.wait = 0.0
        """For how many seconds the host is not asked again, whoever asks."""

    def saying(self, message: str) -> Self:
        """Give the same error with another message."""
        told = copy.copy(self)
        told.args = (message,)
        return told


class NotFoundError(RegistryError):
    """The registry has no such repository, tag or digest."""

    reason = Reason.NOT_FOUND
    retry = Retry.PERMANENT


class HiddenError(NotFoundError):
    """404 where nothing shows that who asks may see the repository: registries hide what is private so."""

    another_may_see = True


class PlatformError(NotFoundError):
    """The index has no image for the platform. The message says for which it has one, and what to do."""


class UnauthorizedError(RegistryError):
    """The registry wants a credential, or refused the one it was given."""

    reason = Reason.UNAUTHORIZED
    retry = Retry.PERMANENT
    another_may_see = True


class PasswordError(UnauthorizedError):
    """The password was refused, whatever was asked for. Sent again it may lock the account."""


class BasicRefusedError(PasswordError):
    """Basic was refused: mostly the password is wrong; some registries say so of a right that is missing."""


class DeniedError(RegistryError):
    """The registry knows who asks and does not allow it (403)."""

    retry = Retry.PERMANENT
    another_may_see = True


class BlockedError(RegistryError):
    """The rules of whoever runs the operator do not let this registry be asked."""

    reason = Reason.FORBIDDEN
    retry = Retry.PERMANENT


class UnreachableError(RegistryError):
    """No answer: the name does not resolve, the port is closed, TLS failed, or time ran out."""

    of_host = True


class UnwellError(RegistryError):
    """The registry said that it cannot answer now (5xx)."""

    of_host = True


class LimitedError(UnwellError):
    """The registry wants to be asked less often (429, or 503 with a Retry-After)."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class ProtocolError(RegistryError):
    """The answer is none that the OCI distribution specification allows, or is beyond our bounds."""

    retry = Retry.PERMANENT


class NoImageError(ProtocolError):
    """What is stored under the tag is no image that a node can run: an artifact, schema 1."""


class ClusterError(ImageStreamsError):
    """The Kubernetes API server did not do what it was asked. `status` is the HTTP code, 0 if unreachable."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ConflictError(ClusterError):
    """409: the object changed since it was read, or exists already."""


class GoneError(ClusterError):
    """404: the object is not there (any more)."""


class TooLargeError(ClusterError):
    """The object would be larger than the API server or etcd takes."""


class RefusedError(ClusterError):
    """401, 403 or 422: not allowed, or not valid; trying the same again cannot help."""


class StatusError(ImageStreamsError):
    """A request to the image API that is not done (imageapi.answers makes them, with Kubernetes' words).

    `reason` and `details` are metav1.Status', `code` is the HTTP code.
    """

    def __init__(
        self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = dict(details or {})
