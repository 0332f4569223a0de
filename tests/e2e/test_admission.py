"""Local lookup and triggers at admission, as users of kubectl see them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from e2e import audit
from e2e.admitting import ELSEWHERE, FLAG, POD_SPECS, Shop, image_of, workload
from e2e.reading import events, images
from support.manifests import deployment, trigger
from support.waiting import eventually

if TYPE_CHECKING:
    from localcluster import Cluster


@pytest.mark.parametrize("kind", POD_SPECS)
def test_the_name_of_a_local_stream_is_its_image_in_every_kind(shop: Shop, kind: str) -> None:
    """Objects of each kind of the original get the digest when they are made, init containers too."""
    made = shop.would_be(workload(kind, init="httpd:2.4"))

    assert (shop.httpd, shop.httpd) == (image_of(made), image_of(made, "init"))


@pytest.mark.parametrize("kind", POD_SPECS)
def test_resolve_names_takes_any_name_in_every_kind(shop: Shop, kind: str) -> None:
    """With the annotation on the object a stream need not be local, and the name may have a host."""
    image = "docker.io/library/redis:7"

    assert image == image_of(shop.would_be(workload(kind, image)))
    assert shop.redis == image_of(shop.would_be(workload(kind, image, notes=FLAG)))
    if kind != "Pod":
        assert shop.redis == image_of(shop.would_be(workload(kind, image, template_notes=FLAG)))


def test_kubectl_create_stores_the_digest(shop: Shop) -> None:
    """`kubectl create deployment --image httpd:2.4` makes a Deployment of the digest; a dry run shows it."""
    create = ("create", "deployment", "created", "--image=httpd:2.4", "--replicas=0")
    shown = json.loads(shop.kubectl(*create, "--dry-run=server", "-o", "json"))
    done = shop.kubectl.run(*create)

    assert (shop.httpd, "") == (shown["spec"]["template"]["spec"]["containers"][0]["image"], done.stderr)
    assert [shop.httpd] == images(shop.kubectl, "created")


def test_kubectl_says_that_a_tag_has_no_image(shop: Shop) -> None:
    """Where the tag has no image yet the object is stored as it is, and kubectl prints a warning."""
    done = shop.kubectl.run("create", "deployment", "warned", "--image=httpd:empty", "--replicas=0")

    assert (0, ["httpd:empty"]) == (done.returncode, images(shop.kubectl, "warned"))
    assert (
        'Warning: image stream httpd has no image for tag "empty" yet: container "httpd" keeps image '
        '"httpd:empty", which nodes take from elsewhere\n'
    ) == done.stderr


def test_what_is_not_local_stays(shop: Shop) -> None:
    """A stream that is not local, and one of another namespace, are not meant by a short name."""
    assert "redis:7" == image_of(shop.would_be(workload("Deployment", "redis:7")))
    assert "mysql:8" == image_of(shop.would_be(workload("Deployment", "mysql:8")))


def test_what_a_controller_owns_is_left(shop: Shop) -> None:
    """An object whose ownerReference is its controller keeps its image, and the webhook is not even asked."""
    shop.kubectl.apply(workload("Deployment", ELSEWHERE, name="owner"))
    uid = shop.kubectl.get("deployment/owner")["metadata"]["uid"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "owner", "uid": uid}
    owned = workload("ReplicaSet", notes=FLAG)
    before = shop.reviews()

    owned["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    assert ("httpd:2.4", before) == (image_of(shop.would_be(owned)), shop.reviews())
    owned["metadata"]["ownerReferences"] = [owner]
    assert (shop.httpd, before + 1) == (image_of(shop.would_be(owned)), shop.reviews())


def test_an_update_looks_up_what_it_changes(shop: Shop) -> None:
    """Only a container whose image changes is looked up; all are when resolve-names comes."""
    kubectl = shop.kubectl
    made = workload("Deployment", "httpd:2.4", name="updated", init="httpd:2.4")
    kubectl.apply(workload("Deployment", "redis:7", name="updated", init="redis:7"))

    kubectl("scale", "deployment/updated", "--replicas=0")
    kubectl("label", "deployment/updated", "a=b")
    kubectl("set", "image", "deployment/updated", "web=httpd:2.4")
    found = kubectl.get("deployment/updated")
    assert (shop.httpd, "redis:7") == (image_of(found), image_of(found, "init"))

    kubectl("annotate", "deployment/updated", *(f"{key}={value}" for key, value in FLAG.items()))
    found = kubectl.get("deployment/updated")
    assert (shop.httpd, shop.redis) == (image_of(found), image_of(found, "init"))

    kubectl.apply(made)
    found = kubectl.get("deployment/updated")
    assert (shop.httpd, shop.httpd) == (image_of(found), image_of(found, "init"))


def test_a_job_can_still_be_updated(shop: Shop) -> None:
    """A Job made before its tag had an image is never rewritten: its images cannot change."""
    shop.kubectl("create", "-f", "-", stdin=workload("Job", "httpd:empty", name="early"))
    before = shop.reviews()

    shop.kubectl("label", "job/early", "a=b")
    shop.kubectl("annotate", "job/early", *(f"{key}={value}" for key, value in FLAG.items()))

    assert ("httpd:empty", before) == (image_of(shop.kubectl.get("job/early")), shop.reviews())


def test_a_trigger_is_applied_when_the_workload_is_made(shop: Shop, cluster: Cluster) -> None:
    """The image of the tag is in the answer to the create, and the operator itself writes nothing."""
    began, known = audit.now(), shop.followers()
    manifest = deployment("followed", {"web": "redis:7"}, replicas=0)
    made = json.loads(shop.kubectl("create", "-o", "json", "-f", "-", stdin=manifest))

    assert shop.redis == image_of(made)
    assert (
        f"web=redis:7@{shop.redis.rpartition('@')[2]}"
        == made["metadata"]["annotations"]["imagestreams.dev/resolved"]
    )
    eventually(lambda: shop.followers() > known, within=10, what="the operator knowing of it")
    assert [] == [each for each in audit.writes_since(cluster, began) if "/deployments/" in each.path]


def test_what_is_wrong_in_an_annotation_is_told_when_it_is_applied(shop: Shop) -> None:
    """Kubectl prints what an Event will say, at once; the right entries count."""
    made = deployment("wrong", {"web": "redis:7"}, replicas=0)
    entries = [trigger("web", "redis:7"), trigger("other", "redis:7")]
    made["metadata"]["annotations"]["image.openshift.io/triggers"] = json.dumps(entries)
    done = shop.kubectl.run("apply", "-f", "-", stdin=made)

    assert (0, [shop.redis]) == (done.returncode, images(shop.kubectl, "wrong"))
    told = 'annotation image.openshift.io/triggers: entry 2: there is no container "other"; there is web'
    assert f"Warning: {told}\n" == done.stderr
    eventually(lambda: [told] == events(shop.kubectl, "wrong", "TriggerInvalid"), within=10, what="the Event")


def test_an_image_that_a_trigger_does_not_let_through_is_told(shop: Shop) -> None:
    """`kubectl set image` of a container that follows a tag changes nothing, and says so."""
    shop.kubectl.apply(deployment("kept", {"web": "redis:7"}, replicas=0))
    done = shop.kubectl.run("set", "image", "deployment/kept", f"web={ELSEWHERE}")

    assert [shop.redis] == images(shop.kubectl, "kept")
    assert f'Warning: container "web" follows redis:7: image "{ELSEWHERE}" is not used\n' == done.stderr


APPLY = {"client": ("redis:7", ()), "server": (" ", ("--server-side", "--force-conflicts"))}


def test_a_manifest_that_is_applied_every_second_starts_nothing(shop: Shop, cluster: Cluster) -> None:
    """For a minute, client-side and by force server-side: one ReplicaSet, nothing stored, none of ours."""
    manifests = {
        how: deployment(f"again-{how}", {"web": "redis:7"}, replicas=0, image=image)
        for how, (image, _) in APPLY.items()
    }
    began = audit.now()
    settled: list[str] = []
    for number in range(60):
        then = time.monotonic()
        for how, manifest in manifests.items():
            done = shop.kubectl.run("apply", *APPLY[how][1], "-f", "-", stdin=manifest)
            assert (0, "") == (done.returncode, done.stderr)
        if number == 10:
            # In the first seconds the Deployments' own controller writes their status.
            settled = [shop.version(f"deployment/again-{how}") for how in APPLY]
        time.sleep(max(0.0, then + 1 - time.monotonic()))

    assert settled == [shop.version(f"deployment/again-{how}") for how in APPLY]
    for how in APPLY:
        found = shop.kubectl.get("deployment", f"again-{how}")
        assert (1, shop.redis) == (found["metadata"]["generation"], image_of(found))
    owners = [each["metadata"]["ownerReferences"][0] for each in shop.kubectl.get("replicasets")["items"]]
    assert ["again-client", "again-server"] == sorted(
        owner["name"] for owner in owners if owner["name"].startswith("again-")
    )
    assert [] == [each for each in audit.writes_since(cluster, began) if "/deployments/again-" in each.path]
