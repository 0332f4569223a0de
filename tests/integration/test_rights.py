"""The shipped rights at a real API server: the operator can do what its role says, and nothing else.

People get on image.openshift.io what OpenShift gives them with view, edit and admin. Every right is asked
for as the account that has it; the refusals that matter most are tried for real.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from localrun import API_ACCOUNT, NAMESPACE, account_kubeconfig, install_image_api
from support.admission import Admission, admission, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster

pytestmark = pytest.mark.cluster

PROJECT = Path(__file__).resolve().parents[2]

Right = tuple[str, str, str]
"""Verb, API group, resource; an object's name after a blank where the right is for that object alone."""

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")

OPERATOR: set[Right] = {
    *((verb, "image.openshift.io", "imagestreams") for verb in READ),
    ("update", "image.openshift.io", "imagestreams/status"),
    *((verb, "image.openshift.io", "images") for verb in ("get", "list", "create", "patch", "delete")),
    *((verb, "", "secrets") for verb in READ),
    *((verb, "", "serviceaccounts default") for verb in READ),
    *((verb, "", "configmaps imagestreams-registries") for verb in READ),
    *(
        (verb, "apps", resource)
        for verb in (*READ, "patch")
        for resource in ("deployments", "statefulsets", "daemonsets")
    ),
    *((verb, "batch", "cronjobs") for verb in (*READ, "patch")),
    ("create", "", "events"),
    ("create", "authorization.k8s.io", "subjectaccessreviews"),
    *(
        (verb, "admissionregistration.k8s.io", "mutatingwebhookconfigurations imagestreams")
        for verb in ("get", "patch")
    ),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions imagestreams.image.openshift.io"),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions images.image.openshift.io"),
    ("get", "apiregistration.k8s.io", "apiservices v1.image.openshift.io"),
    ("delete", "apiregistration.k8s.io", "apiservices v1.image.openshift.io"),
    ("get", "apiregistration.k8s.io", "apiservices v1alpha1.image.openshift.io"),
}


IMAGE_API: set[Right] = {
    *(
        (verb, "image.openshift.io", resource)
        for verb in (*READ, *WRITE)
        for resource in ("imagestreams", "images")
    ),
    *((verb, "image.openshift.io", "imagestreams/status") for verb in ("get", "update", "patch")),
    ("create", "authorization.k8s.io", "subjectaccessreviews"),
    ("list", "", "secrets"),
    ("get", "", "serviceaccounts default"),
    ("get", "", "configmaps imagestreams-registries"),
    *(
        (verb, "apiregistration.k8s.io", "apiservices v1.image.openshift.io")
        for verb in ("get", "create", "patch", "delete")
    ),
    ("get", "apiregistration.k8s.io", "apiservices v1alpha1.image.openshift.io"),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions imagestreams.image.openshift.io"),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions images.image.openshift.io"),
}


@pytest.fixture(scope="module")
def admin(quiet_cluster: Cluster) -> Iterator[Admission]:
    """The administrator, in a namespace with a stream, a Deployment and a pull secret."""
    with admission(quiet_cluster) as found:
        found.ok("create", "-f", "-", stdin=stream(tag("quay.io/org/app:1")))
        found.ok("create", "deployment", "app", "--image=quay.io/org/app:1", "--replicas=0")
        found.ok("create", "secret", "docker-registry", "pull", "--docker-username=u", "--docker-password=p")
        yield found


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for kubeconfigs."""
    return tmp_path_factory.mktemp("accounts")


@pytest.fixture(scope="module")
def operator(quiet_cluster: Cluster, accounts: Path, admin: Admission) -> Admission:
    """The operator's service account, in that namespace."""
    path = account_kubeconfig(quiet_cluster.kubectl, quiet_cluster.kubeconfig, accounts / "operator")
    return Admission(quiet_cluster.kubectl, path, admin.namespace)


@pytest.fixture(scope="module")
def image_api(quiet_cluster: Cluster, accounts: Path, admin: Admission) -> Admission:
    """The image API's service account, in that namespace."""
    install_image_api(quiet_cluster.kubectl, quiet_cluster.kubeconfig)
    path = account_kubeconfig(
        quiet_cluster.kubectl, quiet_cluster.kubeconfig, accounts / "image-api", account=API_ACCOUNT
    )
    return Admission(quiet_cluster.kubectl, path, admin.namespace)


