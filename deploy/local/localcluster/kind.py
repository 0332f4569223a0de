"""A cluster in Docker by kind, for machines that have Docker: asked for by CLUSTER=kind.

The registries are containers too, on the network of kind. They are published on 127.0.0.1, and the nodes are
told (hosts.toml) that 127.0.0.1:PORT means the registry's container, so that an image has one name on the
machine and in the cluster.
"""

import json
import shutil
import subprocess
from pathlib import Path

from localcluster import binaries, controlplane, probing
from localcluster.certificates import write_private
from localcluster.errors import LocalClusterError
from localcluster.layout import Layout
from localcluster.local import REGISTRY_PORTS, Part
from localcluster.ports import LOOPBACK
from localcluster.progress import Progress
from localcluster.registries import htpasswd

_REGISTRY_IMAGE = "docker.io/library/registry:3.0.0"
_POLICY = "/etc/kubernetes/audit/policy.yaml"
_AUDIT_FOLDER = "/var/log/kubernetes-audit"


def check() -> None:
    """Raise LocalClusterError unless Docker is there and its daemon answers."""
    if shutil.which("docker") is None:
        raise LocalClusterError("CLUSTER=kind needs Docker, and there is no docker on PATH")
    result = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        said = result.stderr.strip().splitlines()[-1:] or ["docker info failed"]
        raise LocalClusterError(f"CLUSTER=kind needs a running Docker: {said[0]}")


def create(layout: Layout, progress: Progress) -> None:
    """Create the cluster and its registries, and connect them."""
    binaries.ensure(["kind", "crane"], progress)
    for folder in (layout.configuration(""), layout.logs):
        folder.mkdir(parents=True, exist_ok=True)
    policy = json.dumps(controlplane.audit_policy(), indent=2)
    layout.configuration("audit.yaml").write_text(policy)
    layout.configuration("kind.yaml").write_text(json.dumps(_configuration(layout), indent=2))
    progress("kind is creating the cluster")
    _kind(
        "create",
        "cluster",
        f"--name={_cluster(layout)}",
        f"--kubeconfig={layout.kubeconfig}",
        f"--config={layout.configuration('kind.yaml')}",
        "--wait=180s",
    )
    for name in REGISTRY_PORTS:
        progress(f"starting {name}")
        _run_registry(layout, name)
    for machine in _kind("get", "nodes", f"--name={_cluster(layout)}").split():
        for name in REGISTRY_PORTS:
            _tell_node(layout, machine, name)


def mend(layout: Layout, progress: Progress) -> None:
    """Start what of the cluster is stopped."""
    check()
    binaries.ensure(["kind", "crane"], progress)
    stopped = [part.name for part in status(layout) if not part.running]
    for name in stopped:
        progress(f"starting {name}")
        start(layout, name)
    if not stopped:
        progress(f"cluster {layout.state.name} is up already")


def remove(layout: Layout) -> None:
    """Delete the cluster and its registries."""
    check()
    binaries.ensure(["kind"])
    _kind("delete", "cluster", f"--name={_cluster(layout)}")
    for name in REGISTRY_PORTS:
        subprocess.run(
            ["docker", "rm", "--force", "--volumes", _container(layout, name)],
            capture_output=True,
            check=False,
        )


def stop(layout: Layout, name: str) -> None:
    """Stop a registry or the cluster's only node; the parts inside the node cannot be stopped one by one."""
    _docker("stop", _known(layout, name))


def start(layout: Layout, name: str) -> None:
    """Start it again."""
    _docker("start", _known(layout, name))


def status(layout: Layout) -> list[Part]:
    """Return how the node and the registries are."""
    found = []
    for name, container in _containers(layout).items():
        result = subprocess.run(
            ["docker", "inspect", "--format={{.State.Running}}", container],
            capture_output=True,
            text=True,
            check=False,
        )
        found.append(Part(name, result.stdout.strip() == "true", f"container {container}"))
    return found


def _cluster(layout: Layout) -> str:
    return f"imagestreams-{layout.state.name}"


def _container(layout: Layout, name: str) -> str:
    return f"{_cluster(layout)}-{name}"


def _containers(layout: Layout) -> dict[str, str]:
    registries = {name: _container(layout, name) for name in REGISTRY_PORTS}
    return {"node": f"{_cluster(layout)}-control-plane", **registries}


def _known(layout: Layout, name: str) -> str:
    containers = _containers(layout)
    if name not in containers:
        raise LocalClusterError(f"in a kind cluster only these can be stopped: {', '.join(containers)}")
    return containers[name]


def _configuration(layout: Layout) -> dict[str, object]:
    # kubeadm's own words; audit as in every cluster of this tool.
    volumes = [
        {"name": "audit-policy", "hostPath": _POLICY, "mountPath": _POLICY, "readOnly": True},
        {"name": "audit-log", "hostPath": _AUDIT_FOLDER, "mountPath": _AUDIT_FOLDER, "readOnly": False},
    ]
    arguments = {
        "audit-policy-file": _POLICY,
        "audit-log-path": f"{_AUDIT_FOLDER}/{layout.audit_log.name}",
        "audit-log-maxsize": "100",
    }
    patch = {"kind": "ClusterConfiguration", "apiServer": {"extraArgs": arguments, "extraVolumes": volumes}}
    mounts = [
        {"hostPath": str(layout.configuration("audit.yaml")), "containerPath": _POLICY, "readOnly": True},
        {"hostPath": str(layout.logs), "containerPath": _AUDIT_FOLDER},
    ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"apiServerAddress": LOOPBACK},
        "nodes": [
            {"role": "control-plane", "extraMounts": mounts, "kubeadmConfigPatches": [json.dumps(patch)]}
        ],
    }


def _run_registry(layout: Layout, name: str) -> None:
    options = [
        "--detach",
        f"--name={_container(layout, name)}",
        "--network=kind",
        f"--publish={LOOPBACK}:{layout.port(name)}:5000",
        "--env=REGISTRY_STORAGE_DELETE_ENABLED=true",
        "--env=OTEL_TRACES_EXPORTER=none",
    ]
    if name == "registry-auth":
        folder: Path = layout.home / name
        folder.mkdir(exist_ok=True)
        users = {layout.state.registry_user: layout.state.registry_password}
        write_private(folder / "htpasswd", htpasswd(users))
        options += [
            f"--volume={folder}:/auth:ro",
            "--env=REGISTRY_AUTH=htpasswd",
            "--env=REGISTRY_AUTH_HTPASSWD_REALM=local",
            "--env=REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd",
        ]
    _docker("run", *options, _REGISTRY_IMAGE)
    probing.wait_for(f"http://{LOOPBACK}:{layout.port(name)}/v2/", {200, 401}, name)


def _tell_node(layout: Layout, machine: str, name: str) -> None:
    folder = f"/etc/containerd/certs.d/{LOOPBACK}:{layout.port(name)}"
    hosts = f'[host."http://{_container(layout, name)}:5000"]\n'
    _docker("exec", machine, "mkdir", "-p", folder)
    _docker("exec", "--interactive", machine, "cp", "/dev/stdin", f"{folder}/hosts.toml", said=hosts)


def _kind(*arguments: str) -> str:
    return _run([str(binaries.binary("kind")), *arguments])


def _docker(*arguments: str, said: str = "") -> str:
    return _run(["docker", *arguments], said)


def _run(command: list[str], said: str = "") -> str:
    result = subprocess.run(command, input=said, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        name = Path(command[0]).name
        raise LocalClusterError(f"{name} {command[1]} failed:\n{result.stderr.strip()[-3000:]}")
    return result.stdout
