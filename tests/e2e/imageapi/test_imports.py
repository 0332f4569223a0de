"""imagestreamimports on a real cluster: registries are asked now, and once for both processes."""

from __future__ import annotations

import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from e2e.reading import current, failure
from localcluster import Publisher, images
from support.faults import FaultRegistry
from support.faults.faults import Delay, Hang
from support.manifests import pull_secret, stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    import subprocess

    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import FacadeProcess, OperatorProcess

STORED = "imagestreams.v1alpha1.image.openshift.io"


def image(source: str, to: str = "", **policy: object) -> dict[str, Any]:
    """Write one of spec.images, of a registry without TLS."""
    found: dict[str, Any] = {
        "from": {"kind": "DockerImage", "name": source},
        "importPolicy": {"insecure": True, **policy},
    }
    return {**found, "to": {"name": to}} if to else found


def importing(name: str, *images: dict[str, Any], import_: bool = True, **spec: Any) -> dict[str, Any]:
    """Write an ImageStreamImport."""
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamImport",
        "metadata": {"name": name},
        "spec": {"import": import_, "images": list(images), **spec},
    }


def imported(kubectl: Kubectl, manifest: dict[str, Any], *arguments: str) -> dict[str, Any]:
    """Import; give the status that is answered."""
    found = json.loads(kubectl("create", "-f", "-", "-o", "json", *arguments, stdin=manifest))
    status: dict[str, Any] = found["status"]
    return status


def asked(registry: FaultRegistry) -> dict[str, int]:
    """Count the requests by what was asked for, whatever the connection cost."""
    counts: dict[str, int] = {}
    for record in registry.requests:
        if record.kind != "handshake":
            counts[f"{record.method} {record.path}"] = counts.get(f"{record.method} {record.path}", 0) + 1
    return counts


def settled(operator: OperatorProcess, kubectl: Kubectl, name: str) -> None:
    """Wait until the operator has looked at the stream as it is: a marker beside it is imported."""
    with FaultRegistry() as registry:
        registry.put_image("marker", "1")
        kubectl.apply(stream(f"marker-{name}", tag("1", f"{registry.host}/marker:1")))
        kubectl("wait", "--for=condition=Ready", f"is/marker-{name}", "--timeout=30s")
        kubectl("delete", f"is/marker-{name}")
    assert operator.alive


