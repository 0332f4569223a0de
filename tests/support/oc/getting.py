"""`get`, as a table, as YAML, or raw; and the kinds that the command line finds by discovery."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from support.oc.failing import CommandError, checked
from support.oc.rest import TABLE

if TYPE_CHECKING:
    import argparse

    from support.oc.rest import Answer, Rest

_IMAGE = "/apis/image.openshift.io/v1"


class Kinds:
    """What the server serves: of the groups that the commands here touch, found by any name of a resource."""

    def __init__(self, rest: Rest) -> None:
        """Ask for it, as clients do before `get`, `delete` and `annotate`."""
        self._found: dict[str, tuple[str, dict[str, Any]]] = {}
        for base in ("/api/v1", "/apis/apps/v1", _IMAGE):
            for each in checked(rest("GET", base)).body["resources"]:
                if "/" not in each["name"]:
                    names = (
                        each["name"],
                        each["singularName"],
                        each["kind"].lower(),
                        *each.get("shortNames", ()),
                    )
                    self._found |= {name: (base, each) for name in names if name}

    def named(self, name: str) -> tuple[str, dict[str, Any]]:
        """Give the path of its group and what discovery says of it."""
        if name.lower() not in self._found:
            raise CommandError(f'error: the server doesn\'t have a resource type "{name}"\n')
        return self._found[name.lower()]

    def path(self, name: str, namespace: str) -> str:
        """Give the path of the whole collection; "" as namespace means all."""
        base, found = self.named(name)
        inside = f"/namespaces/{namespace}" if found["namespaced"] and namespace else ""
        return f"{base}{inside}/{found['name']}"


def get(rest: Rest, namespace: str, flags: argparse.Namespace) -> str:
    """Run `get RESOURCE[,RESOURCE] [NAME...]`; gives what is printed."""
    if flags.raw:
        return json.dumps(checked(rest("GET", flags.raw)).body) + "\n"
    kinds = Kinds(rest)
    where = "" if flags.all_namespaces else namespace
    resources = flags.names[0].split(",")
    names = flags.names[1:]
    if flags.output in {"yaml", "json"}:
        return _object(rest, [kinds.path(each, where) for each in resources], names, flags.output)
    shown = []
    for each in resources:
        path = kinds.path(each, where)
        answers = [rest("GET", f"{path}/{name}", accept=TABLE) for name in names]
        tables = [checked(answer).body for answer in answers or [_listed(rest, path, TABLE)]]
        if tables[0]["rows"]:
            prefix = f"{_qualified(kinds, each)}/" if len(resources) > 1 else ""
            shown.append(_table(tables, prefix, wide=flags.output == "wide", everywhere=flags.all_namespaces))
    if not shown:
        raise NothingFoundError(f"No resources found in {namespace} namespace.\n")
    return "\n".join(shown)


class NothingFoundError(Exception):
    """There is nothing; the command succeeds all the same, and says so on stderr."""


def _object(rest: Rest, paths: list[str], names: list[str], output: str) -> str:
    answers = [checked(rest("GET", f"{path}/{name}")).body for path in paths for name in names]
    if not names:
        for path in paths:
            found = checked(_listed(rest, path, "application/json")).body
            kind = found["kind"].removesuffix("List")
            head = {"apiVersion": found["apiVersion"], "kind": kind}
            answers += [{**head, **item} for item in found["items"]]
    for each in answers:
        each.get("metadata", {}).pop("managedFields", None)
        each.get("image", {}).get("metadata", {}).pop("managedFields", None)
    whole = (
        answers[0]
        if len(names) == 1 and len(paths) == 1
        else {"apiVersion": "v1", "items": answers, "kind": "List", "metadata": {"resourceVersion": ""}}
    )
    return json.dumps(whole, indent=4) + "\n" if output == "json" else yaml.safe_dump(whole)


def _listed(rest: Rest, path: str, accept: str) -> Answer:
    return rest("GET", path, accept=accept, query={"limit": "500"})


def _qualified(kinds: Kinds, name: str) -> str:
    base, found = kinds.named(name)
    group = base.removeprefix("/apis/").partition("/")[0]
    return f"{found['singularName']}.{group}"


def _table(tables: list[dict[str, Any]], prefix: str, *, wide: bool, everywhere: bool) -> str:
    columns = [
        (at, column["name"].upper())
        for at, column in enumerate(tables[0]["columnDefinitions"])
        if wide or not column.get("priority", 0)
    ]
    lines = [(["NAMESPACE"] if everywhere else []) + [name for _, name in columns]]
    for row in (row for table in tables for row in table["rows"]):
        cells = ["<none>" if row["cells"][at] is None else str(row["cells"][at]) for at, _ in columns]
        cells[0] = prefix + cells[0]
        lines.append(([row["object"]["metadata"]["namespace"]] if everywhere else []) + cells)
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )
