"""Fake nodes: pods become Running without running, for machines without containers and for scale.

One process (kwok) plays the kubelets of all nodes. There are no images pulled, no logs and no exec.
"""

import platform

from localcluster import binaries
from localcluster.component import Component
from localcluster.controlplane import api
from localcluster.layout import Layout
from localcluster.ports import LOOPBACK

PORTS = ("kwok",)
_NODES = 3
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def components(layout: Layout) -> list[Component]:
    """Return the one part that plays the nodes."""
    serving = layout.pair("kwok")
    data = binaries.folder(binaries.TOOLS["kwok"]) / "data.yaml"
    program = layout.program(
        "kwok",
        str(binaries.binary("kwok")),
        f"--kubeconfig={layout.kubeconfig_of('kwok')}",
        f"--config={data}",
        "--manage-all-nodes=true",
        f"--cidr={layout.slot.pod_range}",
        f"--node-ip={LOOPBACK}",
        f"--node-port={layout.port('kwok')}",
        f"--server-address={LOOPBACK}:{layout.port('kwok')}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--node-lease-duration-seconds=200",
    )
    return [Component(program, api(layout).node_ready, phase=2)]


def create_nodes(layout: Layout) -> None:
    """Create the nodes; those that are there stay as they are."""
    size = {"cpu": "1000", "memory": "1Ti", "pods": "5000"}
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    for number in range(_NODES):
        name = f"fake-{number}"
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
                "labels": {
                    "kubernetes.io/arch": architecture,
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                    "type": "kwok",
                },
            },
            "status": {"allocatable": size, "capacity": size},
        }
        api(layout).create("/api/v1/nodes", node)