@pytest.fixture(scope="module")
def nobody(quiet_cluster: Cluster, accounts: Path, admin: Admission) -> Admission:
    """A service account that was given nothing."""
    admin.ok("create", "serviceaccount", "nobody")
    path = quiet_cluster.service_account_kubeconfig(admin.namespace, "nobody", accounts / "nobody")
    return Admission(quiet_cluster.kubectl, path, admin.namespace)


def rights_of(account: Admission, *as_somebody: str, namespace: str = "") -> set[Right]:
    """What an account may do in its namespace, or another, as the API server itself reckons it."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace or account.namespace},
    }
    # Validation is by kubectl, which would want to read all custom resources first.
    command = ("create", "--validate=false", "-f", "-", "-o", "json")
    told = json.loads(account.ok(*command, *as_somebody, stdin=review))
    assert told["status"]["incomplete"] is False
    return {
        (verb, group, f"{resource} {name}".strip())
        for rule in told["status"]["resourceRules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
    }


def test_the_operator_has_the_rights_of_its_role_and_no_other(operator: Admission, nobody: Admission) -> None:
    """Beyond what every account may do, the operator's account may do exactly what is listed here."""
    assert rights_of(operator) - rights_of(nobody) == OPERATOR


def test_the_image_api_has_the_rights_of_its_role_and_no_other(
    image_api: Admission, nobody: Admission
) -> None:
    """It lists Secrets, which imports ask with; it has no workload, and nobody's rights."""
    assert IMAGE_API == rights_of(image_api) - rights_of(nobody)
    system = rights_of(image_api, namespace="kube-system") - rights_of(nobody, namespace="kube-system")
    proxy = {(verb, "", "configmaps extension-apiserver-authentication") for verb in READ}
    assert IMAGE_API | proxy == system
    own = rights_of(image_api, namespace=NAMESPACE) - rights_of(nobody, namespace=NAMESPACE)
    secret = {(verb, "", "secrets imagestreams-api-certificate") for verb in ("get", "create", "patch")}
    assert IMAGE_API | secret == own


def test_a_labelled_role_adds_its_rules_and_one_without_the_label_does_not(
    admin: Admission, operator: Admission
) -> None:
    """Rights on a kind that a setting tells come by a ClusterRole with the label, and go with it."""
    names = {resource: f"test-{resource}-{secrets.token_hex(4)}" for resource in ("analysisruns", "rollouts")}
    label = {"imagestreams.dev/aggregate-to-operator": "true"}
    roles = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name, "labels": label if resource == "rollouts" else {}},
            "rules": [{"apiGroups": ["argoproj.io"], "resources": [resource], "verbs": [*READ, "patch"]}],
        }
        for resource, name in names.items()
    ]
    added = {(verb, "argoproj.io", "rollouts") for verb in (*READ, "patch")}

    def on_the_group() -> set[Right]:
        return {right for right in rights_of(operator) if right[1] == "argoproj.io"}

    try:
        for role in roles:
            admin.ok("create", "-f", "-", stdin=role)
        eventually(lambda: on_the_group() == added, within=30, what="the rules of the labelled role")
    finally:
        admin.ok("delete", "clusterrole", *names.values())
    eventually(lambda: on_the_group() == set(), within=30, what="their end")


ALLOWED = {
    "read streams everywhere": ("get", "imagestreams", "--all-namespaces"),
    "read a stream at its own version": ("get", "imagestreams.v1alpha1.image.openshift.io", "app"),
    "read pull secrets everywhere": ("get", "secrets", "--all-namespaces", "-o", "name"),
    "read Deployments everywhere": ("get", "deployments", "--all-namespaces"),
    "read other workloads everywhere": ("get", "statefulsets,daemonsets,cronjobs", "--all-namespaces"),
    "patch an image of a Deployment": ("set", "image", "deployment/app", "app=quay.io/org/app:2"),
    "see the custom resource": ("get", "crd", "imagestreams.image.openshift.io"),
    "see who serves the group": ("get", "apiservice", "v1.image.openshift.io"),
}


