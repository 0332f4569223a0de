"""The custom resources in a real API server: versions, columns, nulls and sizes.

What `oc get -o yaml` printed on the original goes in and comes out as it was. Which manifests are accepted is
in test_crds_streams and test_crds_references; the shape of the files is in tests/unit/deploy.
"""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.admission import DIGEST, Admission, admission, stream, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster

pytestmark = pytest.mark.cluster

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def api(quiet_cluster: Cluster) -> Iterator[Admission]:
    """A namespace for the rows of this file."""
    with admission(quiet_cluster) as found:
        yield found


OC_GET_IS = """
apiVersion: v1
kind: List
items:
- apiVersion: image.openshift.io/v1
  kind: ImageStream
  metadata:
    annotations:
      openshift.io/image.dockerRepositoryCheck: "2026-11-23T17:07:10Z"
    generation: 2
    name: failing
  spec:
    lookupPolicy:
      local: false
    tags:
    - annotations: null
      from:
        kind: DockerImage
        name: 127.0.0.1:5100/e/app:1
      generation: 2
      importPolicy:
        importMode: Legacy
      name: ext
      referencePolicy:
        type: Source
  status:
    dockerImageRepository: ""
    tags:
    - conditions:
      - generation: 2
        lastTransitionTime: "2026-11-23T17:07:10Z"
        message: 'Internal error occurred: 127.0.0.1:5100/e/app:1: Get "https://127.0.0.1:5100/v2/":
          http: server gave HTTP response to HTTPS client'
        reason: InternalError
        status: "False"
        type: ImportSuccess
      items: null
      tag: ext
- apiVersion: image.openshift.io/v1
  kind: ImageStream
  metadata:
    name: imported
  spec:
    lookupPolicy:
      local: false
    tags:
    - annotations: null
      from:
        kind: ImageStreamImage
        name: app@sha256:715385764a7936ba2be005587016a55279a7026564edf117d9988da9ef60bfe5
      generation: 6
      importPolicy:
        importMode: PreserveOriginal
        insecure: true
      name: one
      referencePolicy:
        type: Source
  status:
    dockerImageRepository: ""
    tags:
    - items:
      - created: "2026-11-23T17:07:12Z"
        dockerImageReference: "127.0.0.1:5100/e/app@\
          sha256:715385764a7936ba2be005587016a55279a7026564edf117d9988da9ef60bfe5"
        generation: 4
        image: sha256:715385764a7936ba2be005587016a55279a7026564edf117d9988da9ef60bfe5
      tag: one
    - items:
      - created: null
        dockerImageReference: 127.0.0.1:5100/e/app:1
        generation: 5
        image: ""
      tag: reference
"""


def test_what_oc_printed_can_be_applied(api: Admission) -> None:
    """`oc get is -o yaml` of the original, nulls and status and all, goes through `kubectl apply`."""
    said = api.ok("apply", "-f", "-", stdin=OC_GET_IS)

    assert said.count("created") == 2
    stored = api.get("is", "failing")
    assert stored.get("status") is None, "status is not taken from an apply"
    printed = yaml.safe_load(OC_GET_IS)["items"][0]["spec"]
    del printed["tags"][0]["annotations"]  # null, which is what nothing means
    stored["spec"]["tags"][0].pop("annotations", None)
    assert printed == stored["spec"]


def test_what_oc_printed_can_be_a_status(api: Admission) -> None:
    """The original's status, nulls included, is stored as it is when it is written as status."""
    printed = yaml.safe_load(OC_GET_IS)["items"]
    for item in printed:
        name = f"status-of-{item['metadata']['name']}"
        api.ok("create", "-f", "-", stdin=stream(name=name))

        api.ok("patch", "is", name, "--subresource=status", "--type=json", "-p", _replaced(item["status"]))

        stored = api.get("is", name)
        assert item["status"] == stored["status"]


def _replaced(status: dict[str, Any]) -> str:
    return json.dumps([{"op": "add", "path": "/status", "value": status}])


def test_a_second_server_side_apply_of_nulls_changes_nothing(api: Admission) -> None:
    """A manifest with `annotations: null` can be applied again and again without a new generation."""
    manifest = stream(tag("a", annotations=None, generation=None), name="again")
    for _ in range(2):
        api.ok("apply", "--server-side", "-f", "-", stdin=manifest)

    assert api.ok("get", "is", "again", "-o", "jsonpath={.metadata.generation}") == "1"


