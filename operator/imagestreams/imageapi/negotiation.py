"""In which form a client wants its answer: as it is, as a Table, or its metadata alone. Pure.

The rules are Kubernetes': the Accept header names forms in order of preference, Tables are of meta.k8s.io/v1,
includeObject says how much of an object is in its row. Used by imageapi.server.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Any

from imagestreams.imageapi import answers, tables
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.model import border

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

_META = "meta.k8s.io/v1"
_TABLES = frozenset({"v1", "v1beta1"})
ACCEPTED = ("application/json", "application/json;as=Table;v=v1;g=meta.k8s.io")
_INCLUDED = frozenset({"", "Metadata", "None", "Object"})


class Form(enum.Enum):
    """What an answer is turned into."""

    PLAIN = "plain"
    TABLE = "table"
    METADATA = "metadata"


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """The form that a client wants."""

    form: Form
    version: str = "v1"
    """Of meta.k8s.io."""


def negotiate(accept: str) -> Wish:
    """Read an Accept header: the first form in it that we can give.

    Raises StatusError (406) where there is none.
    """
    for part in (accept or "application/json").split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        # Quality is left unread, as Kubernetes' clients state none: they name what they prefer first.
        given = dict(each.partition("=")[::2] for each in parameters)
        if media not in {"application/json", "application/*", "*/*"}:
            continue
        kind, group, version = given.get("as", ""), given.get("g", ""), given.get("v", "v1")
        if not kind:
            return Wish(Form.PLAIN)
        if group != "meta.k8s.io" or version not in _TABLES:
            continue
        if kind == "Table":
            return Wish(Form.TABLE, version)
        if kind in {"PartialObjectMetadata", "PartialObjectMetadataList"}:
            return Wish(Form.METADATA, version)
    raise answers.not_acceptable(ACCEPTED)


def included(raw: str) -> str:
    """Read includeObject. Raises StatusError (400) for what it cannot be."""
    if raw not in _INCLUDED:
        raise answers.bad_request(
            f'unrecognized includeObject value: "{raw[:40]}"; it is Metadata, None or Object'
        )
    return raw or "Metadata"


@dataclasses.dataclass(frozen=True, slots=True)
class ListForm:
    """How a list is written in the form that is wanted."""

    head: dict[str, Any]
    """What is told before the objects; the list's metadata comes beside it."""
    field: str
    """Where the objects are."""
    each: Callable[[dict[str, Any]], dict[str, Any]]
    """What is written for an object."""


def list_form(
    kind: str, wish: Wish, resource: str, now: dt.datetime, *, include: str = "Metadata"
) -> ListForm:
    """Say how a list of a kind, such as ImageList, is written. `now` is aware."""
    version = f"meta.k8s.io/{wish.version}"
    if wish.form is Form.PLAIN:
        return ListForm({"kind": kind, "apiVersion": API_VERSION}, "items", lambda item: item)
    if wish.form is Form.METADATA:
        head = {"kind": "PartialObjectMetadataList", "apiVersion": version}
        return ListForm(head, "items", lambda item: _metadata(item, version))
    return ListForm(
        {"kind": "Table", "apiVersion": version, "columnDefinitions": tables.columns(resource)},
        "rows",
        lambda item: _row(item, resource, now, include, version),
    )


def shape(
    body: dict[str, Any], wish: Wish, resource: str, now: dt.datetime, *, include: str = "Metadata"
) -> dict[str, Any]:
    """Give an object or a list the form that is wanted; a Status is what it is. `now` is aware."""
    if wish.form is Form.PLAIN or body.get("kind") == "Status":
        return body
    form = list_form(border.text(body.get("kind")), wish, resource, now, include=include)
    metadata = border.mapping(body.get("metadata"))
    if isinstance(body.get("items"), list):
        return {**form.head, "metadata": metadata, form.field: [form.each(item) for item in body["items"]]}
    if wish.form is Form.METADATA:
        return form.each(body)
    # A table of one.
    metadata = border.without_empty(resourceVersion=metadata.get("resourceVersion"))
    return {**form.head, "metadata": metadata, form.field: [form.each(body)]}


def shape_event(
    event: dict[str, Any],
    wish: Wish,
    resource: str,
    now: dt.datetime,
    *,
    include: str = "Metadata",
    first: bool = False,
) -> dict[str, Any]:
    """Give an event of a watch the form that is wanted. Of Tables only the `first` tells the columns."""
    shown = shape(event["object"], wish, resource, now, include=include)
    if wish.form is Form.TABLE and shown.get("kind") == "Table":
        if not first:
            shown["columnDefinitions"] = None
        if event["type"] == "BOOKMARK":
            shown["rows"] = []
    return {"type": event["type"], "object": shown}


def _metadata(item: dict[str, Any], version: str = _META) -> dict[str, Any]:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": version,
        "metadata": border.mapping(item.get("metadata")),
    }


def _row(item: dict[str, Any], resource: str, now: dt.datetime, include: str, version: str) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": tables.cells(resource, item, now)}
    if include == "Object":
        row["object"] = item
    elif include == "Metadata":
        row["object"] = _metadata(item, version)
    return row
