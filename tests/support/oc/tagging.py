"""`tag`: what the source is now, what is sent for each destination, and what is printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from support.oc.failing import checked, failed, told

if TYPE_CHECKING:
    import argparse

    from support.oc.rest import Rest

_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_KINDS = {
    "docker": "DockerImage",
    "dockerimage": "DockerImage",
    "istag": "ImageStreamTag",
    "imagestreamtag": "ImageStreamTag",
    "isimage": "ImageStreamImage",
    "imagestreamimage": "ImageStreamImage",
}
_BASE = "/apis/image.openshift.io/v1/namespaces/{}"


def tag(rest: Rest, namespace: str, flags: argparse.Namespace) -> str:
    """Run `tag SOURCE DESTINATION...` or `tag -d DESTINATION...`; gives what is printed."""
    if flags.delete:
        return "".join(_deleted(rest, *_destination(each, namespace)) for each in flags.names)
    if len(flags.names) < 2:
        raise failed("at least a destination is required")
    if flags.reference_policy not in {"source", "local"}:
        raise failed("reference policy must be set to 'source' or 'local'")
    source, *names = flags.names
    destinations = [_destination(each, namespace) for each in names]
    kind = _KINDS[flags.source] if flags.source else _kind(source)
    shown, found = source, {"kind": kind, "name": source}
    if kind != "DockerImage":
        found, shown = _resolved(rest, namespace, source, kind, alias=flags.alias)
    said = ""
    for there, stream, name in destinations:
        reference = dict(found)
        if kind != "DockerImage" and "namespace" not in reference and there != namespace:
            reference["namespace"] = namespace
        _written(rest, there, f"{stream}:{name}", reference, flags)
        said += _said(shown, f"{stream}:{name}" if there == namespace else f"{there}/{stream}:{name}", flags)
    return said


def _kind(source: str) -> str:
    first, slash, _ = source.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return "DockerImage"
    if "@" in source:
        return "ImageStreamImage"
    return "ImageStreamTag" if ":" in source else "DockerImage"


def _destination(text: str, namespace: str) -> tuple[str, str, str]:
    there, slash, name = text.rpartition("/")
    stream, colon, found = name.partition(":")
    if not colon:
        raise failed(f'"{text}" must be of the form <stream_name>:<tag>')
    if not _TAG.fullmatch(found):
        raise failed(
            f'invalid tag "{found}" format, tags must start with an alphanumeric character followed by '
            "alphanumeric, '.' or '-' characters, and have a maximum of 128 characters"
        )
    return (there if slash else namespace), stream, found


def _resolved(
    rest: Rest, namespace: str, source: str, kind: str, *, alias: bool
) -> tuple[dict[str, str], str]:
    """Find what a tag leads to now: a copy of it is made, unless it shall be followed."""
    there, slash, name = source.rpartition("/")
    where = {"namespace": there} if slash else {}
    if kind == "ImageStreamImage" or alias:
        return {"kind": kind, "name": name, **where}, source
    stream, _, inner = name.partition(":")
    found = checked(rest("GET", f"{_BASE.format(there or namespace)}/imagestreams/{stream}")).body
    items = next(
        (each.get("items") or [] for each in found["status"].get("tags") or () if each["tag"] == inner), []
    )
    if not items:
        raise failed(
            f'"{source}" is not currently pointing to an image, cannot use it as the source of a tag'
        )
    if not items[0]["image"]:
        return {"kind": "DockerImage", "name": items[0]["dockerImageReference"]}, source
    pinned = f"{stream}@{items[0]['image']}"
    return {"kind": "ImageStreamImage", "name": pinned, **where}, f"{there}/{pinned}" if slash else pinned


def _written(
    rest: Rest, namespace: str, name: str, reference: dict[str, str], flags: argparse.Namespace
) -> None:
    policy: dict[str, Any] = {"importMode": flags.import_mode}
    policy |= {key: True for key in ("insecure", "scheduled") if getattr(flags, key)}
    wanted = {
        "name": name.partition(":")[2],
        "annotations": None,
        "from": reference,
        "generation": 0 if reference["kind"] == "DockerImage" else None,
        "importPolicy": policy,
        "referencePolicy": {"type": flags.reference_policy.capitalize()},
        **({"reference": True} if flags.reference else {}),
    }
    body = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamTag",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": None},
        "tag": wanted,
        "generation": 0,
        "lookupPolicy": {"local": False},
        "image": {"metadata": {"creationTimestamp": None}, "dockerImageMetadata": None},
    }
    path = f"{_BASE.format(namespace)}/imagestreamtags"
    answer = rest("PUT", f"{path}/{name}", body)
    if answer.code in {403, 404, 405}:
        answer = rest("POST", path, body)
    if not answer.ok:
        raise told(answer)


def _said(source: str, destination: str, flags: argparse.Namespace) -> str:
    if flags.scheduled:
        return f"Tag {destination} set to import {source} periodically.\n"
    return f"Tag {destination} set {'up to track' if flags.alias else 'to'} {source}.\n"


def _deleted(rest: Rest, namespace: str, stream: str, name: str) -> str:
    checked(rest("DELETE", f"{_BASE.format(namespace)}/imagestreamtags/{stream}:{name}"))
    return f"Deleted tag {namespace}/{stream}:{name}.\n"
