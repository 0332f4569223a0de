"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler, as processes on loopback.

Flags only; what they run on (certificates, kubeconfigs, the audit policy) is written by `write_files`, once,
when the cluster is made, so that a part can be stopped and started again just as it was.
"""

import json

from localcluster import certificates, kubeconfigs, probing
from localcluster.api import Api
from localcluster.binaries import binary
from localcluster.component import Component
from localcluster.layout import Layout
from localcluster.ports import LOOPBACK

PORTS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
SERVICE_RANGE = "10.96.0.0/16"
DNS_ADDRESS = "10.96.0.10"
OPERATOR_NAMESPACE = "imagestreams-system"
# Not a name, so that nothing needs to resolve it: a node's addresses are told from its name, and this one is
# where the API server finds the kubelet for logs and exec, without a line in /etc/hosts.
NODE_NAME = LOOPBACK

_API_SERVER_NAMES = (
    LOOPBACK,
    "localhost",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


def write_files(layout: Layout) -> None:
    """Write the cluster's authority, certificates, kubeconfigs and audit policy."""
    folder = layout.certificates
    authority = certificates.Authority(folder, "ca")
    front_proxy = certificates.Authority(folder, "front-proxy-ca")
    front_proxy.issue("front-proxy", common_name="front-proxy-client")
    certificates.write_key_pair(folder, "service-account")
    authority.issue("kube-apiserver", common_name="kube-apiserver", hosts=_API_SERVER_NAMES)
    authority.issue(
        "kubelet-client", common_name="kube-apiserver-kubelet-client", organization="system:masters"
    )
    authority.issue("kubelet-server", common_name=NODE_NAME, hosts=(NODE_NAME, "localhost"))
    for name, user, group in (
        ("admin", "admin", "system:masters"),
        ("kube-controller-manager", "system:kube-controller-manager", ""),
        ("kube-scheduler", "system:kube-scheduler", ""),
        ("kubelet", f"system:node:{NODE_NAME}", "system:nodes"),
        ("kwok", "kwok", "system:masters"),
    ):
        client = authority.issue(name, common_name=user, organization=group, hosts=(LOOPBACK, "localhost"))
        path = layout.kubeconfig if name == "admin" else layout.kubeconfig_of(name)
        kubeconfigs.with_certificate(
            path, server=layout.server, authority=authority.files.certificate, client=client
        )
    layout.configuration("audit.yaml").write_text(json.dumps(audit_policy(), indent=2))


def audit_policy() -> dict[str, object]:
    """Return a policy that keeps every write by anyone, and everything the operator's accounts ask.

    What they write is kept whole: it is all that the operator says in a cluster, in Events and conditions.
    """
    writes = ["create", "update", "patch", "delete", "deletecollection"]
    operator = [f"system:serviceaccounts:{OPERATOR_NAMESPACE}"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Request", "userGroups": operator, "verbs": writes},
            {"level": "Metadata", "userGroups": operator},
            {"level": "Metadata", "verbs": writes},
            {"level": "None"},
        ],
    }


def api(layout: Layout) -> Api:
    """Return the API server as the administrator sees it."""
    return Api(layout.server, authority=layout.authority, client=layout.pair("admin"))


def components(layout: Layout) -> list[Component]:
    """Return the control plane's parts."""
    return [_etcd(layout), _api_server(layout), _controller_manager(layout), _scheduler(layout)]


def _etcd(layout: Layout) -> Component:
    client = f"http://{LOOPBACK}:{layout.port('etcd')}"
    peer = f"http://{LOOPBACK}:{layout.port('etcd-peer')}"
    program = layout.program(
        "etcd",
        str(binary("etcd")),
        f"--data-dir={layout.home / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # The cluster is thrown away anyway: durability would only cost time.
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    return Component(program, lambda: probing.status(f"{client}/health") == 200, phase=0)


def _api_server(layout: Layout) -> Component:
    kubelet = layout.pair("kubelet-client")
    serving = layout.pair("kube-apiserver")
    front_proxy = layout.pair("front-proxy")
    program = layout.program(
        "kube-apiserver",
        str(binary("kube-apiserver")),
        f"--etcd-servers=http://{LOOPBACK}:{layout.port('etcd')}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={layout.port('kube-apiserver')}",
        # A loopback address cannot be the endpoint of the service "kubernetes".
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={layout.authority}",
        f"--kubelet-certificate-authority={layout.authority}",
        f"--kubelet-client-certificate={kubelet.certificate}",
        f"--kubelet-client-key={kubelet.key}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={layout.certificates / 'service-account.pub'}",
        f"--service-account-signing-key-file={layout.certificates / 'service-account.key'}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--requestheader-client-ca-file={layout.certificates / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front_proxy.certificate}",
        f"--proxy-client-key-file={front_proxy.key}",
        f"--audit-policy-file={layout.configuration('audit.yaml')}",
        f"--audit-log-path={layout.audit_log}",
        "--audit-log-maxsize=100",
        "--audit-log-maxbackup=3",
        "--profiling=false",
    )
    return Component(program, api(layout).ready, phase=1, deadline=90)


def _controller_manager(layout: Layout) -> Component:
    return _client_of_the_api(
        layout,
        "kube-controller-manager",
        f"--root-ca-file={layout.authority}",
        f"--service-account-private-key-file={layout.certificates / 'service-account.key'}",
        f"--cluster-signing-cert-file={layout.authority}",
        f"--cluster-signing-key-file={layout.certificates / 'ca.key'}",
        "--use-service-account-credentials=true",
    )


def _scheduler(layout: Layout) -> Component:
    return _client_of_the_api(layout, "kube-scheduler")


def _client_of_the_api(layout: Layout, name: str, *flags: str) -> Component:
    serving = layout.pair(name)
    program = layout.program(
        name,
        str(binary(name)),
        f"--kubeconfig={layout.kubeconfig_of(name)}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={layout.port(name)}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--leader-elect=false",
        "--kube-api-qps=100",
        "--kube-api-burst=200",
        "--profiling=false",
        *flags,
    )
    return Component(program, lambda: _healthy(layout, name), phase=2)


def _healthy(layout: Layout, name: str) -> bool:
    url = f"https://{LOOPBACK}:{layout.port(name)}/healthz"
    return probing.status(url, verify=str(layout.authority)) == 200
