"""The annotation `image.openshift.io/triggers`: which image fields of a workload follow which tag. Pure.

The grammar is the original's (a JSON list of {from, fieldPath, paused}), read more kindly: one wrong
entry does not spoil the others, `paused` may be a string, paths may have single quotes and blanks, and null
means none. Used by watching (parse) and triggering (apply).
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from imagestreams.errors import InvalidError
from imagestreams.model import border
from imagestreams.model.stream import StreamKey

_FIELD = re.compile(
    r"(containers|initContainers)"
    r"\[\s*(?:(\d{1,4})|\?\s*\(\s*@\.name\s*==\s*(?:\"([^\"]+)\"|'([^']+)')\s*\))\s*\]\.image",
    re.ASCII,
)


ENTRIES_MOST = 100
"""How many triggers of one workload are read: each costs a look at all containers."""


@dataclasses.dataclass(frozen=True, slots=True)
class ContainerField:
    """The image of one container of a pod spec: found by its name, else by its index in its list."""

    list_name: str
    name: str = ""
    index: int = -1


@dataclasses.dataclass(frozen=True, slots=True)
class Trigger:
    """One entry that can be applied: this field follows that tag of that stream."""

    stream: StreamKey
    tag: str
    field: ContainerField
    paused: bool = False
    number: int = 1
    """Which entry of the annotation it is, counted from 1 as people do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Triggers:
    """What an annotation says: the entries that can be applied, and what is wrong with the others."""

    entries: tuple[Trigger, ...] = ()
    problems: tuple[str, ...] = ()


def parse_triggers(text: str, *, namespace: str, pod_spec_path: str) -> Triggers:
    """Read the annotation of a workload in `namespace`, whose pod spec is at a path as "spec.template.spec".

    Nothing is raised: what is wrong is told by number, and the right entries count all the same.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Triggers(problems=(f"is not JSON: {error}",))
    if content is None:
        return Triggers()
    if not isinstance(content, list):
        return Triggers(problems=("is not a JSON list of triggers",))
    entries: list[Trigger] = []
    problems: list[str] = []
    if len(content) > ENTRIES_MOST:
        problems.append(f"has {len(content)} entries; only the first {ENTRIES_MOST} are read")
    for number, raw in enumerate(content[:ENTRIES_MOST], start=1):
        try:
            entry = _parse_entry(number, raw, namespace, pod_spec_path)
        except InvalidError as error:
            problems.append(f"entry {number}: {error}")
            continue
        if first := next((other for other in entries if entry.field == other.field), None):
            problems.append(
                f'entry {number}: fieldPath "{raw["fieldPath"]}" has a trigger already, entry {first.number}'
            )
        else:
            entries.append(entry)
    return Triggers(tuple(entries), tuple(problems))


def _parse_entry(number: int, raw: Any, namespace: str, pod_spec_path: str) -> Trigger:
    body = border.mapping(raw)
    from_ = border.mapping(body.get("from"))
    kind, name = border.text(from_.get("kind")), border.text(from_.get("name"))
    if kind != "ImageStreamTag":
        raise InvalidError(f'from.kind is "{kind}", but must be ImageStreamTag')
    stream, colon, tag = name.partition(":")
    if not (stream and colon):
        raise InvalidError(f'from.name is "{name}", but must be STREAM:TAG')
    return Trigger(
        StreamKey(border.text(from_.get("namespace")) or namespace, stream),
        # Nothing after the colon is "latest", as in the original; without a colon it never triggers there.
        tag or "latest",
        parse_field(border.text(body.get("fieldPath")), pod_spec_path),
        _parse_paused(body.get("paused")),
        number,
    )


def parse_field(path: str, pod_spec_path: str) -> ContainerField:
    """Read a fieldPath such as `spec.template.spec.containers[?(@.name=="web")].image`.

    Raises InvalidError, which shows the path and how to write one.
    """
    prefix = f"{pod_spec_path}."
    written = path.strip()
    match = _FIELD.fullmatch(written.removeprefix(prefix)) if written.startswith(prefix) else None
    if match is None:
        raise InvalidError(
            f'fieldPath "{path[:200]}" is not understood; write {prefix}containers[?(@.name=="NAME")].image, '
            f"{prefix}containers[0].image, or the same with initContainers"
        )
    list_name, index, *names = match.groups()
    return ContainerField(list_name, next(filter(None, names), ""), int(index) if index else -1)


def _parse_paused(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in {"true", "false", ""}:
        return value.lower() == "true"
    raise InvalidError(f"paused is {json.dumps(value)[:40]}, but must be true or false")
