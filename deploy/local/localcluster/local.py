"""A cluster made of this machine's own processes, and the registries beside any other cluster.

Starts what is missing and leaves what runs, so that the same call makes a cluster, mends one and does
nothing to a healthy one. Two flavours: `local` is everything, `current` is the registries alone.
"""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from localcluster import binaries, controlplane, kwok, node, packages, processes, slots
from localcluster.component import Component
from localcluster.errors import LocalClusterError
from localcluster.images import busybox_files, image
from localcluster.layout import Layout
from localcluster.progress import Progress
from localcluster.publishing import Publisher
from localcluster.registries import Registry
from localcluster.slots import Slot

REGISTRY_PORTS = ("registry", "registry-auth")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a cluster as `status` shows it: whether it runs and where."""

    name: str
    running: bool
    detail: str


def prepare(layout: Layout, progress: Progress) -> None:
    """Write every file the cluster's parts read, once in its life."""
    layout.configuration("").mkdir(parents=True, exist_ok=True)
    layout.logs.mkdir(parents=True, exist_ok=True)
    if layout.state.flavour == "current":
        _link_current_kubeconfig(layout)
        return
    if layout.state.nodes == "real":
        packages.ensure(node=True, progress=progress)
    elif packages.can_install():
        packages.ensure(node=False, progress=progress)
    controlplane.write_files(layout)
    if layout.state.nodes == "real":
        node.write_files(layout)


def _link_current_kubeconfig(layout: Layout) -> None:
    given = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    if not Path(given).is_file():
        raise LocalClusterError(f"CLUSTER=current uses the cluster of $KUBECONFIG; there is no file {given}")
    layout.kubeconfig.unlink(missing_ok=True)
    layout.kubeconfig.symlink_to(Path(given).resolve())


def tools(layout: Layout) -> list[str]:
    """Return the names of the built tools that this cluster needs."""
    if layout.state.flavour == "current":
        return ["registry", "crane"]
    return ["kubernetes", "etcd", "registry", "crane", *(["kwok"] if layout.state.nodes == "kwok" else [])]


def registries(layout: Layout) -> list[Registry]:
    """Return the cluster's two registries, the open one first."""
    users = {layout.state.registry_user: layout.state.registry_password}
    return [
        Registry(
            name=name,
            port=layout.port(name),
            users=allowed,
            folder=layout.home / name,
            pid_file=layout.pid_file(name),
            log=layout.logs / f"{name}.log",
        )
        for name, allowed in zip(REGISTRY_PORTS, ({}, users), strict=True)
    ]


def components(layout: Layout) -> list[Component]:
    """Return all parts of the cluster."""
    found = [Component(registry.program, registry.ready, phase=0) for registry in registries(layout)]
    if layout.state.flavour == "current":
        return found
    nodes = node.components(layout) if layout.state.nodes == "real" else kwok.components(layout)
    return [*found, *controlplane.components(layout), *nodes]


def healthy(layout: Layout) -> bool:
    """Tell whether every part runs and answers."""
    return all(
        processes.running(part.program.pid_file) is not None and part.ready() for part in components(layout)
    )


def start_missing(layout: Layout, progress: Progress) -> None:
    """Start the parts that do not run, phase by phase, each phase ready before the next."""
    for registry in registries(layout):
        registry.configure()
    parts = components(layout)
    for phase in sorted({part.phase for part in parts}):
        if phase == 2:
            _before_nodes(layout)
        present = [part for part in parts if part.phase == phase]
        with ThreadPoolExecutor(len(present)) as pool:
            # list() raises the first error once all have had their time.
            list(pool.map(lambda part: _start(part, progress), present))


def _before_nodes(layout: Layout) -> None:
    if layout.state.nodes == "kwok":
        kwok.create_nodes(layout)
        return
    with Publisher(registries(layout)[0].address) as publisher:
        sandbox = image(busybox_files(), command=("/bin/sleep", "infinity"), stop_signal="SIGKILL")
        repository, tag = node.SANDBOX
        publisher.push(repository, tag, sandbox)


def _start(part: Component, progress: Progress) -> None:
    begun = time.monotonic()
    fresh = processes.running(part.program.pid_file) is None
    processes.start(part.program)
    processes.wait_ready(part.program, part.ready, part.deadline)
    if fresh:
        progress(f"{part.name} is ready after {time.monotonic() - begun:.1f} s")


def part_named(layout: Layout, name: str) -> Component:
    """Return the part of this name; LocalClusterError names those there are when it is none of them."""
    parts = {part.name: part for part in components(layout)}
    if name not in parts:
        raise LocalClusterError(f"the cluster has no part {name!r}; it has {', '.join(parts)}")
    return parts[name]


def stop(layout: Layout, name: str) -> None:
    """Stop one part; everything else runs on."""
    # The API server would wait for its watchers for a minute: a stopped part is to be gone soon.
    processes.stop(part_named(layout, name).program.pid_file, grace=3)


def start(layout: Layout, name: str, progress: Progress) -> None:
    """Start one part again, with the same flags and ports, and wait until it is ready."""
    _start(part_named(layout, name), progress)


def status(layout: Layout) -> list[Part]:
    """Return how each part is."""
    found = []
    for part in components(layout):
        who = processes.running(part.program.pid_file)
        port = layout.state.ports.get(part.name)
        detail = ", ".join([*([f"pid {who.pid}"] if who else []), *([f"port {port}"] if port else [])])
        found.append(Part(part.name, who is not None, detail))
    return found


def remove(slot: Slot, home: Path) -> None:
    """End everything in this slot and delete the cluster's folder, its logs excepted.

    Needs nothing but the slot: pid files and sockets are there, so a cluster whose folder was deleted under
    it goes down as well as any other.
    """
    pids = slot.run / "pids"
    processes.stop(pids / "kubelet", grace=3)
    node.remove(slot, home)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda pid_file: processes.stop(pid_file, grace=5), pids.glob("*")))
    slots.release(slot)
    forget(home)


def forget(home: Path) -> None:
    """Delete what a cluster keeps in its folder, its logs excepted."""
    for entry in home.iterdir() if home.is_dir() else ():
        if entry.name == "logs":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def missing_tools(layout: Layout, progress: Progress) -> None:
    """Build what is not built yet."""
    binaries.ensure(tools(layout), progress)
