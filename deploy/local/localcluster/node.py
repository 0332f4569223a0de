"""A real node: containerd and kubelet, with pods on a bridge of their own.

`components` says what runs; `remove` takes every trace away again, in whatever state the node is:
containers, shims, mounts, network namespaces, the bridge, links in /var/log/containers.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

from localcluster import packages, processes, slots
from localcluster.binaries import binary
from localcluster.component import Component
from localcluster.controlplane import DNS_ADDRESS, NODE_NAME, api
from localcluster.errors import LocalClusterError
from localcluster.layout import Layout
from localcluster.ports import LOOPBACK
from localcluster.processes import Identity, identity
from localcluster.slots import Slot

PORTS = ("kubelet",)
# Repository and tag of the image that holds a pod's namespaces open.
SANDBOX = ("imagestreams-local/sandbox", "1")
_CONTAINER_LINKS = Path("/var/log/containers")
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_CNI_RESULTS = Path("/var/lib/cni/results")


def write_files(layout: Layout) -> None:
    """Write the configuration of containerd, of the pods' network and of the kubelet."""
    _remember_forwarding()
    networks = layout.configuration("cni")
    networks.mkdir(parents=True, exist_ok=True)
    (networks / "10-pods.conflist").write_text(json.dumps(_network(layout), indent=2))
    layout.configuration("containerd.toml").write_text(_containerd_configuration(layout))
    layout.configuration("kubelet.yaml").write_text(json.dumps(_kubelet_configuration(layout), indent=2))


def components(layout: Layout) -> list[Component]:
    """Return the node's parts."""
    containerd = shutil.which("containerd")
    if containerd is None:
        raise LocalClusterError("containerd is not on PATH; install the package containerd")
    runtime = layout.program("containerd", containerd, f"--config={layout.configuration('containerd.toml')}")
    kubelet = layout.program(
        "kubelet",
        str(binary("kubelet")),
        f"--config={layout.configuration('kubelet.yaml')}",
        f"--kubeconfig={layout.kubeconfig_of('kubelet')}",
        f"--hostname-override={NODE_NAME}",
        f"--root-dir={layout.kubelet_root}",
        f"--cert-dir={layout.kubelet_root / 'pki'}",
    )
    return [
        Component(runtime, lambda: _containerd_answers(layout), phase=0),
        Component(kubelet, api(layout).node_ready, phase=2),
    ]


def _socket(slot: Slot) -> Path:
    return slot.run / "containerd.sock"


def _containerd_answers(layout: Layout) -> bool:
    socket = _socket(layout.slot)
    return socket.exists() and _quiet("ctr", "--address", str(socket), "--connect-timeout", "2s", "version")


def _network(layout: Layout) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": layout.slot.pod_range}]],
        # The plugin's default is a folder shared by the whole machine.
        "dataDir": str(layout.slot.run / "addresses"),
    }
    bridge = {"type": "bridge", "bridge": layout.slot.bridge, "isGateway": True, "ipam": addresses}
    return {
        "cniVersion": "0.4.0",
        "name": layout.slot.network,
        "plugins": [bridge, {"type": "loopback"}],
    }


def _snapshotter(folder: Path) -> str:
    """Return how containerd lays images out: overlay mounts do not stack on a folder that is one already."""
    kind = subprocess.run(
        ["stat", "--file-system", "--format=%T", str(folder)], capture_output=True, text=True, check=True
    )
    return "native" if "overlay" in kind.stdout else "overlayfs"


def _containerd_configuration(layout: Layout) -> str:
    run, plugins = layout.slot.run, packages.cni_plugins()
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    # JSON strings are TOML strings too.
    quoted = {
        "root": json.dumps(str(layout.home / "containerd")),
        "state": json.dumps(str(run / "containerd")),
        "socket": json.dumps(str(_socket(layout.slot))),
        "sandbox": json.dumps(f"{LOOPBACK}:{layout.port('registry')}/{':'.join(SANDBOX)}"),
        "snapshotter": json.dumps(_snapshotter(layout.home)),
        "runc_root": json.dumps(str(run / "runc")),
        "bin_dir": json.dumps(str(plugins)),
        "conf_dir": json.dumps(str(layout.configuration("cni"))),
    }
    return f"""\
version = 2
root = {quoted["root"]}
state = {quoted["state"]}
# opt would make /opt/containerd; the others are snapshotters that only complain here.
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = {quoted["socket"]}
[{cri}]
sandbox_image = {quoted["sandbox"]}
stream_server_address = "{LOOPBACK}"
stream_server_port = "0"
restrict_oom_score_adj = true
disable_apparmor = true
tolerate_missing_hugetlb_controller = true
# So that unmounting everything under the run folder ends the network namespaces too.
netns_mounts_under_state_dir = true
[{cri}.containerd]
snapshotter = {quoted["snapshotter"]}
default_runtime_name = "runc"
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
Root = {quoted["runc_root"]}
SystemdCgroup = false
[{cri}.cni]
bin_dir = {quoted["bin_dir"]}
conf_dir = {quoted["conf_dir"]}
"""


