"""Imports that are asked for anew while others write the same status (imageapi.forcing), in virtual time.

No real API server makes every write conflict.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.asking import Ask, User
from imagestreams.imageapi.forcing import import_anew
from imagestreams.imageapi.stream_store import StreamStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from imagestreams.kube.list_reading import Piece

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Server:
    """Has a stream, and refuses so many writes of its status."""

    def __init__(self, refusal: StatusError, times: int) -> None:
        self.refusal, self.times, self.writes = refusal, times, 0

    async def request(self, method: str, path: str, *, body: Any = None, **_: Any) -> dict[str, Any]:
        """Answer as the API server does."""
        assert "/namespaces/shop/imagestreams/app" in path
        if method == "GET":
            return stored(f"{self.writes}")
        self.writes += 1
        if self.writes <= self.times:
            raise self.refusal
        written: dict[str, Any] = body
        return written

    def pieces(self, path: str, query: Mapping[str, str], *, user_agent: str = "") -> AsyncGenerator[Piece]:
        """Nothing lists here."""
        raise NotImplementedError


def stored(version: str = "0") -> dict[str, Any]:
    """Write a stream whose tag was imported."""
    intent = {"kind": "DockerImage", "name": "r.io/app:1"}
    return {
        "metadata": {"name": "app", "resourceVersion": version},
        "status": {"tags": [{"tag": "1", "items": None, "intent": intent}]},
    }


async def forced(server: Server, *, changed: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Have the tag imported anew."""
    ask = Ask("update", "imagestreamtags", User("me"), namespace="shop", name="app:1")
    return await import_anew(
        StreamStore(server, ask), stored(), {"1"}, resource="imagestreamtags", changed=changed
    )


CONFLICT = answers.conflict("imagestreams", "app", "the object has been modified")


@pytest.mark.parametrize("changed", [True, False])
async def test_who_writes_in_between_is_waited_for(*, changed: bool) -> None:
    """The status loses what the tag was imported for, and nobody is warned."""
    found, warnings = await forced(Server(CONFLICT, 9), changed=changed)
    assert () == warnings
    assert [{"tag": "1", "items": None}] == found["status"]["tags"]
    assert asyncio.get_running_loop().time() < 5


@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        (CONFLICT, "others write its status all the time"),
        (answers.unavailable("the API server did not answer"), "the API server did not answer"),
        (StatusError(429, "TooManyRequests", "wait a little"), "wait a little"),
        (StatusError(403, "Forbidden", "a policy says no"), "a policy says no"),
    ],
)
async def test_what_is_stored_is_told_with_what_is_not(refusal: StatusError, why: str) -> None:
    """Told to try again, whoever names a version would be refused for their own write."""
    found, (warning,) = await forced(Server(refusal, 100), changed=True)
    assert stored() == found
    assert (
        "what was sent is stored, and the operator imports what that changes; that it has to import "
        f"app:1 anew could not be noted ({why}): ask for it with oc import-image"
    ) == warning


@pytest.mark.parametrize(
    ("refusal", "changed", "code"),
    [
        (CONFLICT, False, 500),
        (answers.unavailable("x"), False, 503),
        (answers.not_found("imagestreams", "app"), True, 404),
    ],
)
async def test_where_nothing_is_stored_it_is_an_error(
    refusal: StatusError, code: int, *, changed: bool
) -> None:
    """Nothing but the import was asked for: to try again is right. A stream that is gone is not stored."""
    with pytest.raises(StatusError) as caught:
        await forced(Server(refusal, 100), changed=changed)
    assert code == caught.value.code
