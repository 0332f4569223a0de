"""One command of the original's command line, from its text to what it prints and its exit code."""

from __future__ import annotations

import argparse
import base64
import dataclasses
import json
import shlex
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from support.oc import getting, importing, new_app, tagging
from support.oc.failing import CommandError, checked, failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.oc.rest import Rest

_IMAGE = "/apis/image.openshift.io/v1"
_MANAGER = "kubectl-create"
_DEPRECATED = "Flag --docker-image has been deprecated, Deprecated flag use --image\n"
_PULL_SECRETS = {"docker-registry": "kubernetes.io/dockerconfigjson", "generic": "Opaque"}


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """What came of a command."""

    output: str
    error: str = ""
    exit: int = 0


class Oc:
    """The command line of one user, in one namespace."""

    def __init__(self, rest: Rest, namespace: str) -> None:
        """Speak for the user of `rest`."""
        self._rest = rest
        self._namespace = namespace

    def run(self, command: str, inputs: Mapping[str, str] | None = None) -> Done:
        """Run a command; `inputs` are the files it may name. Several are parted by ";", as a shell does.

        LookupError for what no recording asks of it.
        """
        done = [self._one(each, inputs or {}) for each in _parted(command)]
        return Done(
            "".join(each.output for each in done), "".join(each.error for each in done), done[-1].exit
        )

    def _one(self, words: list[str], inputs: Mapping[str, str]) -> Done:
        namespace = self._namespace
        program, *rest = words
        if program not in {"oc", "kubectl"}:
            raise LookupError(f"not a command of the recordings: {program}")
        if rest[0] == "-n":
            namespace, rest = rest[1], rest[2:]
        verb, *arguments = rest
        if verb == "set":
            verb, *arguments = f"set {arguments[0]}", *arguments[1:]
        told = _DEPRECATED if any(word.startswith("--docker-image=") for word in arguments) else ""
        try:
            return Done(self._verb(verb)(namespace, _flags(arguments), inputs), told)
        except getting.NothingFoundError as nothing:
            return Done("", str(nothing))
        except CommandError as error:
            return Done(error.output, str(error), 1)

    def _verb(self, verb: str) -> Any:
        known = {
            "import-image": self._import_image,
            "tag": lambda namespace, flags, _: tagging.tag(self._rest, namespace, _tag_defaults(flags)),
            "get": lambda namespace, flags, _: getting.get(self._rest, namespace, flags),
            "describe": self._describe,
            "create": self._create,
            "delete": self._delete,
            "annotate": self._annotate,
            "set image-lookup": self._look_up,
            "new-app": lambda namespace, flags, _: new_app.new_app(self._rest, namespace, flags),
        }
        if verb not in known:
            raise LookupError(f"not a command that is replayed: {verb}")
        return known[verb]

    def _import_image(self, namespace: str, flags: argparse.Namespace, _: Mapping[str, str]) -> str:
        flags.name = flags.names[0]
        said = importing.import_image(self._rest, namespace, flags)
        if flags.output == "name":
            return f"imagestream.image.openshift.io/{flags.name.partition(':')[0]}\n"
        return said

    def _describe(self, namespace: str, flags: argparse.Namespace, _: Mapping[str, str]) -> str:
        """Make the requests: what is printed of them is not rendered here."""
        path = getting.Kinds(self._rest).path(flags.names[0], namespace)
        # Once to know the kind, once as the type that is printed.
        checked(self._rest("GET", f"{path}/{flags.names[1]}"))
        checked(self._rest("GET", f"{path}/{flags.names[1]}"))
        return ""

    def _create(self, namespace: str, flags: argparse.Namespace, inputs: Mapping[str, str]) -> str:
        if not flags.filename:
            return self._create_named(namespace, flags)
        said = ""
        for body in yaml.safe_load_all(inputs[flags.filename]):
            base, found = getting.Kinds(self._rest).named(body["kind"])
            path = f"{base}/namespaces/{namespace}/{found['name']}"
            # It never sends a version along with what is to be new.
            body["metadata"].pop("resourceVersion", None)
            answer = checked(self._rest("POST", path, body, query={"fieldManager": _MANAGER})).body
            name = f"{found['singularName']}.{base.split('/')[2]}/{body['metadata']['name']} created\n"
            answer.get("metadata", {}).pop("managedFields", None)
            said += yaml.safe_dump(answer) if flags.output == "yaml" else name
        return said

    def _create_named(self, namespace: str, flags: argparse.Namespace) -> str:
        what, *names = flags.names
        if what in {"imagestream", "is"}:
            body: dict[str, Any] = {"spec": {"lookupPolicy": {"local": flags.lookup_local}}}
            return self._create(
                namespace,
                _flags(["-f", "-"]),
                {"-": json.dumps(
                    {
                        "apiVersion": "image.openshift.io/v1",
                        "kind": "ImageStream",
                        "metadata": {"name": names[0]},
                        **body,
                    }
                )},
            )  # fmt: skip
        if what != "secret":
            raise LookupError(f"not created in a recording: {what}")
        kind, name = names
        secret: dict[str, Any] = {
            "metadata": {"name": name},
            "type": flags.type or _PULL_SECRETS[kind],
            "data": _login(flags) if kind == "docker-registry" else _literals(flags.from_literal),
        }
        query = {"fieldManager": _MANAGER}
        checked(self._rest("POST", f"/api/v1/namespaces/{namespace}/secrets", secret, query=query))
        return f"secret/{name} created\n"

    def _delete(self, namespace: str, flags: argparse.Namespace, _: Mapping[str, str]) -> str:
        resource, *names = flags.names
        kinds = getting.Kinds(self._rest)
        base, found = kinds.named(resource)
        group = base.removeprefix("/apis/").partition("/")[0] if base != "/api/v1" else ""
        said = ""
        for name in names:
            checked(self._rest("DELETE", f"{kinds.path(resource, namespace)}/{name}"))
            kind = f"{found['singularName']}.{group}" if group else found["singularName"]
            said += f'{kind} "{name}" deleted from {namespace} namespace\n'
        return said

    def _annotate(self, namespace: str, flags: argparse.Namespace, _: Mapping[str, str]) -> str:
        resource, name, *pairs = flags.names
        kinds = getting.Kinds(self._rest)
        path = f"{kinds.path(resource, namespace)}/{name}"
        checked(self._rest("GET", path))
        patch = {"metadata": {"annotations": dict(pair.split("=", 1) for pair in pairs)}}
        query = {"fieldManager": "kubectl-annotate"}
        checked(self._rest("PATCH", path, patch, content_type="application/merge-patch+json", query=query))
        base, found = kinds.named(resource)
        return f"{found['singularName']}.{base.split('/')[2]}/{name} annotated\n"

    def _look_up(self, namespace: str, flags: argparse.Namespace, _: Mapping[str, str]) -> str:
        path = f"{_IMAGE}/namespaces/{namespace}/imagestreams"
        names = flags.names
        if any("/" in name or name.startswith("deploy") for name in names):
            raise LookupError("workloads are no part of the image API")
        if (flags.list or not names) and not flags.all:
            if names:
                raise failed(f'the server doesn\'t have a resource type "{names[0]}"')
            streams = checked(self._rest("GET", path)).body["items"]
            lines = [("NAME", "LOCAL")] + [
                (each["metadata"]["name"], str(_local(each)).lower()) for each in streams
            ]
            width = max(len(name) for name, _ in lines)
            return "".join(f"{name.ljust(width)}  {local}\n" for name, local in lines)
        if flags.all:
            names = [each["metadata"]["name"] for each in checked(self._rest("GET", path)).body["items"]]
        said = ""
        for name in names:
            stream = checked(self._rest("GET", f"{path}/{name}")).body
            if _local(stream) == flags.enabled:
                continue
            patch = {"spec": {"lookupPolicy": {"local": flags.enabled}}}
            strategic = "application/strategic-merge-patch+json"
            query = {"fieldManager": "kubectl-set"}
            checked(self._rest("PATCH", f"{path}/{name}", patch, content_type=strategic, query=query))
            said += f"imagestream.image.openshift.io/{name} image lookup updated\n"
        return "" if flags.output else said


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise LookupError(f"not a flag of the recordings: {message}")


