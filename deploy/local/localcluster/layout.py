"""Where a cluster keeps what.

One place names every folder and file of a cluster's home (`build/cluster/NAME/`, see `state`) and of its run
folder (short paths for sockets and pid files, see `slots`).
"""

from dataclasses import dataclass
from pathlib import Path

from localcluster.certificates import Pair
from localcluster.ports import LOOPBACK
from localcluster.processes import Program
from localcluster.slots import Slot
from localcluster.state import State, home_of

# kubelet listens on <root>/pod-resources/kubelet.sock, and a unix socket's path has 107 bytes at most.
_LONGEST_KUBELET_ROOT = 70


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths and addresses of one cluster; `slot` is its place on the machine."""

    state: State

    @property
    def slot(self) -> Slot:
        """Its place on the machine."""
        return Slot(self.state.slot, Path(self.state.run))

    @property
    def home(self) -> Path:
        """Its folder, `build/cluster/NAME`."""
        return home_of(self.state.name)

    @property
    def logs(self) -> Path:
        """The folder of all logs; it survives the cluster."""
        return self.home / "logs"

    @property
    def audit_log(self) -> Path:
        """What the API server was asked to do, one JSON object a line."""
        return self.logs / "audit.log"

    @property
    def certificates(self) -> Path:
        """The folder of certificates and keys."""
        return self.home / "pki"

    @property
    def authority(self) -> Path:
        """The certificate that everybody in the cluster trusts."""
        return self.certificates / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.home / "kubeconfig"

    @property
    def kubelet_root(self) -> Path:
        """The kubelet's folder: in the home, or in the run folder where that path is too long for sockets."""
        root = self.home / "kubelet"
        return root if len(str(root)) <= _LONGEST_KUBELET_ROOT else self.slot.run / "kubelet"

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://{LOOPBACK}:{self.port('kube-apiserver')}"

    def port(self, name: str) -> int:
        """Return the port of a part of the cluster."""
        return self.state.ports[name]

    def pair(self, name: str) -> Pair:
        """Return the certificate and key of this name."""
        return Pair(self.certificates / f"{name}.crt", self.certificates / f"{name}.key")

    def configuration(self, name: str) -> Path:
        """Return where a part's configuration file of this name is kept."""
        return self.home / "config" / name

    def kubeconfig_of(self, name: str) -> Path:
        """Return where the kubeconfig of a part of the cluster is kept."""
        return self.configuration(f"{name}.kubeconfig")

    def pid_file(self, name: str) -> Path:
        """Return where the identity of a part's process is kept."""
        return self.slot.run / "pids" / name

    def program(self, name: str, *argv: str) -> Program:
        """Return a part of the cluster as a program, with its log and pid file in their places."""
        return Program(name=name, argv=argv, log=self.logs / f"{name}.log", pid_file=self.pid_file(name))
