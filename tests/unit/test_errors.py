"""The tree of errors, and what a condition and the schedule read from it."""

from __future__ import annotations

import pytest

from imagestreams import errors
from imagestreams.errors import (
    ClusterError,
    ImageStreamsError,
    Reason,
    RegistryError,
    Retry,
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_of_the_tree_and_described(kind: type[Exception]) -> None:
    """What the operator raises on purpose can be caught by its root, and each kind says what it means."""
    assert issubclass(kind, ImageStreamsError)
    assert kind.__doc__
    assert kind.__name__ in str(errors.__doc__)


@pytest.mark.parametrize(
    ("kind", "reason", "retry"),
    [
        (errors.RegistryError, Reason.INTERNAL_ERROR, Retry.TRANSIENT),
        (errors.NotFoundError, Reason.NOT_FOUND, Retry.PERMANENT),
        (errors.UnauthorizedError, Reason.UNAUTHORIZED, Retry.PERMANENT),
        (errors.DeniedError, Reason.INTERNAL_ERROR, Retry.PERMANENT),
        (errors.UnreachableError, Reason.INTERNAL_ERROR, Retry.TRANSIENT),
        (errors.UnwellError, Reason.INTERNAL_ERROR, Retry.TRANSIENT),
        (errors.ProtocolError, Reason.INTERNAL_ERROR, Retry.PERMANENT),
    ],
)
def test_a_registrys_failure_has_the_originals_reason(
    kind: type[RegistryError], reason: Reason, retry: Retry
) -> None:
    """404 is NotFound, 401 Unauthorized, all else InternalError; what may pass by itself is retried soon."""
    assert (reason, retry) == (kind("why").reason, kind("why").retry)


def test_reasons_are_spelled_as_the_original_does() -> None:
    """A reason is written into a condition as its value."""
    assert ["NotFound", "Unauthorized", "Forbidden", "Invalid", "InternalError"] == [
        str(reason) for reason in Reason
    ]


def test_an_error_of_the_cluster_has_its_status() -> None:
    """The HTTP code is kept; without an answer it is 0."""
    assert (409, 0) == (errors.ConflictError("x", status=409).status, ClusterError("x").status)