def _kubelet_configuration(layout: Layout) -> dict[str, object]:
    serving = layout.pair("kubelet-server")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": LOOPBACK,
        "port": layout.port("kubelet"),
        "healthzPort": 0,
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.authority)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{_socket(layout.slot)}",
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        # The machine's own folders are left alone.
        "podLogsDir": str(layout.logs / "pods"),
        "volumePluginDir": str(layout.kubelet_root / "volume-plugins"),
        # No assumption on the machine: any cgroup layout, swap or none, a read-only /proc/sys, no iptables.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": {"KubeletInUserNamespace": True},
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        # A full disk is the machine's affair: neither evict pods nor delete images for it.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        # Quick on two cores.
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        "maxPods": 250,
        "shutdownGracePeriod": "0s",
    }


def remove(slot: Slot, home: Path) -> None:
    """Take away what runs or is mounted for the node in this slot, even when nothing else is known of it."""
    runc_root = slot.run / "runc" / "k8s.io"
    deletions = [
        subprocess.Popen(
            ["runc", "--root", str(runc_root), "delete", "--force", container.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for container in (runc_root.iterdir() if runc_root.is_dir() else ())
    ]
    for deletion in deletions:
        deletion.wait()
    for shim in _shims(slot):
        processes.end(shim, grace=2)
    processes.stop(slot.run / "pids" / "containerd", grace=5)
    _unmount(slot.run)
    _unmount(home)
    _quiet("ip", "link", "delete", slot.bridge)
    for result in _CNI_RESULTS.glob(f"{slot.network}-*"):
        result.unlink(missing_ok=True)
    _remove_container_links(home)
    _restore_forwarding(slot)
    # Empty by now unless another cluster, or somebody else's containerd, has containers there.
    for hierarchy in Path("/sys/fs/cgroup").glob("*/k8s.io"):
        _remove_if_empty(hierarchy)
    _remove_if_empty(Path("/sys/fs/cgroup/k8s.io"))


def _shims(slot: Slot) -> list[Identity]:
    """Return the containerd shims of this slot: those that were told its socket."""
    address = str(_socket(slot)).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"containerd-shim" in arguments[0] and address in arguments:
            who = identity(int(entry.name))
            found += [who] if who else []
    return found


def _unmount(folder: Path) -> None:
    """Unmount everything below a folder, the latest first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed(points):
        # The kernel writes a space as \040.
        path = point.encode().decode("unicode_escape")
        if path.startswith(f"{folder}/"):
            _quiet("umount", "--lazy", path)


def _remember_forwarding() -> None:
    """Keep whether the machine forwarded packets before the bridge plugin made it do so."""
    kept = slots.root() / _FORWARDING.name
    if not kept.exists() and _FORWARDING.exists():
        kept.write_text(_FORWARDING.read_text())


def _restore_forwarding(slot: Slot) -> None:
    """Put that back when the last cluster goes."""
    kept = slots.root() / _FORWARDING.name
    others = [run for run in slots.root().glob("[0-9]*") if run != slot.run]
    if kept.exists() and not others:
        _FORWARDING.write_text(kept.read_text())
        kept.unlink()


def _remove_container_links(home: Path) -> None:
    if not _CONTAINER_LINKS.is_dir():
        return
    for link in _CONTAINER_LINKS.iterdir():
        if link.is_symlink() and str(link.readlink()).startswith(f"{home}/"):
            link.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def _quiet(*command: str) -> bool:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        result = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PATH": path})
    except FileNotFoundError:
        return False
    return result.returncode == 0
