"""What is answered when a request cannot be done: metav1.Status, in Kubernetes' own words. Pure.

Raised anywhere in the image API as errors.StatusError; imageapi.server sends `body`. The texts are those of
k8s.io/apimachinery/pkg/api/errors, which `oc` and kubectl print and partly branch on.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from imagestreams.errors import StatusError
from imagestreams.imageapi.resources import GROUP
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagestreams.errors import ClusterError

_MESSAGE_MOST = 64 * 1024
_REASONS = {403: "Forbidden", 404: "NotFound", 409: "Conflict", 413: "RequestEntityTooLarge", 422: "Invalid"}


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with an object; `field` is its path, such as spec.tags[latest].from.kind."""

    reason: str
    """FieldValueRequired, FieldValueInvalid, FieldValueForbidden, FieldValueNotSupported, InternalError."""
    field: str
    message: str
    """As in field.Error.ErrorBody, such as: Required value: tag is required."""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Spell it as metav1.StatusCause."""
        return border.without_empty(reason=self.reason, message=self.message, field=self.field)


def qualified(resource: str, group: str = GROUP) -> str:
    """Name a resource (or kind) with its group: imagestreams.image.openshift.io."""
    return f"{resource}.{group}" if group else resource


def success(resource: str = "", name: str = "", uid: str = "") -> dict[str, Any]:
    """Spell the Status of what was done and leaves nothing to show."""
    details = border.without_empty(name=name, group=GROUP, kind=resource, uid=uid) if resource else {}
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
    }
    return {**status, **border.without_empty(details=details)}


def not_found(resource: str, name: str) -> StatusError:
    """404: there is no such object. `resource` is the plural: clients branch on it."""
    return _named(404, "NotFound", f'{qualified(resource)} "{name}" not found', resource, name)


def not_found_path() -> StatusError:
    """404: nothing is served at a path."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: str, name: str) -> StatusError:
    """409: an object of that name is there."""
    return _named(409, "AlreadyExists", f'{qualified(resource)} "{name}" already exists', resource, name)


def conflict(resource: str, name: str, why: str) -> StatusError:
    """409: somebody wrote first, or a precondition does not hold."""
    message = f'Operation cannot be fulfilled on {qualified(resource)} "{name}": {why}'
    return _named(409, "Conflict", message, resource, name)


def invalid(kind: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422: the object is not valid. `kind` is the kind, not the plural."""
    found = [str(cause) if cause.field else cause.message for cause in causes]
    told = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
    message = f'{kind}.{GROUP} "{name}" is invalid: {told}'
    return _named(422, "Invalid", message, kind, name, causes=causes)


def forbidden(resource: str, name: str, why: str) -> StatusError:
    """403: who asks may not. `why` as authorization says it, or what it is about."""
    what = f' "{name}"' if name else ""
    return _named(403, "Forbidden", f"{qualified(resource)}{what} is forbidden: {why}", resource, name)


def bad_request(why: str) -> StatusError:
    """400: the request cannot be understood."""
    return StatusError(400, "BadRequest", why)


def unauthorized(why: str = "Unauthorized") -> StatusError:
    """401: who asks is not known."""
    return StatusError(401, "Unauthorized", why)


def method_not_supported(resource: str, verb: str) -> StatusError:
    """405: the resource has no such verb."""
    message = f"{verb} is not supported on resources of kind {_quoted(qualified(resource))}"
    return _named(405, "MethodNotAllowed", message, resource, "")


def unsupported_media_type(content_type: str, accepted: Sequence[str]) -> StatusError:
    """415: the body is of a type that is not read here."""
    message = (
        f"the body of the request was in an unknown format - accepted media types include: "
        f"{', '.join(accepted)}"
        if not content_type
        else f"the body of the request was in an unknown format ({content_type[:100]}) - "
        f"accepted media types include: {', '.join(accepted)}"
    )
    return StatusError(415, "UnsupportedMediaType", message)


def not_acceptable(accepted: Sequence[str]) -> StatusError:
    """406: none of the types that the client takes can be given."""
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", message)


def expired(why: str) -> StatusError:
    """410: what a list or a watch should go on from is gone."""
    return StatusError(410, "Expired", why)


def too_large(why: str) -> StatusError:
    """413: the body is larger than is read."""
    return StatusError(413, "RequestEntityTooLarge", why)


def server_timeout(resource: str, verb: str, seconds: int = 1) -> StatusError:
    """500: too many others wrote at the same time; try again."""
    message = (
        f"The {verb} operation against {qualified(resource)} could not be completed at this time, "
        "please try again."
    )
    return _named(500, "ServerTimeout", message, resource, "", retry=seconds)


def internal(why: str) -> StatusError:
    """500: something of ours, or behind us, failed."""
    causes = [{"message": why[:_MESSAGE_MOST]}]
    return StatusError(500, "InternalError", f"Internal error occurred: {why}", {"causes": causes})


def unavailable(why: str, seconds: int = 1) -> StatusError:
    """503: not now."""
    return StatusError(503, "ServiceUnavailable", why, {"retryAfterSeconds": seconds})


def of_cluster(error: ClusterError) -> StatusError:
    """Tell what the API server answered to a write of ours."""
    if error.status in (0, 401, 503):
        return unavailable(str(error))
    return StatusError(error.status, _REASONS.get(error.status, "InternalError"), str(error))


def body(error: StatusError) -> dict[str, Any]:
    """Spell an error as the Status that is sent."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": str(error)[:_MESSAGE_MOST],
        "reason": error.reason,
    }
    return {**status, **border.without_empty(details=error.details), "code": error.code}


def warned(warnings: Sequence[str]) -> list[tuple[str, str]]:
    """Spell warnings as headers (RFC 7234: quoted, in ASCII); kubectl and oc show them beside the answer."""
    plain = (" ".join(text.split()).encode("ascii", "replace").decode() for text in warnings)
    return [("Warning", '299 - "' + re.sub(r'(["\\])', r"\\\1", text) + '"') for text in plain]


def _named(
    code: int,
    reason: str,
    message: str,
    kind: str,
    name: str,
    *,
    causes: Sequence[Cause] = (),
    retry: int = 0,
) -> StatusError:
    details = border.without_empty(
        name=name,
        group=GROUP,
        kind=kind,
        causes=[cause.to_json() for cause in causes],
        retryAfterSeconds=retry,
    )
    return StatusError(code, reason, message, details)


def _quoted(text: str) -> str:
    return f'"{text}"'
