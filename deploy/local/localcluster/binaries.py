"""The Go programs of the cluster: pinned by go.mod files, built by the ordinary Go client, kept in a cache.

Each tool has a module in `deploy/local/go/`. What is built lands in the user's cache folder, outside the
tree, under a name made of the version and a hash of everything that decides the result; it is built beside
its place and renamed, under a lock, so that two commands at once neither clash nor see half of it.
"""

import hashlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.locks import exclusive
from localcluster.progress import Progress, silent

_MODULES = Path(__file__).resolve().parents[1] / "go"
_TELL_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Tool:
    """One cached build: the module folder, the module that gives the version, the packages to build.

    `data` are files of the module's source that the tool needs at run time, joined into one file of YAML.
    """

    name: str
    folder: str
    module: str
    packages: tuple[str, ...]
    ldflags: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


_KUBERNETES_VERSION = (
    "-X k8s.io/component-base/version.gitVersion={version}",
    "-X k8s.io/component-base/version.gitMajor={major}",
    "-X k8s.io/component-base/version.gitMinor={minor}",
)
TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "kubernetes",
            "kubernetes",
            "k8s.io/kubernetes",
            tuple(
                f"k8s.io/kubernetes/cmd/{name}"
                for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
            ),
            ldflags=_KUBERNETES_VERSION,
        ),
        Tool(
            "kubectl",
            "kubernetes",
            "k8s.io/kubernetes",
            ("k8s.io/kubernetes/cmd/kubectl",),
            ldflags=_KUBERNETES_VERSION,
        ),
        Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", ("go.etcd.io/etcd/server/v3",)),
        Tool(
            "registry",
            "registry",
            "github.com/distribution/distribution/v3",
            ("github.com/distribution/distribution/v3/cmd/registry",),
        ),
        Tool(
            "crane",
            "crane",
            "github.com/google/go-containerregistry",
            ("github.com/google/go-containerregistry/cmd/crane",),
        ),
        Tool(
            "kwok",
            "kwok",
            "sigs.k8s.io/kwok",
            ("sigs.k8s.io/kwok/cmd/kwok",),
            data=(
                "kustomize/stage/node/fast/node-initialize.yaml",
                "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
                "kustomize/stage/pod/fast/pod-ready.yaml",
                "kustomize/stage/pod/fast/pod-complete.yaml",
                "kustomize/stage/pod/fast/pod-delete.yaml",
            ),
        ),
        Tool("kind", "kind", "sigs.k8s.io/kind", ("sigs.k8s.io/kind",)),
    )
}


def cache_root() -> Path:
    """Return the folder that keeps what was built, by the XDG convention."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "imagestreams"


def version(tool: Tool) -> str:
    """Return the version of the tool that its go.mod pins, such as "v1.34.4"."""
    text = (_MODULES / tool.folder / "go.mod").read_text()
    found = re.search(rf"^(?:require)?\s*{re.escape(tool.module)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise LocalClusterError(f"{_MODULES / tool.folder / 'go.mod'} does not require {tool.module}")
    return found[1]


def folder(tool: Tool) -> Path:
    """Return where the tool's build is, or will be; another place for every other outcome."""
    source = _MODULES / tool.folder
    parts = [
        (source / "go.mod").read_bytes(),
        (source / "go.sum").read_bytes(),
        *map(str.encode, _flags(tool)),
    ]
    parts += map(str.encode, (*tool.packages, *tool.data))
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
    return cache_root() / f"{tool.name}-{version(tool)}-{digest}"


def binary(name: str) -> Path:
    """Return the path of a built program, such as "kubelet"; `ensure` sees to it that it is built."""
    for tool in TOOLS.values():
        for package in tool.packages:
            if _final_name(tool, package) == name:
                return folder(tool) / "bin" / name
    raise LocalClusterError(f"no tool builds a program named {name}")


