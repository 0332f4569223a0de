"""What a recording found in its registries, made again: by scenario, and by the step that found it.

Repositories and tags are those of the commands; what was pushed when is told by the requests of the
recordings and by the digests that they show.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from localcluster import Publisher, images
from localcluster.ports import LOOPBACK, free_port
from support.faults import FaultRegistry
from support.faults.certificates import Authority
from support.faults.faults import NotJson, RejectHead, Status, WrongType

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from localcluster import Cluster
    from localcluster.images import Format, Manifest
    from support.faults.records import Kind

_ASKED: tuple[Kind, ...] = ("manifest-head", "manifest-get", "tags")
_BASE = images.layer({"base": images.File(b"base")})


Make = Callable[[str], "Manifest"]
"""Makes an image that no other run has, by a token: a registry is asked for what is in it once for all."""


def app(version: str, *, architecture: str = "amd64", image_format: Format = "docker") -> Make:
    """Make the image that the recordings were made with, of this version."""
    return functools.partial(_app, version, architecture, image_format)


def many(version: str, *architectures: str, image_format: Format = "oci") -> Make:
    """Make an index of that image for some architectures."""
    children = [app(version, architecture=each, image_format=image_format) for each in architectures]
    return lambda token: images.index([child(token) for child in children], image_format=image_format)


def _app(version: str, architecture: str, image_format: Format, token: str) -> Manifest:
    made = images.image(
        {"app": images.File(f"{version} {architecture} {token}".encode())},
        below=[_BASE],
        entrypoint=["/bin/entry"],
        command=["/bin/app", "serve"],
        environment={"PATH": "/bin", "VERSION": version},
        labels={"maintainer": "oracle", "version": version},
        ports=["8080/tcp"],
        user="1001",
        working_directory="/srv",
        platform=images.Platform(architecture),
        created="2026-01-02T03:04:05Z",
        image_format=image_format,
    )
    return _signed(made, "oracle")


def _signed(image: Manifest, author: str) -> Manifest:
    """Put an author into the config, for which the builder has no argument."""
    config = json.loads(image.blobs[0])
    changed = json.dumps({**config, "author": author}, separators=(",", ":")).encode()
    manifest = json.loads(image.content)
    manifest["config"] |= {"digest": images.digest_of(changed), "size": len(changed)}
    content = json.dumps(manifest, separators=(",", ":")).encode()
    return dataclasses.replace(image, content=content, blobs=(changed, *image.blobs[1:]))


class Stage:
    """The registries of one scenario: use it as a context manager, and call `before` ahead of each step."""

    def __init__(self, cluster: Cluster, scenario: str, folder: Path) -> None:
        """Reserve names of this run alone."""
        token = secrets.token_hex(3)
        self.namespace = f"replay-{token}"
        self.other = f"other-{token}"
        self._scenario = scenario
        self._prefix = f"of-{token}"
        self._open = Publisher(cluster.registry)
        login = {"user": cluster.registry_user, "password": cluster.registry_password}
        self._private = Publisher(cluster.registry_auth, **login)
        self._login = cluster.registry_user, cluster.registry_password
        self._tls = FaultRegistry(tls=Authority(folder).good())
        self._faulty = FaultRegistry()
        self._cluster = cluster

    def __enter__(self) -> Self:
        """Start the registries that misbehave."""
        self._tls.start()
        self._faulty.start()
        for status in (500, 403, 401, 404, 503):
            self._fails(f"e{status}/x", Status(status))
        # It is one host that has them all: what comes next is not to wait for long.
        self._fails("e429/x", Status(429, headers={"Retry-After": "1"}))
        self._fails("eslow/x", Status(404, "{}"))
        self._fails("ehtml/x", Status(503, "<html></html>"))
        self._fails("ebadjson/x", NotJson(b"not json"))
        self._fails("ebadtype/x", WrongType("schema1"))
        _store(self._tls, "g/app", "1", app("1.0")(self._prefix))
        self._private.push("g/app", "1", app("1.0")(self._prefix))
        self._private.push("p/app", "1", app("1.0")(self._prefix))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self._faulty.stop()
        self._tls.stop()
        self._open.close()
        self._private.close()

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """What the recording names, as it is called now."""
        return {
            f"sc-{self._scenario}": self.namespace,
            "sc-d-other": self.other,
            "127.0.0.1:5100/": f"{self._cluster.registry}/{self._prefix}/",
            "127.0.0.1:5100": self._cluster.registry,
            "127.0.0.1:5101": self._cluster.registry_auth,
            "127.0.0.1:5102": self._tls.host,
            "127.0.0.1:5105": self._faulty.host,
            "127.0.0.1:5999": f"{LOOPBACK}:{free_port()}",
        }

    def login(self, command: str) -> str:
        """Write the user and password of the private registry in the place of the recording's."""
        user, password = self._login
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        command = re.sub(
            r"--docker-username=user --docker-password=secret\b",
            f"--docker-username={user} --docker-password={password}",
            command,
        )
        command = command.replace(
            '"username":"user","password":"secret"', f'"username":"{user}","password":"{password}"'
        )
        return command.replace("dXNlcjpzZWNyZXQ=", pair)

    def before(self, step: int) -> None:
        """Push and delete what the recording had pushed and deleted before this step."""
        for act in _ACTS.get(self._scenario, {}).get(step, ()):
            act(self)

    def _fails(self, repository: str, fault: Status | NotJson | WrongType) -> None:
        self._faulty.put_image(repository, "1")
        if isinstance(fault, NotJson | WrongType):
            # Of a manifest's bytes HEAD tells nothing.
            self._faulty.fail(RejectHead(), repository=repository)
        self._faulty.fail(fault, repository=repository, kind=_ASKED)

    def push(self, repository: str, tag: str, make: Make) -> None:
        """Push to the open registry."""
        self._open.push(f"{self._prefix}/{repository}", tag, make(self._prefix))

    def delete(self, repository: str, tag: str) -> None:
        """Delete from the open registry."""
        self._open.delete(f"{self._prefix}/{repository}", tag)


