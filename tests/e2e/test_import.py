"""Importing: a tag becomes the digest that its registry has, when it should, and for who may know it."""

from __future__ import annotations

import base64
import itertools
import json
from typing import TYPE_CHECKING

from e2e.reading import crane_digest, current, failure, failures
from localcluster import Publisher, images
from support.faults import FaultRegistry
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Kubectl
    from localcluster import Cluster
    from localrun import OperatorProcess

REQUESTED_AT = "imagestreams.dev/requested-at"
INTERVAL = "imagestreams.dev/interval"


def test_status_has_the_digest_that_another_client_finds(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """Every kind of image resolves to what crane says: an image, an index by platform, an index whole."""
    assert operator.alive
    here = images.Platform(architecture=_architecture(kubectl))
    elsewhere = images.Platform(architecture="s390x")
    for image_format in ("oci", "docker"):
        single = images.image({"f": images.File(b"alone")}, image_format=image_format)
        children = [
            images.image({"f": images.File(b"x")}, image_format=image_format, platform=platform)
            for platform in (elsewhere, here)
        ]
        publisher.push("kinds/app", image_format, single)
        publisher.push("kinds/app", f"{image_format}-many", images.index(children, image_format=image_format))
    repository = f"{cluster.registry}/kinds/app"
    pinned = crane_digest(cluster, f"{repository}:oci")
    kubectl.apply(
        stream(
            "kinds",
            tag("oci", f"{repository}:oci"),
            tag("docker", f"{repository}:docker"),
            tag("index", f"{repository}:oci-many"),
            tag("list", f"{repository}:docker-many", mode="Legacy"),
            tag("whole-index", f"{repository}:oci-many", mode="PreserveOriginal"),
            tag("whole-list", f"{repository}:docker-many", mode="PreserveOriginal"),
            tag("pinned", f"{repository}@{pinned}"),
        )
    )
    kubectl("wait", "--for=condition=Ready", "is/kinds", "--timeout=20s")
    mine = ("--platform", f"linux/{here.architecture}")
    expected = {
        "oci": pinned,
        "docker": crane_digest(cluster, f"{repository}:docker"),
        "index": crane_digest(cluster, f"{repository}:oci-many", *mine),
        "list": crane_digest(cluster, f"{repository}:docker-many", *mine),
        "whole-index": crane_digest(cluster, f"{repository}:oci-many"),
        "whole-list": crane_digest(cluster, f"{repository}:docker-many"),
        "pinned": pinned,
    }
    status = kubectl.get("is", "kinds")["status"]
    assert expected == {item["tag"]: item["items"][0]["image"] for item in status["tags"]}
    assert {f"{repository}@{digest}" for digest in expected.values()} == {
        item["items"][0]["dockerImageReference"] for item in status["tags"]
    }
    assert len(set(expected.values())) == 6


def test_kubectl_shows_a_stream_as_people_know_it(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, publisher: Publisher
) -> None:
    """`kubectl get is` prints the original's columns, and Ready is told for the generation applied."""
    assert operator.alive
    for version in ("1.0", "1.1"):
        publisher.push("shown/app", version, images.image({"f": images.File(version.encode())}))
    repository = f"{cluster.registry}/shown/app"
    kubectl.apply(stream("shown", tag("1.0", f"{repository}:1.0")))
    kubectl("wait", "--for=condition=Ready", "is/shown", "--timeout=20s")
    kubectl.apply(stream("shown", tag("1.0", f"{repository}:1.0"), tag("1.1", f"{repository}:1.1")))
    eventually(lambda: current(kubectl, "shown", "1.1"), within=10, what="the second tag")
    kubectl("wait", "--for=condition=Ready", "is/shown", "--timeout=20s")

    header, row = kubectl("get", "is").splitlines()
    assert ["NAME", "IMAGE REPOSITORY", "TAGS", "UPDATED"] == [
        cell.strip() for cell in header.split("   ") if cell
    ]
    name, shown, tags, updated = row.split()
    assert ("shown", repository, {"1.0", "1.1"}) == (name, shown, set(tags.split(",")))
    assert updated.endswith("s"), row
    found = kubectl.get("is", "shown")
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert ("True", "Imported") == (ready["status"], ready["reason"])
    assert (
        found["metadata"]["generation"]
        == ready["observedGeneration"]
        == found["status"]["observedGeneration"]
    )


def test_a_private_registry_heals_with_its_pull_secret(
    operator: OperatorProcess, cluster: Cluster, kubectl: Kubectl, tmp_path: Path
) -> None:
    """A pull secret opens a registry with users, and a corrected password heals a tag within seconds."""
    assert operator.alive
    login = {"user": cluster.registry_user, "password": cluster.registry_password}
    with Publisher(cluster.registry_auth, **login) as private:
        private.push("private/app", "1", images.image({"f": images.File(b"private")}))
    reference = f"{cluster.registry_auth}/private/app:1"
    kubectl.apply(stream("private", tag("1", reference)))
    eventually(lambda: failure(kubectl, "private", "1"), within=10, what="a refusal without credential")
    assert "Unauthorized" == failure(kubectl, "private", "1")["reason"]

    _pull_secret(kubectl, cluster, "not-the-password")
    eventually(
        lambda: 'secret "puller"' in failure(kubectl, "private", "1").get("message", ""),
        within=10,
        what="a refusal that names the secret",
    )
    assert "" == current(kubectl, "private", "1")

    _pull_secret(kubectl, cluster, cluster.registry_password)
    eventually(lambda: current(kubectl, "private", "1"), within=5, what="the image, by the right password")
    kubectl("wait", "--for=condition=Ready", "is/private", "--timeout=5s")
    auth = base64.b64encode(f"{login['user']}:{login['password']}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {cluster.registry_auth: {"auth": auth}}}))
    expected = crane_digest(cluster, reference, environment={"DOCKER_CONFIG": str(tmp_path)})
    assert expected == current(kubectl, "private", "1")


def test_an_import_is_asked_for_by_annotation(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """A tag that is not scheduled keeps its image until a new requested-at asks for an import."""
    assert operator.alive
    with FaultRegistry() as registry:
        for repository in ("still", "other", "moving"):
            registry.put_image(repository, "1", "first")
        still = f"{registry.host}/still:1"
        others = (
            tag("other", f"{registry.host}/other:1"),
            tag("moving", f"{registry.host}/moving:1", scheduled=True),
        )
        kubectl.apply(stream("asked", tag("still", still), *others, interval="5s"))
        kubectl("wait", "--for=condition=Ready", "is/asked", "--timeout=20s")
        first = registry.digest("still", "1")
        for repository in ("still", "other", "moving"):
            registry.put_image(repository, "1", "second")
        second = registry.digest("still", "1")
        # The scheduled tag is the clock: what its turn brought, it brought for itself alone.
        eventually(
            lambda: current(kubectl, "asked", "moving") == registry.digest("moving", "1"),
            within=15,
            what="the scheduled tag's move",
        )
        assert first == current(kubectl, "asked", "still")

        registry.reset()
        noted = tag("still", still, annotations={REQUESTED_AT: "2027-01-01T10:00:00Z"})
        kubectl.apply(stream("asked", noted, *others, interval="5s"))
        eventually(lambda: current(kubectl, "asked", "still") == second, within=10, what="the tag asked for")
        assert 0 == registry.count(repository="other")

        kubectl("annotate", "is/asked", f"{REQUESTED_AT}=2027-01-01T11:00:00Z")
        eventually(
            lambda: current(kubectl, "asked", "other") == registry.digest("other", "1"),
            within=10,
            what="every tag of the stream asked for",
        )


def test_a_changed_tag_is_imported_alone(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """A change to one tag of a stream asks a registry for that tag, and for no other."""
    assert operator.alive
    with FaultRegistry() as registry:
        names = [f"app-{number}" for number in range(5)]
        for name in names:
            registry.put_image(name, "1")
        wanted = registry.put_image(names[2], "2")
        tags = {name: tag(name, f"{registry.host}/{name}:1") for name in names}
        kubectl.apply(stream("alone", *tags.values()))
        kubectl("wait", "--for=condition=Ready", "is/alone", "--timeout=20s")
        before = kubectl.get("is", "alone")["status"]["tags"]
        registry.reset()

        tags[names[2]] = tag(names[2], f"{registry.host}/{names[2]}:2")
        kubectl.apply(stream("alone", *tags.values()))
        eventually(lambda: current(kubectl, "alone", names[2]) == wanted, within=10, what="the new source")
        kubectl("wait", "--for=condition=Ready", "is/alone", "--timeout=10s")
        # A relabelled stream and a tag that is only scheduled now are no new question.
        kubectl("label", "is/alone", "team=blue")
        tags[names[3]] = tag(names[3], f"{registry.host}/{names[3]}:1", scheduled=True)
        kubectl.apply(stream("alone", *tags.values()))
        eventually(
            lambda: (
                (found := kubectl.get("is", "alone"))["metadata"]["generation"]
                == found["status"]["observedGeneration"]
            ),
            within=10,
            what="the last change noted in status",
        )
        assert {names[2]} == {request.repository for request in registry.requests}
        after = kubectl.get("is", "alone")["status"]["tags"]
        assert [item for item in before if item["tag"] != names[2]] == [
            item for item in after if item["tag"] != names[2]
        ]


def test_intervals_are_kept(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """A stream's interval holds for its scheduled tags, a tag's own goes before it, and 5 s is the least."""
    assert operator.alive
    with FaultRegistry() as registry:
        for repository in ("stream", "least", "hourly", "once"):
            registry.put_image(repository, "1")
        sources = {name: f"{registry.host}/{name}:1" for name in ("stream", "least", "hourly", "once")}
        kubectl.apply(
            stream(
                "paced",
                tag("stream", sources["stream"], scheduled=True),
                tag("least", sources["least"], scheduled=True, annotations={INTERVAL: "1s"}),
                tag("hourly", sources["hourly"], scheduled=True, annotations={INTERVAL: "1h"}),
                tag("once", sources["once"], annotations={INTERVAL: "5s"}),
                interval="6s",
            )
        )
        kubectl("wait", "--for=condition=Ready", "is/paced", "--timeout=20s")
        eventually(
            lambda: registry.count("manifest-head", "stream") >= 3,
            within=25,
            what="three rounds at the registry",
        )
        for repository, interval in (("stream", 6.0), ("least", 5.0)):
            times = [request.time for request in registry.matching("manifest-head", repository)]
            gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
            # The operator counts from when it asked; the registry from when it heard.
            assert all(interval - 0.5 < gap < interval + 3 for gap in gaps), f"{repository}: {gaps}"
        assert (1, 1) == tuple(registry.count("manifest-head", name) for name in ("hourly", "once"))


def test_an_interval_that_cannot_be_read_is_told(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """A wrong interval is named in the Ready condition; the tags are imported all the same."""
    assert operator.alive
    with FaultRegistry() as registry:
        registry.put_image("app", "1")
        kubectl.apply(stream("odd", tag("1", f"{registry.host}/app:1", scheduled=True), interval="soon"))
        kubectl("wait", "--for=condition=Ready", "is/odd", "--timeout=20s")
    ready = next(item for item in kubectl.get("is", "odd")["status"]["conditions"] if item["type"] == "Ready")
    assert "ImportedWithWarning" == ready["reason"]
    assert '"soon" is not a duration' in ready["message"]
    assert {} == failures(kubectl, "odd")


def _pull_secret(kubectl: Kubectl, cluster: Cluster, password: str) -> None:
    secret = kubectl(
        "create",
        "secret",
        "docker-registry",
        "puller",
        f"--docker-server={cluster.registry_auth}",
        f"--docker-username={cluster.registry_user}",
        f"--docker-password={password}",
        "--dry-run=client",
        "-o=json",
    )
    kubectl("apply", "-f", "-", stdin=secret)


def _architecture(kubectl: Kubectl) -> str:
    nodes = kubectl.get("nodes")["items"]
    architecture: str = nodes[0]["status"]["nodeInfo"]["architecture"]
    return architecture