def test_an_import_costs_what_is_new_once_for_both(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """New: manifest and config; unchanged: one HEAD; moved: both anew. The operator asks for nothing."""
    assert facade.alive
    with FaultRegistry() as registry:
        first = registry.put_image("team/app", "1", secrets.token_hex(8))
        source = f"{registry.host}/team/app:1"
        status = imported(kubectl, importing("app", image(source)))

        assert ("Success", "1", first) == (
            status["images"][0]["status"]["status"],
            status["images"][0]["tag"],
            status["images"][0]["image"]["metadata"]["name"],
        )
        assert first == status["import"]["status"]["tags"][0]["items"][0]["image"]
        settled(operator, kubectl, "app")
        head = "HEAD /v2/team/app/manifests/1"
        (config,) = (path for path in asked(registry) if "/blobs/" in path)
        assert {head: 1, f"GET /v2/team/app/manifests/{first}": 1, config: 1} == asked(registry)

        before = kubectl.get(STORED, "app")
        registry.reset()
        status = imported(kubectl, importing("app", image(source)))
        assert {head: 1} == asked(registry)
        settled(operator, kubectl, "app")
        assert {head: 1} == asked(registry)
        assert before == kubectl.get(STORED, "app")

        second = registry.put_image("team/app", "1", secrets.token_hex(8))
        registry.reset()
        status = imported(kubectl, importing("app", image(source)))
        assert second == status["import"]["status"]["tags"][0]["items"][0]["image"]
        settled(operator, kubectl, "app")
        (config,) = (path for path in asked(registry) if "/blobs/" in path)
        assert {head: 1, f"GET /v2/team/app/manifests/{second}": 1, config: 1} == asked(registry)
        after = kubectl.get(STORED, "app")
        assert before["spec"] == after["spec"]
        assert [second, first] == [each["image"] for each in after["status"]["tags"][0]["items"]]


def test_who_only_looks_changes_nothing(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """`import: false` and a dry run tell what is there; neither stream nor Image is stored."""
    assert operator.alive
    assert facade.alive
    with FaultRegistry() as registry:
        digest = registry.put_image("team/app", "1", secrets.token_hex(8))
        wanted = image(f"{registry.host}/team/app:1") | {"includeManifest": True}
        looked = imported(kubectl, importing("app", wanted, import_=False))
        tried = imported(kubectl, importing("app", wanted), "--dry-run=server")

        for status in (looked, tried):
            (found,) = status["images"]
            assert digest == found["image"]["metadata"]["name"]
            assert 2 == json.loads(found["image"]["dockerImageManifest"])["schemaVersion"]
            assert "import" not in status
        assert "" == kubectl("get", "is", "--ignore-not-found")
        assert "" == kubectl("get", "images", digest, "--ignore-not-found")


def test_what_fails_is_told_and_retried(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """Of two images one is missing: the other is imported, the stream asks for both, and a push mends it."""
    assert operator.alive
    assert facade.alive
    with FaultRegistry() as registry:
        there = registry.put_image("team/app", "1")
        source = f"{registry.host}/team/app"
        status = imported(kubectl, importing("app", image(f"{source}:1"), image(f"{source}:nope", "2")))

        good, bad = status["images"]
        assert ("Success", "1") == (good["status"]["status"], good["tag"])
        assert ("Failure", "NotFound", 404, "nope") == (
            *(bad["status"][field] for field in ("status", "reason", "code")),
            bad["tag"],
        )
        assert there == current(kubectl, "app", "1")
        assert bad["status"]["message"] == failure(kubectl, "app", "2")["message"]
        assert "Retried by itself" in bad["status"]["message"]
        later = registry.put_image("team/app", "nope")
        notes = {"imagestreams.dev/requested-at": "now"}
        kubectl("annotate", "is/app", *(f"{name}={value}" for name, value in notes.items()))
        eventually(lambda: current(kubectl, "app", "2") == later, within=20, what="the tag that was missing")


def test_a_repository_is_imported_tag_by_tag(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """Each tag gets its source in spec; those of a repository that the stream follows anyway need none."""
    assert operator.alive
    assert facade.alive
    with FaultRegistry() as registry:
        digests = {name: registry.put_image("team/app", name) for name in ("1.0", "1.1", "latest")}
        repository = image(f"{registry.host}/team/app")
        status = imported(kubectl, importing("all", repository=repository))

        assert sorted(digests) == sorted(each["tag"] for each in status["repository"]["images"])
        assert digests == {name: current(kubectl, "all", name) for name in digests}
        assert sorted(digests) == [each["name"] for each in kubectl.get("is", "all")["spec"]["tags"]]

        followed = stream("followed")
        followed["spec"] = {"dockerImageRepository": f"{registry.host}/team/app"}
        followed["metadata"]["annotations"] = {"openshift.io/image.insecureRepository": "true"}
        kubectl.apply(followed)
        imported(kubectl, importing("followed", repository=repository))
        eventually(
            lambda: digests == {name: current(kubectl, "followed", name) for name in digests},
            within=20,
            what="the tags of the repository",
        )
        assert followed["spec"] == kubectl.get(STORED, "followed")["spec"]


def test_it_asks_with_what_the_namespace_has(
    operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster, kubectl: Kubectl
) -> None:
    """A private registry refuses until there is a pull secret; the password is in no answer."""
    assert operator.alive
    assert facade.alive
    login = {"user": cluster.registry_user, "password": cluster.registry_password}
    publisher = Publisher(cluster.registry_auth, **login)
    digest = publisher.push("imports/private", "1", images.saying("private"))
    publisher.close()
    source = f"{cluster.registry_auth}/imports/private:1"
    refused = imported(kubectl, importing("app", image(source), import_=False))["images"][0]
    assert ("Failure", "Unauthorized", 401) == tuple(
        refused["status"][field] for field in ("status", "reason", "code")
    )
    kubectl.apply(
        pull_secret("pull", cluster.registry_auth, cluster.registry_user, cluster.registry_password)
    )
    status = imported(kubectl, importing("app", image(source)))
    assert digest == status["images"][0]["image"]["metadata"]["name"]
    assert cluster.registry_password not in json.dumps(status)
    assert digest == current(kubectl, "app", "1")


def test_a_password_that_was_refused_is_sent_anew(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """Somebody mends the account at the registry and imports by hand: half a minute later it serves."""
    assert operator.alive
    assert facade.alive
    password = secrets.token_hex(8)
    with FaultRegistry(auth="basic") as registry:
        digest = registry.put_image("team/app", "1")
        kubectl.apply(pull_secret("pull", registry.host, registry.username, password))
        wanted = importing("app", image(f"{registry.host}/team/app:1"), import_=False)
        refused = imported(kubectl, wanted)["images"][0]
        assert "Unauthorized" == refused["status"]["reason"]
        registry.change_password(registry.username, password)
        found = eventually(
            lambda: imported(kubectl, wanted)["images"][0].get("image"),
            within=45,
            every=2,
            what="the image, with the password that was refused",
        )
        assert digest == found["metadata"]["name"]


def test_a_registry_that_hangs_holds_up_nobody_else(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """While an import waits, streams are read and other registries asked; the import ends by itself."""
    assert operator.alive
    assert facade.alive
    with FaultRegistry() as hanging, FaultRegistry() as well:
        hanging.put_image("slow/app", "1")
        hanging.fail(Hang())
        digest = well.put_image("team/app", "1")
        ended: list[dict[str, Any]] = []

        def wait() -> None:
            ended.append(imported(kubectl, importing("slow", image(f"{hanging.host}/slow/app:1"))))

        waiting = threading.Thread(target=wait)
        waiting.start()
        try:
            eventually(lambda: hanging.requests, within=20, what="the registry that hangs, asked")
            status = imported(kubectl, importing("well", image(f"{well.host}/team/app:1")))
            assert digest == status["images"][0]["image"]["metadata"]["name"]
            assert "well" in kubectl("get", "is", "-o", "name")
            assert [] == ended
        finally:
            waiting.join(timeout=90)
        (found,) = ended[0]["images"]
        assert ("Failure", "InternalError") == (found["status"]["status"], found["status"]["reason"])


def test_what_is_edited_meanwhile_stays(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """While a registry takes its time somebody gives the tag another source: so it is in the end."""
    assert operator.alive
    assert facade.alive
    with FaultRegistry() as slow, FaultRegistry() as well:
        slow.put_image("team/app", "1", secrets.token_hex(8))
        slow.fail(Delay(4.0), times=1)
        digest = well.put_image("team/app", "1", secrets.token_hex(8))
        kubectl.apply(stream("app", tag("other", f"{well.host}/team/app:1")))
        eventually(lambda: current(kubectl, "app", "other") == digest, within=20, what="the first import")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(imported, kubectl, importing("app", image(f"{slow.host}/team/app:1")))
            eventually(lambda: slow.requests, within=20, every=0.05, what="the slow registry, asked")
            wanted = tag("1", f"{well.host}/team/app:1")
            change = [{"op": "add", "path": "/spec/tags/-", "value": wanted}]
            kubectl("patch", STORED, "app", "--type=json", "-p", json.dumps(change))
            assert not waiting.done()
            waiting.result()
        settled(operator, kubectl, "app")
        assert wanted["from"] == kubectl.get(STORED, "app")["spec"]["tags"][1]["from"]
        assert digest == current(kubectl, "app", "1")


def test_imports_at_the_same_time_lose_nothing(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """Ten imports into one stream that is not there: all are done, and it has all tags in the end."""
    assert operator.alive
    assert facade.alive
    names = [f"t{number}" for number in range(10)]
    with FaultRegistry() as registry, ThreadPoolExecutor(5) as threads:
        digests = {name: registry.put_image("team/app", name, secrets.token_hex(8)) for name in names}

        def run(name: str) -> dict[str, Any]:
            return imported(kubectl, importing("app", image(f"{registry.host}/team/app:{name}")))

        done = list(threads.map(run, names))
        assert ["Success"] * 10 == [each["images"][0]["status"]["status"] for each in done]
        settled(operator, kubectl, "app")
        assert digests == {name: current(kubectl, "app", name) for name in names}
        found = kubectl.get(STORED, "app")
        assert found["metadata"]["generation"] == found["status"]["observedGeneration"]
        # Of each a HEAD, the manifest and the config, and not once more.
        assert 30 * [1] == list(asked(registry).values())


def test_who_saw_another_stream_is_refused(
    operator: OperatorProcess, facade: FacadeProcess, kubectl: Kubectl
) -> None:
    """As there: with the version of a stream that has changed since, or of none, nothing is asked."""
    assert operator.alive
    assert facade.alive
    with FaultRegistry() as registry:
        registry.put_image("team/app", "1")
        sent = importing("app", image(f"{registry.host}/team/app:1"))
        sent["metadata"]["resourceVersion"] = "1"
        path = f"/apis/image.openshift.io/v1/namespaces/{kubectl.namespace}/imagestreamimports"
        missing = _posted(kubectl, path, sent)
        assert '"app" not found' in missing.stderr
        kubectl.apply(stream("app"))
        changed = _posted(kubectl, path, sent)
        assert 'the image stream was updated from "1" to "' in changed.stderr
        time.sleep(0.1)
        assert [] == list(registry.requests)


def _posted(kubectl: Kubectl, path: str, body: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Send a body as it is: `kubectl create -f` takes the version out."""
    return kubectl.run("create", "--raw", path, "-f", "-", stdin=body)