def _store(registry: FaultRegistry, repository: str, tag: str, image: Manifest) -> None:
    for blob in image.blobs:
        registry.put_blob(repository, blob)
    registry.put_manifest(repository, tag, image.content, image.media_type)


Act = Callable[["Stage"], None]


def _pushed(repository: str, tag: str, make: Make) -> Act:
    return lambda stage: stage.push(repository, tag, make)


def _deleted(repository: str, tag: str) -> Act:
    return lambda stage: stage.delete(repository, tag)


def _acts() -> dict[str, dict[int, list[Act]]]:
    moving = [_pushed("c/app", "1", app(version)) for version in ("1.0.0", "1.0.1", "1.0.2")]
    return {
        "01-a-import-image": {
            1: [
                _pushed("a/app", "1.0", app("1.0")),
                _pushed("a/app", "2.0", app("2.0")),
                _pushed("a/app", "latest", app("2.0")),
            ]
        },
        "03-c-tag-moved": {1: [moving[0]], 2: [moving[1]], 4: [moving[2]], 5: [moving[0]]},
        "04-d-oc-tag-stream": {
            1: [_pushed("d/app", "12", app("12")), _pushed("d/app", "13", app("13"))],
            9: [_pushed("d/app", "13", app("13-new"))],
        },
        "05-e-oc-tag-docker": {1: [_pushed("e/app", "1", app("1")), _pushed("e/app", "2", app("2"))]},
        "07-g-failing": {
            1: [_pushed("g/app", "1", app("1.0"))],
            16: [_pushed("g/app", "2", app("2.0"))],
            19: [_pushed("g/app", "3", app("3.0"))],
            20: [_deleted("g/app", "2")],
            25: [_pushed("g/app", "2", app("2.0"))],
        },
        "12-l-multiarch": {
            1: [
                _pushed("l/app", "1.0", many("1.0", "amd64", "arm64")),
                _pushed("l/app", "dlist", many("2.0", "amd64", "arm64", image_format="docker")),
                _pushed("l/app", "armonly", many("1.0", "arm64")),
                _pushed("l/app", "nomatch", many("1.0", "s390x", "ppc64le")),
                _pushed("l/app", "arm", app("1.0", architecture="arm64", image_format="oci")),
                _pushed("l/app", "amd2", app("2.0")),
            ]
        },
        "13-r-tags-column": {1: [_pushed("r/app", "1", app("1"))]},
        "14-s-import-false": {1: [_pushed("s/app", "1", app("1")), _pushed("s/app", "2", app("2"))]},
        "17-n-set-triggers": {1: [_pushed("n/app", "1", app("1.0"))]},
        "18-o-new-app": {
            1: [
                _pushed("o/app", "1", app("1.0")),
                _pushed("o/app", "2", app("2.0")),
                _pushed("o/httpd", "2.4", app("2.4")),
            ]
        },
        "19-p-private": {1: [_pushed("p/pub", "1", app("1.0"))]},
    }


_ACTS = _acts()