def test_nothing_is_added_to_what_was_applied(api: Admission) -> None:
    """The stored spec is the applied spec, without a default in it, so that GitOps sees no drift."""
    manifest = stream(tag("quay.io/org/app:1", importPolicy={}), {"name": "b"}, name="as-applied")
    api.ok("apply", "-f", "-", stdin=manifest)

    stored = api.get("is", "as-applied")
    assert manifest["spec"] == stored["spec"]
    assert api.ok("apply", "-f", "-", stdin=manifest).strip().endswith("unchanged")


LONG = "registry.example.com:5000/team/" + "a" * 200


def test_a_stream_of_2000_long_tags_is_accepted_and_can_change_whole(api: Admission) -> None:
    """2,000 tags with sources of more than 200 characters are created, and then all replaced at once."""
    for version in ("1", "2"):
        tags = [tag(f"{LONG}:v{version}", tag_name=f"t{number}") for number in range(2000)]
        api.ok("apply", "--server-side", "-f", "-", stdin=stream(*tags, name="big"))

    stored = api.get("is", "big")
    assert {entry["from"]["name"] for entry in stored["spec"]["tags"]} == {f"{LONG}:v2"}
    assert len(stored["spec"]["tags"]) == 2000


def test_2000_sources_as_long_as_they_can_be_stay_within_the_cost_of_validation(api: Admission) -> None:
    """2,000 tags with the longest sources that there are do not exhaust what validation may cost."""
    longest = f"{'h' * 50}.example.com:5000/{'a' * 187}:{'t' * 128}@{DIGEST}"
    tags = [tag(longest, tag_name=f"t{number}") for number in range(2000)]

    api.ok("create", "--dry-run=server", "-f", "-", stdin=stream(*tags))


def test_a_status_of_2000_tags_can_be_written_by_every_kind_of_patch(api: Admission) -> None:
    """The status of 2,000 tags is accepted as a merge patch, and again as a server-side apply."""
    sources = [tag(f"quay.io/org/app:{number}", tag_name=f"t{number}") for number in range(2000)]
    api.ok("create", "-f", "-", stdin=stream(*sources, name="history"))
    item = {
        "created": "2026-11-23T17:07:10Z",
        "dockerImageReference": f"quay.io/org/app@{DIGEST}",
        "image": DIGEST,
        "generation": 1,
    }
    status = {"tags": [{"tag": f"t{number}", "items": [item]} for number in range(2000)]}

    merge = json.dumps({"status": status})
    api.ok(
        "patch",
        "is",
        "history",
        "--subresource=status",
        "--type=merge",
        "--patch-file=/dev/stdin",
        stdin=merge,
    )
    applied = {
        "apiVersion": "image.openshift.io/v1alpha1",
        "kind": "ImageStream",
        "metadata": {"name": "history"},
    }
    api.ok(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--subresource=status",
        "-f",
        "-",
        stdin={**applied, "status": status},
    )

    stored = api.get("is", "history")
    assert status == stored["status"]


