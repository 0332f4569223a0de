"""What a cluster remembers of itself between commands, and the env file it leaves for others.

The state is `cluster.json` in the cluster's folder, `build/cluster/NAME/`. The env file beside it has one
KEY=value a line; the cluster named `local` has it as `build/cluster/env` too, where the Makefile's other
targets look for it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from localcluster.certificates import write_private
from localcluster.errors import LocalClusterError

PROJECT = Path(__file__).resolve().parents[3]
CLUSTERS = PROJECT / "build" / "cluster"
DEFAULT_NAME = "local"

Flavour = Literal["local", "kind", "current"]
Nodes = Literal["real", "kwok", "none"]


@dataclass(frozen=True, slots=True)
class State:
    """Everything decided when the cluster was made; enough to start any of its parts again just as it was.

    `slot` is the cluster's number on this machine, `ports` are those of 127.0.0.1 by the names of the parts.
    """

    name: str
    flavour: Flavour
    nodes: Nodes
    slot: int
    run: str
    ports: Mapping[str, int]
    registry_user: str
    registry_password: str

    def save(self, home: Path) -> None:
        """Write the state into the cluster's folder."""
        partial = home / "cluster.tmp"
        write_private(partial, json.dumps(asdict(self), indent=2).encode())
        partial.rename(home / "cluster.json")


@dataclass(frozen=True, slots=True)
class Access:
    """What someone needs to use the cluster; `audit_log` is None where somebody else runs the API server."""

    kubeconfig: Path
    registry: str
    registry_auth: str
    registry_user: str
    registry_password: str
    crane: Path
    kubectl: Path
    audit_log: Path | None


def home_of(name: str) -> Path:
    """Return the folder of the cluster of this name."""
    if not name.replace("-", "").isalnum() or not name.isascii() or name != name.lower():
        raise LocalClusterError(f"{name!r} is no name for a cluster: use a-z, 0-9 and -")
    return CLUSTERS / name


def load(home: Path) -> State | None:
    """Return the state kept in this folder; None when there is no cluster."""
    try:
        return State(**json.loads((home / "cluster.json").read_text()))
    except FileNotFoundError:
        return None
    except (TypeError, json.JSONDecodeError) as error:
        raise LocalClusterError(
            f"{home / 'cluster.json'} cannot be read ({error}); take the cluster down"
        ) from error


def render_env(access: Access) -> str:
    """Return the text of the env file."""
    values = {
        "KUBECONFIG": access.kubeconfig,
        "REGISTRY": access.registry,
        "REGISTRY_AUTH": access.registry_auth,
        "REGISTRY_USER": access.registry_user,
        "REGISTRY_PASSWORD": access.registry_password,
        "CRANE": access.crane,
        "KUBECTL": access.kubectl,
        "AUDIT_LOG": access.audit_log or "",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def env_files(name: str) -> list[Path]:
    """Return where the env file of the cluster of this name is kept: the default cluster's in two places."""
    files = [home_of(name) / "env"]
    return [*files, CLUSTERS / "env"] if name == DEFAULT_NAME else files