def _flags(arguments: list[str]) -> argparse.Namespace:
    parser = _Parser(add_help=False)
    parser.add_argument("names", nargs="*")
    for flag in (
        "--confirm",
        "--all",
        "--insecure",
        "--dry-run",
        "--alias",
        "--reference",
        "--list",
        "--lookup-local",
    ):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--scheduled", nargs="?", const=True, default=False, type=_truth)
    parser.add_argument("--enabled", nargs="?", const=True, default=True, type=_truth)
    parser.add_argument("--insecure-registry", action="store_true")
    for flag in ("--name", "--image-stream", "-l", "-e"):
        parser.add_argument(flag, default="")
    for flag in ("--image", "--docker-image"):
        parser.add_argument(flag, dest="image", default="")
    parser.add_argument("-d", "--delete", action="store_true")
    parser.add_argument("-A", "--all-namespaces", action="store_true")
    parser.add_argument("--show-managed-fields", action="store_true")
    for flag in ("--from", "--source"):
        parser.add_argument(flag, dest="source", default="")
    parser.add_argument("--import-mode", default="Legacy")
    for flag in (
        "--reference-policy",
        "--raw",
        "--type",
        "--from-literal",
        "--docker-server",
        "--docker-username",
    ):
        parser.add_argument(flag, default="")
    for flag in ("--docker-password", "--docker-email"):
        parser.add_argument(flag, default="")
    parser.add_argument("-o", "--output", default="")
    parser.add_argument("-f", "--filename", default="")
    return parser.parse_intermixed_args(arguments)


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _tag_defaults(flags: argparse.Namespace) -> argparse.Namespace:
    flags.reference_policy = flags.reference_policy or "source"
    return flags


def _parted(command: str) -> list[list[str]]:
    words = shlex.split(command)
    parts: list[list[str]] = [[]]
    for word in words:
        ended = word.endswith(";")
        if word.rstrip(";"):
            parts[-1].append(word.rstrip(";"))
        if ended:
            parts.append([])
    return [part for part in parts if part]


def _local(stream: dict[str, Any]) -> bool:
    return bool(stream["spec"].get("lookupPolicy", {}).get("local", False))


def _login(flags: argparse.Namespace) -> dict[str, str]:
    entry = {"username": flags.docker_username, "password": flags.docker_password}
    if flags.docker_email:
        entry["email"] = flags.docker_email
    pair = f"{flags.docker_username}:{flags.docker_password}".encode()
    entry["auth"] = base64.b64encode(pair).decode()
    return {".dockerconfigjson": _encoded(json.dumps({"auths": {flags.docker_server: entry}}))}


def _literals(text: str) -> dict[str, str]:
    key, _, value = text.partition("=")
    return {key: _encoded(value)}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
