"""What to apply so that the operator runs as a pod of a local cluster.

That is deploy/overlays/local-pod, and on top of it this cluster's own image, addresses and ports.
"""

import json
import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import yaml

from localcluster import Cluster, Publisher
from localcluster.ports import LOOPBACK, free_port
from localcluster.progress import Progress, silent
from localcluster.state import PROJECT, home_of
from operatorimage.image import operator_image

_OVERLAY = PROJECT / "deploy" / "overlays" / "local-pod"
_REPOSITORY = "imagestreams-local/operator"
_WEBHOOKS = 3


def prepare(cluster: Cluster, progress: Progress = silent) -> Path:
    """Bring the operator's image into the cluster's registry; returns the folder for `kubectl apply -k`.

    Raises LocalClusterError when the image cannot be made or pushed.
    """
    with Publisher(cluster.registry) as publisher:
        digest = publisher.push(_REPOSITORY, "dev", operator_image(progress))
    return write_overlay(cluster, f"{cluster.registry}/{_REPOSITORY}@{digest}")


def write_overlay(cluster: Cluster, image: str) -> Path:
    """Write a kustomization for this cluster and an image that its node can pull; returns its folder.

    The operator's ports are some that are free now: the pod shares the machine's network.
    """
    folder = home_of(cluster.name) / "operator"
    folder.mkdir(parents=True, exist_ok=True)
    server = _server(cluster.kubeconfig)
    port, webhook = free_port(), free_port()
    values = {
        "KUBERNETES_SERVICE_HOST": server.hostname,
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "IMAGESTREAMS_LISTEN": f"{LOOPBACK}:{port}",
    }
    service = [
        {"op": "replace", "path": f"/webhooks/{number}/clientConfig/service/port", "value": webhook}
        for number in range(_WEBHOOKS)
    ]
    container = "/spec/template/spec/containers/0"
    patch = [
        {"op": "replace", "path": f"{container}/image", "value": image},
        {"op": "replace", "path": f"{container}/ports/0/containerPort", "value": port},
        {"op": "replace", "path": f"{container}/ports/1/containerPort", "value": webhook},
        {"op": "test", "path": f"{container}/env/1/name", "value": "IMAGESTREAMS_WEBHOOK_LISTEN"},
        {"op": "replace", "path": f"{container}/env/1/value", "value": f"{LOOPBACK}:{webhook}"},
        *(
            {"op": "add", "path": f"{container}/env/-", "value": {"name": name, "value": value}}
            for name, value in values.items()
        ),
    ]
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(_OVERLAY, folder)],
        "patches": [
            {"target": {"kind": "Deployment"}, "patch": json.dumps(patch)},
            {"target": {"kind": "MutatingWebhookConfiguration"}, "patch": json.dumps(service)},
        ],
    }
    # JSON is YAML too.
    (folder / "kustomization.yaml").write_text(json.dumps(content, indent=2))
    return folder


def _server(kubeconfig: Path) -> SplitResult:
    url: str = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return urlsplit(url)
