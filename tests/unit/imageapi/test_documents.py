"""The OpenAPI documents are made of what the API server says, kept, and outlive its silence."""

from __future__ import annotations

import asyncio
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

    def get(self, path: str) -> dict[str, Any] | None:
        return asyncio.run(self.documents(path))


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
    for source in (None, empty):
        silent.source = source
        with pytest.raises(StatusError, match="schemas of the CRDs") as told:
            silent.get(_V3)
        assert 503 == told.value.code
