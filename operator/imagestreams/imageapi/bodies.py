"""Reading the body of a request: JSON in UTF-8, bounded in depth, without numbers that JSON has not. Pure.

Used wherever a body is read. What cannot be read is 400, in Kubernetes' words, and never anything else.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from imagestreams.imageapi import answers
from imagestreams.imageapi.resources import API_VERSION
from imagestreams.model import border

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagestreams.errors import StatusError

DEEPEST = 200
"""Levels of a JSON value: no object of ours has 20, and what is deeper is there to do harm."""
_DELETE_OPTIONS: dict[str, tuple[type, ...]] = {
    "gracePeriodSeconds": (int,),
    "preconditions": (dict,),
    "orphanDependents": (bool,),
    "propagationPolicy": (str,),
    "dryRun": (list,),
}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(body: bytes) -> Any:
    """Read any JSON value. Raises StatusError (400)."""
    try:
        text = body.decode("utf-8", errors="replace")
        content = json.loads(text, parse_constant=_refuse, parse_float=_number)
        if _SURROGATE.search(text):
            # Half a character can be escaped, but not sent on. As Kubernetes does, another takes its place.
            content = json.loads(json.dumps(content, ensure_ascii=False).encode(errors="replace"))
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        raise answers.bad_request(f"the body of the request is not JSON: {error}") from None
    check_depth(content)
    return content


def read_object(body: bytes, kind: str) -> dict[str, Any]:
    """Read an object of `kind`; kind and apiVersion may be left out. Raises StatusError (400)."""
    return _of_kind(read_json(body), kind)


def read_applied(body: bytes, kind: str) -> dict[str, Any]:
    """Read an object that is applied, as read_object does. Raises StatusError (400)."""
    return _of_kind(read_yaml(body), kind)


def read_delete_options(body: bytes) -> dict[str, Any]:
    """Read the body of a deletion, which may be empty: DeleteOptions of v1. Raises StatusError (400).

    The API server answers one that is none with a 500.
    """
    content = read_json(body) if body.strip() else {}
    if not isinstance(content, dict) or content.get("kind") not in (None, "", "DeleteOptions"):
        raise answers.bad_request("the body of a deletion must be an object of kind DeleteOptions")
    options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1"}
    for field, types in _DELETE_OPTIONS.items():
        if (value := content.get(field)) is None:
            continue
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise answers.bad_request(f"the field {field} of DeleteOptions is of a wrong type")
        options[field] = value
    guard = options.get("preconditions", {})
    if not all(isinstance(guard.get(field, ""), str) for field in ("uid", "resourceVersion")):
        raise answers.bad_request("the field preconditions of DeleteOptions has a uid and a resourceVersion")
    if not all(isinstance(stage, str) for stage in options.get("dryRun", ())):
        raise answers.bad_request("the field dryRun of DeleteOptions is a list of texts")
    return options


class Unmet(NamedTuple):
    """A precondition of a deletion that an object does not meet: UID or ResourceVersion."""

    name: str
    wanted: str
    found: str


def unmet_precondition(options: Mapping[str, Any], stored: Mapping[str, Any]) -> Unmet | None:
    """Say why a deletion is not meant for a stored object, None where it is."""
    wanted, metadata = options.get("preconditions", {}), border.mapping(stored.get("metadata"))
    for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) and wanted[field] != metadata.get(field):
            return Unmet(name, wanted[field], border.text(metadata.get(field)))
    return None


def read_yaml(body: bytes) -> Any:
    """Read JSON, or YAML without aliases and of what JSON has. Raises StatusError (400)."""
    if body.lstrip().startswith(b"{"):
        return read_json(body)
    try:
        content = yaml.load(body, Loader=_PlainLoader)  # noqa: S506 - a safe loader
        return read_json(json.dumps(content, allow_nan=False).encode())
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise answers.bad_request(f"error decoding YAML: {str(error)[:300]}") from None


class _PlainLoader(yaml.SafeLoader):
    """Reads YAML as JSON has it: times stay texts; an alias, which may stand for thousands, is refused."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _of_kind(content: Any, kind: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise answers.bad_request(f"the body of the request must be an object of kind {kind}")
    given = (content.get("apiVersion") or API_VERSION, content.get("kind") or kind)
    if given != (API_VERSION, kind):
        raise answers.bad_request(
            f"the object provided is {_short(given[0])} {_short(given[1])}, and not {API_VERSION} {kind}"
        )
    return content


def check_depth(content: Any) -> None:
    """Refuse what is nested too deeply to go on with. Raises StatusError (400)."""
    level = [content]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise too_deep()


def too_deep() -> StatusError:
    """Say that something is nested too deeply."""
    return answers.bad_request(f"the object is nested deeper than {DEEPEST} levels")


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a number")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _short(value: Any) -> str:
    return str(value)[:100]
