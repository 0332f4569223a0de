"""`Cluster`: a running cluster with its registries, as tests, demos and the command line use it.

Decides what a new cluster is (its flavour from the variable CLUSTER, its nodes, its ports), keeps commands
on the same cluster from running at once, and writes the env files. What actually starts and stops is in
`local` (processes of this machine) and `kind` (containers of Docker).
"""

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self, get_args

from localcluster import (
    accounts,
    aggregated,
    binaries,
    controlplane,
    kind,
    kwok,
    local,
    node,
    packages,
    slots,
)
from localcluster import state as states
from localcluster.certificates import write_private
from localcluster.errors import LocalClusterError
from localcluster.layout import Layout
from localcluster.local import Part
from localcluster.locks import exclusive
from localcluster.ports import LOOPBACK, free_ports
from localcluster.progress import Progress, silent
from localcluster.state import DEFAULT_NAME, Access, Flavour, Nodes, State

WantedNodes = Literal["auto", "real", "kwok"]
_USER = "builder"


class Cluster:
    """A cluster that is up. Made by `up`, or by `find` when somebody else brought it up."""

    def __init__(self, state: State, access: Access) -> None:
        self._layout = Layout(state)
        self.name = state.name
        self.nodes: Nodes = state.nodes
        self.kubeconfig = access.kubeconfig
        self.registry = access.registry
        self.registry_auth = access.registry_auth
        self.registry_user = access.registry_user
        self.registry_password = access.registry_password
        self.crane = access.crane
        self.kubectl = access.kubectl
        self.audit_log = access.audit_log

    @property
    def etcd(self) -> str:
        """The URL of its etcd, where it is of our own making; raises KeyError for one of kind."""
        return f"http://{LOOPBACK}:{self._layout.port('etcd')}"

    @classmethod
    def up(cls, name: str = DEFAULT_NAME, nodes: WantedNodes = "auto", progress: Progress = silent) -> Self:
        """Make the cluster of this name, mend it where parts are missing, or find it healthy and return.

        `nodes` are real ones (containers), fake ones (kwok), or real ones where the machine allows (auto).
        Raises LocalClusterError when a tool is missing, a part does not come up, or a cluster of this name
        has other nodes than those asked for.
        """
        home = states.home_of(name)
        with exclusive(_lock(name), f"cluster {name}", progress):
            found = _usable_state(home, progress)
            if found is not None:
                _check_wishes(found, nodes)
                _mend(found, progress)
            state = found or _make(name, nodes, progress)
            access = _access(state, progress)
            if found is not None and state.flavour != "current":
                aggregated.hand_back(access.kubectl, access.kubeconfig, progress)
            for path in states.env_files(name):
                write_private(path, states.render_env(access).encode())
        return cls(state, access)

    @classmethod
    def find(cls, name: str = DEFAULT_NAME) -> Self:
        """Return the cluster of this name as it is, without starting anything.

        Raises LocalClusterError when there is none.
        """
        state = states.load(states.home_of(name))
        if state is None:
            raise LocalClusterError(f"there is no cluster {name}; bring it up first")
        return cls(state, _access(state, silent))

    def down(self) -> None:
        """End the cluster and everything in it; its logs stay."""
        down(self.name)

    def stop(self, component: str) -> None:
        """Stop one part, "kube-apiserver" or "registry" for two; the others run on."""
        with exclusive(_lock(self.name)):
            if self._layout.state.flavour == "kind":
                kind.stop(self._layout, component)
            else:
                local.stop(self._layout, component)

    def start(self, component: str, progress: Progress = silent) -> None:
        """Start a stopped part again as it was and wait until it is ready."""
        with exclusive(_lock(self.name)):
            if self._layout.state.flavour == "kind":
                kind.start(self._layout, component)
            else:
                local.start(self._layout, component, progress)

    def status(self) -> list[Part]:
        """Return how each part is."""
        if self._layout.state.flavour == "kind":
            return kind.status(self._layout)
        return local.status(self._layout)

    def service_account_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig with a token of this service account, good for 24 hours; returns its path.

        The account has to exist.
        """
        return accounts.write_kubeconfig(self.kubectl, self.kubeconfig, namespace, name, path)


def down(name: str = DEFAULT_NAME, progress: Progress = silent) -> bool:
    """End the cluster of this name, whatever state it is in; False when there was nothing to end."""
    home = states.home_of(name)
    with exclusive(_lock(name), f"cluster {name}", progress):
        state, slot = _load_quietly(home), slots.find(home)
        if state is not None and state.flavour == "kind":
            progress(f"deleting the kind cluster {name}")
            kind.remove(Layout(state))
            local.forget(home)
        if slot is not None:
            progress(f"stopping the cluster {name}")
            local.remove(slot, home)
        else:
            local.forget(home)
        for path in states.env_files(name):
            path.unlink(missing_ok=True)
    return state is not None or slot is not None


def names() -> Iterable[str]:
    """Return the names of the clusters there are."""
    return sorted(path.parent.name for path in states.CLUSTERS.glob("*/cluster.json"))


def _lock(name: str) -> Path:
    return states.CLUSTERS / f".{name}.lock"


def _load_quietly(home: Path) -> State | None:
    try:
        return states.load(home)
    except LocalClusterError:
        return None


def _usable_state(home: Path, progress: Progress) -> State | None:
    """Return the state of a cluster that can be mended; clear away the remains of one that cannot."""
    state, slot = states.load(home), slots.find(home)
    if state is not None and (state.flavour == "kind" or slot is not None):
        return state
    if slot is not None:
        progress("clearing away a cluster whose folder was deleted, or that was never finished")
        local.remove(slot, home)
    elif state is not None:
        progress("the machine was restarted since: starting afresh")
        local.forget(home)
    return None


def _flavour() -> Flavour:
    wanted = os.environ.get("CLUSTER") or "local"
    for flavour in get_args(Flavour):
        if wanted == flavour:
            return flavour  # type: ignore[no-any-return]  # one of the literal's own values
    raise LocalClusterError(f"CLUSTER={wanted} is unknown; it can be {', '.join(get_args(Flavour))}")


def _check_wishes(state: State, nodes: WantedNodes) -> None:
    """Raise LocalClusterError when the cluster there is differs from the one asked for."""
    if os.environ.get("CLUSTER") and _flavour() != state.flavour:
        raise LocalClusterError(
            f"cluster {state.name} was made with CLUSTER={state.flavour}; take it down first"
        )
    if state.flavour == "local" and nodes not in {"auto", state.nodes}:
        raise LocalClusterError(f"cluster {state.name} has {state.nodes} nodes; take it down first")


def _node_kind(wanted: WantedNodes, progress: Progress) -> Nodes:
    if wanted == "kwok":
        return "kwok"
    obstacle = packages.why_no_containers()
    if obstacle is None:
        return "real"
    if wanted == "real":
        raise LocalClusterError(f"this machine cannot run real containers: {obstacle}")
    progress(f"fake nodes, because this machine cannot run real containers: {obstacle}")
    return "kwok"


def _make(name: str, wanted: WantedNodes, progress: Progress) -> State:
    flavour = _flavour()
    home = states.home_of(name)
    if flavour == "kind":
        kind.check()
    home.mkdir(parents=True, exist_ok=True)
    # A new cluster starts with new logs: who counts what is in them counts its own.
    shutil.rmtree(home / "logs", ignore_errors=True)
    nodes: Nodes = _node_kind(wanted, progress) if flavour == "local" else "none"
    slot = slots.claim(home) if flavour != "kind" else None
    names = [*local.REGISTRY_PORTS]
    if flavour == "local":
        names += [*controlplane.PORTS, *(node.PORTS if nodes == "real" else kwok.PORTS)]
    state = State(
        name=name,
        flavour=flavour,
        nodes=nodes,
        slot=slot.number if slot else -1,
        run=str(slot.run) if slot else "",
        ports=free_ports(names),
        registry_user=_USER,
        registry_password=secrets.token_urlsafe(12),
    )
    layout = Layout(state)
    if flavour == "kind":
        state.save(home)
        try:
            kind.create(layout, progress)
        except LocalClusterError:
            # Half of it could not be mended.
            kind.remove(layout)
            local.forget(home)
            raise
        return state
    local.missing_tools(layout, progress)
    local.prepare(layout, progress)
    # From here on it can be mended; before, the next command starts afresh.
    state.save(home)
    local.start_missing(layout, progress)
    return state


def _mend(state: State, progress: Progress) -> None:
    layout = Layout(state)
    if state.flavour == "kind":
        kind.mend(layout, progress)
        return
    local.missing_tools(layout, progress)
    if local.healthy(layout):
        progress(f"cluster {state.name} is up already")
        return
    progress(f"cluster {state.name} is not whole: starting what is missing")
    local.start_missing(layout, progress)


def _access(state: State, progress: Progress) -> Access:
    layout = Layout(state)
    return Access(
        kubeconfig=layout.kubeconfig,
        registry=f"{LOOPBACK}:{layout.port('registry')}",
        registry_auth=f"{LOOPBACK}:{layout.port('registry-auth')}",
        registry_user=state.registry_user,
        registry_password=state.registry_password,
        crane=binaries.binary("crane"),
        kubectl=binaries.kubectl(progress),
        audit_log=None if state.flavour == "current" else layout.audit_log,
    )
