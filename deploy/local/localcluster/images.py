"""Container images made of nothing but files: layers, configs, manifests and indexes, as bytes.

No builder and no network: the same arguments give the same digest, every time. `publishing` brings the
result to a registry. Both of the manifest formats in use can be made, OCI and Docker schema 2.
"""

import gzip
import hashlib
import io
import json
import shlex
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from localcluster import packages
from localcluster.errors import LocalClusterError

Format = Literal["oci", "docker"]

MEDIA_TYPES: dict[Format, dict[str, str]] = {
    "oci": {
        "config": "application/vnd.oci.image.config.v1+json",
        "layer": "application/vnd.oci.image.layer.v1.tar+gzip",
        "manifest": "application/vnd.oci.image.manifest.v1+json",
        "index": "application/vnd.oci.image.index.v1+json",
    },
    "docker": {
        "config": "application/vnd.docker.container.image.v1+json",
        "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "manifest": "application/vnd.docker.distribution.manifest.v2+json",
        "index": "application/vnd.docker.distribution.manifest.list.v2+json",
    },
}
_COMMANDS = ("cat", "date", "echo", "env", "false", "httpd", "ls", "nc", "ps", "sh", "sleep", "true", "wget")


@dataclass(frozen=True, slots=True)
class File:
    """A file in a layer: what is in it and its permissions."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link in a layer."""

    target: str


class Layer(NamedTuple):
    """A layer: its bytes, compressed, and the digest they had before compression."""

    content: bytes
    diff_id: str


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, in the words of an index."""

    architecture: str = "amd64"
    os: str = "linux"
    variant: str = ""

    def fields(self) -> dict[str, str]:
        """Return the platform as an index or a config spells it."""
        named = {"architecture": self.architecture, "os": self.os}
        return {**named, "variant": self.variant} if self.variant else named


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest ready to be pushed: its exact bytes and media type, and what has to be there before it.

    `blobs` are the config and layers of an image. `children` are the manifests of an index.
    """

    content: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()
    children: tuple["Manifest", ...] = ()
    platform: Platform | None = None

    @property
    def digest(self) -> str:
        """The digest that names it in any registry, "sha256:<64 hex>"."""
        return digest_of(self.content)


def digest_of(content: bytes) -> str:
    """Return the digest of these bytes, "sha256:<64 hex>"."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(files: Mapping[str, File | Link]) -> Layer:
    """Return one compressed layer of these files.

    Paths are absolute or relative to the image's root. Times and owners are all zero, so that the same files
    are the same layer.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            entry, info = files[path], tarfile.TarInfo(path.lstrip("/"))
            if isinstance(entry, Link):
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
                archive.addfile(info)
            else:
                info.size, info.mode = len(entry.content), entry.mode
                archive.addfile(info, io.BytesIO(entry.content))
    return Layer(gzip.compress(plain.getvalue(), mtime=0), digest_of(plain.getvalue()))


def image(
    files: Mapping[str, File | Link],
    *,
    below: Sequence[Layer] = (),
    command: Sequence[str] = (),
    entrypoint: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    ports: Iterable[str] = (),
    user: str = "",
    working_directory: str = "",
    stop_signal: str = "",
    platform: Platform | None = None,
    created: str = "1970-01-01T00:00:00Z",
    image_format: Format = "oci",
) -> Manifest:
    """Return an image: a layer that holds `files`, if any, on top of the layers `below`, the lowest first.

    `ports` are spelled "8080/tcp"; `annotations` stand in the manifest (OCI only), `labels` in the config.
    """
    layers = (*below, layer(files)) if files or not below else tuple(below)
    platform = platform or Platform()
    settings: dict[str, Any] = {
        "User": user,
        "ExposedPorts": {port: {} for port in ports},
        "Env": [f"{name}={value}" for name, value in (environment or {}).items()],
        "Entrypoint": list(entrypoint),
        "Cmd": list(command),
        "WorkingDir": working_directory,
        "Labels": dict(labels or {}),
        "StopSignal": stop_signal,
    }
    config = _json(
        {
            "created": created,
            **platform.fields(),
            "config": {key: value for key, value in settings.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in layers]},
            "history": [{"created": created, "created_by": "one layer"} for _ in layers],
        }
    )
    media_types = MEDIA_TYPES[image_format]
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_types["manifest"],
        "config": _descriptor(config, media_types["config"]),
        "layers": [_descriptor(each.content, media_types["layer"]) for each in layers],
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    blobs = (config, *(each.content for each in layers))
    return Manifest(_json(manifest), media_types["manifest"], blobs=blobs, platform=platform)


def index(
    manifests: Iterable[Manifest],
    *,
    annotations: Mapping[str, str] | None = None,
    image_format: Format = "oci",
) -> Manifest:
    """Return a multi-platform index (a manifest list in Docker's words) of these images."""
    children = tuple(manifests)
    media_type = MEDIA_TYPES[image_format]["index"]
    content: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [
            {
                **_descriptor(child.content, child.media_type),
                **({"platform": child.platform.fields()} if child.platform else {}),
            }
            for child in children
        ],
    }
    if annotations:
        content["annotations"] = dict(annotations)
    return Manifest(_json(content), media_type, children=children)


def busybox_files() -> dict[str, File | Link]:
    """Return a user land: this machine's static busybox, under the names of its usual commands.

    Raises LocalClusterError when the machine has no static busybox.
    """
    path = packages.static_busybox()
    if path is None:
        raise LocalClusterError("no static busybox on this machine: apt-get install busybox-static")
    files: dict[str, File | Link] = {"bin/busybox": File(path.read_bytes(), 0o755)}
    return files | {f"bin/{name}": Link("busybox") for name in _COMMANDS}


def saying(text: str, **settings: Any) -> Manifest:
    """Return a busybox image that logs `text` once and then sleeps for ever.

    `settings` are passed to `image`. A stop is a kill, so that pods go at once: a shell that is process 1
    ignores SIGTERM, and each old pod of a rollout would linger for its grace period.
    """
    command = ("sh", "-c", f"echo {shlex.quote(text)} && exec sleep infinity")
    return image(busybox_files(), **{"command": command, "stop_signal": "SIGKILL", **settings})


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