def kubectl(progress: Progress = silent) -> Path:
    """Return the machine's kubectl, or one built here when there is none."""
    found = shutil.which("kubectl")
    if found:
        return Path(found)
    ensure(["kubectl"], progress)
    return binary("kubectl")


def ensure(names: Iterable[str], progress: Progress = silent) -> None:
    """Build those of the named tools that are not in the cache yet.

    Raises LocalClusterError when Go is missing or a build fails, with the end of what Go said.
    """
    missing = [TOOLS[name] for name in names if not folder(TOOLS[name]).is_dir()]
    for number, tool in enumerate(missing, start=1):
        with exclusive(cache_root() / f".{tool.name}.lock", f"building {tool.name}", progress):
            if not folder(tool).is_dir():
                _build(tool, _numbered(progress, f"[{number} of {len(missing)}]"))


def _numbered(progress: Progress, number: str) -> Progress:
    return lambda line: progress(f"{number} {line}")


def _flags(tool: Tool) -> list[str]:
    pinned = version(tool)
    major, minor = (*pinned.lstrip("v").split("."), "0")[:2]
    extra = [flag.format(version=pinned, major=major, minor=minor) for flag in tool.ldflags]
    return ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=" + " ".join(["-s", "-w", *extra])]


def _final_name(tool: Tool, package: str) -> str:
    # A single package takes the tool's name: Go would call go.etcd.io/etcd/server/v3 "server".
    return tool.name if len(tool.packages) == 1 else package.rsplit("/", 1)[-1]


def _environment() -> dict[str, str]:
    # The toolchain of the machine, whatever it is; static binaries that also run inside containers.
    return {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}


def _go(tool: Tool, *arguments: str) -> str:
    result = subprocess.run(
        ["go", *arguments],
        cwd=_MODULES / tool.folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LocalClusterError(f"go {arguments[0]} for {tool.name} failed:\n{result.stderr.strip()[-3000:]}")
    return result.stdout


def _build(tool: Tool, progress: Progress) -> None:
    if shutil.which("go") is None:
        raise LocalClusterError(
            f"Go is needed to build {tool.name} {version(tool)} and is not on PATH; install Go 1.26 or newer"
        )
    title = f"{tool.name} {version(tool)}"
    progress(f"{title}: fetching and checking modules")
    stale = _go(
        tool, "list", *_flags(tool), "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *tool.packages
    ).split()
    target = folder(tool)
    scratch = target.with_name(f"{target.name}.building")
    shutil.rmtree(scratch, ignore_errors=True)
    output = scratch / "bin"
    output.mkdir(parents=True)
    single = len(tool.packages) == 1
    destination = str(output / tool.name) if single else f"{output}/"
    _compile(tool, destination, title, len(stale), progress)
    if tool.data:
        source = Path(_go(tool, "list", "-m", "-f", "{{.Dir}}", tool.module).strip())
        joined = "\n---\n".join((source / path).read_text() for path in tool.data)
        (scratch / "data.yaml").write_text(joined)
    scratch.rename(target)


def _compile(tool: Tool, destination: str, title: str, total: int, progress: Progress) -> None:
    start = time.monotonic()
    done = 0
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(_TELL_EVERY):
            what = f"{done} of {total} packages" if done < total else "linking"
            progress(f"{title}: {what}, {time.monotonic() - start:.0f} s")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    said: list[str] = []
    try:
        with subprocess.Popen(
            ["go", "build", "-v", *_flags(tool), "-o", destination, *tool.packages],
            cwd=_MODULES / tool.folder,
            env=_environment(),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            for line in process.stderr or ():
                said.append(line)
                # -v names each package as it is compiled; anything else Go says has a space or a colon in it.
                done += " " not in line and ":" not in line
    finally:
        ended.set()
        teller.join()
    if process.returncode != 0:
        raise LocalClusterError(f"building {title} failed:\n{''.join(said[-30:])}")
    progress(f"{title}: built in {time.monotonic() - start:.0f} s")