@pytest.mark.parametrize("command", ALLOWED.values(), ids=ALLOWED)
def test_what_the_operator_does_is_allowed(operator: Admission, command: tuple[str, ...]) -> None:
    """What the operator needs works with its own account."""
    operator.ok(*command)


def test_the_operator_tells_events(operator: Admission) -> None:
    """The operator's account may create an event about a stream, in the stream's namespace."""
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"app.{secrets.token_hex(8)}", "namespace": operator.namespace},
        "involvedObject": {"kind": "ImageStream", "name": "app", "namespace": operator.namespace},
        "reason": "Tried",
        "type": "Normal",
    }

    operator.ok("create", "--raw", f"/api/v1/namespaces/{operator.namespace}/events", "-f", "-", stdin=event)


REFUSED = {
    "change a spec": ("patch", "is", "app", "--type=merge", '-p={"spec":{"tags":[]}}'),
    "annotate a stream": ("annotate", "is", "app", "a=b"),
    "finalize a stream": ("patch", "is", "app", "--type=merge", '-p={"metadata":{"finalizers":["a.b/c"]}}'),
    "delete a stream": ("delete", "is", "app"),
    "create a stream": ("create", "-f", "-"),
    "create a pod": ("run", "pod", "--image=quay.io/org/app:1"),
    "read pods": ("get", "pods"),
    "scale by the subresource": (
        "patch",
        "deployment",
        "app",
        "--subresource=scale",
        "--type=merge",
        '-p={"spec":{"replicas":1}}',
    ),
    "write a Deployment's status": (
        "patch",
        "deployment",
        "app",
        "--subresource=status",
        "--type=merge",
        '-p={"status":{"replicas":1}}',
    ),
    "delete a Deployment": ("delete", "deployment", "app"),
    "create a Deployment": ("create", "deployment", "other", "--image=a"),
    "read what workloads make": ("get", "replicasets"),
    "read jobs": ("get", "jobs"),
    "change a secret": ("patch", "secret", "pull", "--type=merge", '-p={"metadata":{"labels":{"a":"b"}}}'),
    "create a secret": ("create", "secret", "generic", "other"),
    "delete a secret": ("delete", "secret", "pull"),
    "read configmaps": ("get", "configmaps"),
    "read events": ("get", "events"),
    "read namespaces": ("get", "namespaces"),
    "read nodes": ("get", "nodes"),
    "list custom resource definitions": ("get", "crds"),
    "change the custom resource": ("label", "crd", "imagestreams.image.openshift.io", "a=b"),
    "list who serves what": ("get", "apiservices"),
    "list webhooks": ("get", "mutatingwebhookconfigurations"),
    "read another webhook": ("get", "mutatingwebhookconfigurations", "other"),
    "change another webhook": ("label", "mutatingwebhookconfigurations", "other", "a=b"),
    "delete its own webhook": ("delete", "mutatingwebhookconfigurations", "imagestreams"),
    "read its own Service": ("get", "services", "-n", "imagestreams-system"),
    "read roles": ("get", "clusterroles"),
    "give out tokens": ("create", "token", "default"),
    "act as somebody else": ("get", "is", "--as=admin"),
    "read metrics of the API server": ("get", "--raw", "/metrics"),
}


@pytest.mark.parametrize("command", REFUSED.values(), ids=REFUSED)
def test_what_the_operator_never_does_is_forbidden(operator: Admission, command: tuple[str, ...]) -> None:
    """What the operator has no business with is refused by the API server, for lack of rights."""
    done = operator.run(*command, stdin=stream(name="other") if command == ("create", "-f", "-") else None)

    assert done.returncode == 1, done.stdout
    assert "forbidden" in done.stderr.lower()


def test_writing_a_status_changes_nothing_else(admin: Admission, operator: Admission) -> None:
    """Whatever is sent to the status of a stream, its spec and metadata stay as they were."""
    before = admin.get("is", "app")
    everything = {
        **before,
        "metadata": {**before["metadata"], "labels": {"a": "b"}, "finalizers": ["a.b/c"]},
        "spec": {"tags": [{"name": "other"}]},
        "status": {"summary": {"tags": "changed"}},
    }
    path = f"/apis/image.openshift.io/v1/namespaces/{operator.namespace}/imagestreams/app/status"

    operator.ok("replace", "--raw", path, "-f", "-", stdin=everything)

    after = admin.get("is", "app")
    assert after["status"] == {"summary": {"tags": "changed"}}
    del before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]
    assert before["metadata"] == after["metadata"]
    assert before["spec"] == after["spec"]


