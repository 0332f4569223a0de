"""Who wrote the image of a container: read from metadata.managedFields. Pure.

Used only while somebody fights about the field (kube.workloads reads the object then); nothing of
managedFields is kept, for they are the largest part of many an object.
"""

from __future__ import annotations

import json
from typing import Any

from imagestreams.model import border

FIELD_MANAGER = "imagestreams"
"""Who we are, as field manager."""


def other_writers(body: Any, pod_spec: tuple[str, ...], containers: set[str]) -> tuple[str, ...]:
    """Name the field managers that own the image of any of these containers, ourselves apart.

    Each with how it writes ("Apply" or "Update"), the last to write first.
    """
    entries = border.items(border.mapping(border.mapping(body).get("metadata")).get("managedFields"))
    found = [
        (border.text(entry.get("time")), f"{border.text(entry.get('manager'))} ({entry.get('operation')})")
        for entry in map(border.mapping, entries)
        if entry.get("manager") != FIELD_MANAGER and _owns(entry.get("fieldsV1"), pod_spec, containers)
    ]
    return tuple(dict.fromkeys(name for _, name in sorted(found, reverse=True)))


def _owns(fields: Any, pod_spec: tuple[str, ...], containers: set[str]) -> bool:
    at = border.mapping(fields)
    for name in pod_spec:
        at = border.mapping(at.get(f"f:{name}"))
    lists = (at.get(f"f:{name}") for name in ("initContainers", "containers"))
    return any(_owns_in(one, containers) for one in lists if isinstance(one, dict))


def _owns_in(fields: dict[str, Any], containers: set[str]) -> bool:
    # A list whose items the schema does not tell apart is owned as a whole.
    return not fields or any(
        "f:image" in border.mapping(owned) and _name(key) in containers for key, owned in fields.items()
    )


def _name(key: str) -> str:
    try:
        return border.text(border.mapping(json.loads(key.removeprefix("k:"))).get("name"))
    except ValueError:
        return ""