def test_get_shows_the_columns_of_the_original(api: Admission) -> None:
    """`kubectl get is` prints NAME, IMAGE REPOSITORY, TAGS and UPDATED, from the summary in status."""
    api.ok("create", "-f", "-", stdin=stream(name="shown"))
    status = {
        "summary": {"repository": "quay.io/org/app", "tags": "2,1", "updated": "2020-01-01T00:00:00Z"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Imported"}],
    }
    api.ok("patch", "is", "shown", "--subresource=status", "--type=json", "-p", _replaced(status))

    for version in ("imagestreams.v1.image.openshift.io", "imagestreams.v1alpha1.image.openshift.io"):
        header, row = api.ok("get", version, "shown").splitlines()
        assert re.split(r"\s{2,}", header.strip()) == ["NAME", "IMAGE REPOSITORY", "TAGS", "UPDATED"]
        assert re.fullmatch(r"shown\s+quay\.io/org/app\s+2,1\s+\d+y\d*d?", row.strip()), row
        wide, row = api.ok("get", version, "shown", "-o", "wide").splitlines()
        assert wide.split()[-2:] == ["READY", "REASON"]
        assert row.split()[-2:] == ["True", "Imported"]


def test_it_is_found_by_its_short_name_and_by_all(api: Admission) -> None:
    """`is` names it, `all` lists it, and clients prefer v1."""
    found = json.loads(api.ok("get", "--raw", "/apis/image.openshift.io/v1"))
    resources = {entry["name"]: entry for entry in found["resources"]}
    assert resources["imagestreams"]["shortNames"] == ["is"]
    assert resources["imagestreams"]["categories"] == ["all"]
    assert resources["images"]["namespaced"] is False
    assert "imagestreams/status" in resources
    group = json.loads(api.ok("get", "--raw", "/apis/image.openshift.io"))
    assert group["preferredVersion"]["version"] == "v1"
    assert [entry["version"] for entry in group["versions"]] == ["v1", "v1alpha1"]


def test_both_versions_are_doors_to_one_object(api: Admission) -> None:
    """What is written at one version is read at the other, field for field, and deleted at either."""
    api.ok("create", "-f", "-", stdin=stream(tag("quay.io/org/app:1"), name="two-doors"))
    seen = [
        api.get(f"imagestreams.{version}.image.openshift.io", "two-doors") for version in ("v1", "v1alpha1")
    ]
    assert [entry.pop("apiVersion") for entry in seen] == [
        "image.openshift.io/v1",
        "image.openshift.io/v1alpha1",
    ]
    assert seen[0] == seen[1]

    api.ok("delete", "imagestreams.v1alpha1.image.openshift.io", "two-doors")

    assert "NotFound" in api.run("get", "imagestreams.v1.image.openshift.io", "two-doors").stderr


def test_explain_tells_what_a_source_is(api: Admission) -> None:
    """`kubectl explain` has a text for the fields that people write."""
    said = api.ok("explain", "is.spec.tags.from")

    assert "Where the image comes from" in said
    assert "enum: DockerImage, ImageStreamImage, ImageStreamTag" in said


def test_streams_can_be_selected_by_their_repository(api: Admission) -> None:
    """The original's field selector on spec.dockerImageRepository works."""
    api.ok("create", "-f", "-", stdin=stream(name="chosen", dockerImageRepository="quay.io/org/chosen"))

    said = api.ok("get", "is", "--field-selector=spec.dockerImageRepository=quay.io/org/chosen", "-o", "name")

    assert said.split() == ["imagestream.image.openshift.io/chosen"]


def test_an_image_keeps_its_metadata_and_shows_its_reference(api: Admission) -> None:
    """An Image as the original prints it is stored whole under sha256-<hex>, and listed by its reference."""
    name = f"sha256-{secrets.token_hex(32)}"
    image = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "Image",
        "metadata": {"name": name},
        "dockerImageReference": f"quay.io/org/app@{DIGEST}",
        "dockerImageMetadata": {
            "apiVersion": "image.openshift.io/1.0",
            "kind": "DockerImage",
            "Id": "",
            "Created": None,
            "Architecture": "amd64",
            "Config": {"Env": ["A=1"], "ExposedPorts": {"8080/tcp": {}}},
            "ContainerConfig": {},
            "Size": 12,
        },
        "dockerImageMetadataVersion": "1.0",
        "dockerImageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
        "dockerImageLayers": [
            {"name": DIGEST, "size": 12, "mediaType": "application/vnd.oci.image.layer.v1.tar"}
        ],
    }
    try:
        api.ok("create", "-f", "-", stdin=image)
        stored = api.get("images.image.openshift.io", name)
        header, row = api.ok("get", "images.image.openshift.io", name).splitlines()
    finally:
        api.run("delete", "images.image.openshift.io", name)

    stored["metadata"] = {"name": stored["metadata"]["name"]}
    assert image == stored
    assert re.split(r"\s{2,}", header.strip()) == ["NAME", "IMAGE REFERENCE"]
    assert row.split() == [name, f"quay.io/org/app@{DIGEST}"]


def test_kustomize_and_apply_of_the_folder_install_the_same(api: Admission) -> None:
    """`kubectl apply -f crds/` and `kubectl apply -k crds` are two ways to the same two resources."""
    ways = [
        api.ok("apply", "--dry-run=server", flag, str(PROJECT / "crds"), "-o", "name")
        for flag in ("-f", "-k")
    ]

    assert sorted(ways[0].split()) == sorted(ways[1].split())
    assert len(ways[0].split()) == 2
