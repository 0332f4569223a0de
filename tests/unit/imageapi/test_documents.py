"""The OpenAPI documents are made of what the API server says, kept, and outlive its silence."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi import openapi
from imagestreams.imageapi.documents import Documents
from unit.imageapi.crd_source import crd_source

_V3 = "/openapi/v3/apis/image.openshift.io/v1"


class _Server:
    """The API server: what it says, or that it says nothing; and how often it was asked."""

    def __init__(self) -> None:
        self.source: dict[str, Any] | None = crd_source()
        self.asked: list[str] = []
        self.now = 0.0
        self.documents = Documents(self._fetch, (), clock=lambda: self.now)

    async def _fetch(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        if self.source is None:
            raise StatusError(503, "ServiceUnavailable", "down")
        return self.source

    def get(self, path: str, *, later: bool = True) -> dict[str, Any] | None:
        """Ask for a document; `later` asks once more when what the first question set off is done."""

        async def ask() -> dict[str, Any] | None:
            if later:
                with contextlib.suppress(StatusError):
                    self.documents(path)
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    await task
            return self.documents(path)

        return asyncio.run(ask())


def test_documents_are_kept_for_a_minute() -> None:
    """Many are served for one question, and a CRD that changed is seen a minute later."""
    server = _Server()
    first = server.get(_V3)
    assert first == server.get(_V3)
    assert server.get("/openapi/v2")
    assert [openapi.SOURCE] == server.asked
    assert server.source
    server.source["components"]["schemas"]["new"] = {"type": "object"}
    server.now = 61.0
    changed = server.get(_V3)
    assert changed
    assert "new" in changed["components"]["schemas"]
    assert [openapi.SOURCE] * 2 == server.asked


def test_no_request_waits_for_the_api_server() -> None:
    """It may hold back its own documents until it has ours: what is there is given, or a 503."""
    server = _Server()
    with pytest.raises(StatusError, match="they were not read yet"):
        server.get(_V3, later=False)
    first = server.get(_V3)
    server.now = 61.0
    assert first == server.get(_V3, later=False)


def test_many_requests_set_off_one_question() -> None:
    """However many ask while the API server is asked, it is asked once."""
    server = _Server()

    async def ask() -> None:
        made = {server.documents.renew() for _ in range(5)}
        assert 1 == len(made)
        await made.pop()

    asyncio.run(ask())
    assert [openapi.SOURCE] == server.asked


def test_a_path_that_has_no_document_has_none() -> None:
    """The caller answers 404."""
    assert _Server().get("/openapi/v4") is None


def test_what_was_made_outlives_the_source() -> None:
    """An API server that cannot be asked takes nothing away; one that never could is told as such."""
    server = _Server()
    first = server.get(_V3)
    server.source, server.now = None, 100.0
    assert first == server.get(_V3)
    silent = _Server()
    empty: dict[str, Any] = {"components": {"schemas": {}}}
    for source, reason in ((None, "down"), (empty, "ImageStream")):
        silent.source = source
        with pytest.raises(StatusError, match=f"schemas of the CRDs are not there: .*{reason}") as told:
            silent.get(_V3)
        assert 503 == told.value.code