READABLE = (
    "imagestreams",
    "imagestreammappings",
    "imagestreamtags",
    "imagetags",
    "imagestreamimages",
    "imagestreams/status",
)
VIEW = {(verb, "image.openshift.io", resource) for resource in READABLE for verb in READ}
EDIT = {
    *VIEW,
    *((verb, "image.openshift.io", resource) for resource in READABLE[:-1] for verb in WRITE),
    *((verb, "image.openshift.io", "imagestreams/secrets") for verb in (*READ, *WRITE)),
    *((verb, "image.openshift.io", "imagestreams/layers") for verb in ("get", "update")),
    ("create", "image.openshift.io", "imagestreamimports"),
}
PEOPLE = {
    "view": VIEW,
    "edit": EDIT,
    "admin": EDIT,
    "system:image-puller": {("get", "image.openshift.io", "imagestreams/layers")},
    "system:image-pusher": {
        (verb, "image.openshift.io", "imagestreams/layers") for verb in ("get", "update")
    },
}


@pytest.mark.parametrize("role", PEOPLE)
def test_people_have_the_rights_that_openshift_gives_them(admin: Admission, role: str) -> None:
    """Somebody with a role in a namespace has on this group what the original's role gives, no more."""
    who = f"user-{secrets.token_hex(4)}"
    admin.ok("create", "rolebinding", who, f"--clusterrole={role}", f"--user={who}")

    def on_the_group() -> set[Right]:
        return {right for right in rights_of(admin, f"--as={who}") if right[1] == "image.openshift.io"}

    # The controller manager puts the roles together in its own time.
    eventually(lambda: PEOPLE[role] == on_the_group(), within=30, what=f"the rights of {role}")


def test_an_editor_edits_streams_and_a_viewer_only_looks(admin: Admission) -> None:
    """With edit a stream can be created, changed and deleted, its status not; with view only be seen."""
    for role in ("edit", "view"):
        admin.ok("create", "rolebinding", f"a-{role}or", f"--clusterrole={role}", f"--user=a-{role}or")
    viewer, editor = "--as=a-viewor", "--as=a-editor"
    status = ("patch", "is", "mine", "--subresource=status", "--type=merge", '-p={"status":{}}')
    manifest: dict[str, Any] = stream(name="mine")

    assert "Forbidden" in admin.run("create", "-f", "-", viewer, stdin=manifest).stderr
    admin.ok("create", "-f", "-", editor, stdin=manifest)
    admin.ok("get", "is", "mine", viewer)
    admin.ok("annotate", "is", "mine", "a=b", editor)
    assert "Forbidden" in admin.run(*status, editor).stderr
    assert "Forbidden" in admin.run("delete", "is", "mine", viewer).stderr
    admin.ok("delete", "is", "mine", editor)


@pytest.mark.parametrize(
    ("folder", "name"), [("base", "imagestreams-operator"), ("overlays/openshift-api", "imagestreams-api")]
)
def test_the_pods_meet_the_restricted_standard(quiet_cluster: Cluster, folder: str, name: str) -> None:
    """A Deployment, as kustomize makes it, is taken without a warning where pods must be restricted."""
    system = Admission(quiet_cluster.kubectl, quiet_cluster.kubeconfig, "imagestreams-system")
    made = list(yaml.safe_load_all(system.ok("kustomize", str(PROJECT / "deploy" / folder))))
    (deployment,) = [
        manifest
        for manifest in made
        if (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", name)
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "ghcr.io/imagestreams/imagestreams:dev"
    create = ("create", "--dry-run=server", "-f", "-")

    done = system.run(*create, stdin=deployment)
    assert (done.returncode, done.stderr) == (0, "")

    container["securityContext"]["allowPrivilegeEscalation"] = True
    assert "would violate PodSecurity" in system.run(*create, stdin=deployment).stderr
