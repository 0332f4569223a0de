"""What a push makes of a stream's status, and what of it is stored as an Image (imageapi.mapping_edits)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from typing import Any

import pytest

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.mapping_edits import (
    ImageMapping,
    read_mapping,
    same_place,
    stored_image,
    with_push,
)
from imagestreams.importing.effective import Defaults, effective
from imagestreams.importing.record import record
from imagestreams.importing.repository import NOTHING_KNOWN
from imagestreams.model.permission import OWN
from imagestreams.model.stream import Stream

OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
THEN, NOW = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"
DIGEST_NAME = "image.metadata.name"
OF_NAME = "an image is named by the digest of its manifest: sha256: and 64 hexadecimal digits"


def image(digest: str = NEW, **more: Any) -> dict[str, Any]:
    """Make an Image as a registry sends it."""
    return {"metadata": {"name": digest}, "dockerImageReference": f"r.io/shop/app@{NEW}", **more}


def sent(**fields: Any) -> dict[str, Any]:
    """Make a mapping."""
    return {"metadata": {"name": "app"}, "tag": "1", "image": image(), **fields}


def event(digest: str, *, created: str = NOW, generation: int = 4) -> dict[str, Any]:
    """Make an item of a history."""
    return {
        "created": created,
        "dockerImageReference": f"r.io/shop/app@{digest}",
        "image": digest,
        "generation": generation,
    }


def stream(tags: list[dict[str, Any]], *spec: dict[str, Any]) -> Stream:
    """Make a stream with a status."""
    metadata = {"namespace": "shop", "name": "app", "generation": 4}
    return Stream.parse({"metadata": metadata, "spec": {"tags": list(spec)}, "status": {"tags": tags}})


def pushed(before: Stream, *, digest: str = NEW, tag: str = "1") -> Stream:
    """Push an image to a tag of a stream."""
    mapping = ImageMapping("app", tag, digest, f"r.io/shop/app@{digest}", {})
    return dataclasses.replace(before, status=with_push(before, mapping, now=NOW))


def tags_of(found: Stream) -> dict[str, Any]:
    """Spell the status of the tags, by name."""
    return {tag["tag"]: tag for tag in found.status.to_json()["tags"]}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"metadata": {}}, "metadata.name: Required value: name or generateName is required"),
        ({"metadata": {"name": "a/b"}}, "metadata.name: Invalid value: \"a/b\": may not contain '/'"),
        ({"tag": ""}, "tag: Required value"),
        ({"tag": None}, "tag: Required value"),
        ({"image": image("app")}, f'{DIGEST_NAME}: Invalid value: "app": {OF_NAME}'),
        ({"image": image("")}, f"{DIGEST_NAME}: Required value: name or generateName is required"),
        ({"image": image(dockerImageReference="")}, "image.dockerImageReference: Required value"),
        (
            {"image": image(dockerImageReference="r.io/A:1")},
            'image.dockerImageReference: Invalid value: "r.io/A:1": repository name must be lowercase',
        ),
    ],
)
def test_what_is_wrong_is_told_as_the_original_does(wrong: dict[str, Any], expected: str) -> None:
    """Each field that cannot be is a cause, and the whole is 422."""
    with pytest.raises(StatusError) as caught:
        read_mapping(sent(**wrong), "shop")
    assert 422 == caught.value.code
    told = [f"{cause['field']}: {cause['message']}" for cause in caught.value.details["causes"]]
    assert [expected] == told
    assert "ImageStreamMapping" == answers.body(caught.value)["details"]["kind"]


@pytest.mark.parametrize(
    "wrong", [{"metadata": {"name": "app", "namespace": "other"}}, {"tag": 1}, {"image": []}, {"metadata": 1}]
)
def test_what_cannot_be_read_is_a_bad_request(wrong: dict[str, Any]) -> None:
    """Another namespace, or a field of another type, is 400."""
    with pytest.raises(StatusError) as caught:
        read_mapping(sent(**wrong), "shop")
    assert 400 == caught.value.code


def digest_of(text: str) -> str:
    """Hash a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


LAYER = {"digest": OLD, "size": 7, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
STORED_LAYER = {"name": OLD, "size": 7, "mediaType": LAYER["mediaType"]}
CONFIG = json.dumps({"architecture": "arm64", "config": {"Cmd": ["run"]}})
OCI = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps({"config": {"digest": digest_of(CONFIG), "size": 3}, "layers": [LAYER]})
SIGNED = json.dumps({"schemaVersion": 1, "fsLayers": [], "signatures": [{"protected": "x"}]})
UNSIGNED = json.dumps({"schemaVersion": 1, "fsLayers": []})
WITH_CHILD = json.dumps(
    {"manifests": [{"digest": OLD, "platform": {"os": "linux", "architecture": "s390x"}}]}
)
LIES = [{"name": NEW, "size": 1, "mediaType": "x"}]


def manifested(manifest: str, digest: str = "", **more: Any) -> dict[str, Any]:
    """Make an Image with a manifest, by default with the name that it has."""
    return image(digest or digest_of(manifest), dockerImageManifest=manifest, **more)


def test_an_image_is_stored_described_by_its_manifest_and_without_what_the_registry_keeps() -> None:
    """The original's registry sends the manifest and the config, and stores both itself."""
    digest = digest_of(MANIFEST)
    found = stored_image(
        {
            "metadata": {
                "name": digest,
                "labels": {"a": "b"},
                "annotations": {"image.openshift.io/manifestBlobStored": "true"},
            },
            "dockerImageReference": f"r.io/shop/app@{digest}",
            "dockerImageManifestMediaType": OCI,
            "dockerImageManifest": MANIFEST,
            "dockerImageConfig": CONFIG,
            "dockerImageLayers": None,
            "signatures": [{"type": "x", "content": "eA=="}],
        }
    )
    assert digest.replace(":", "-") == found["metadata"]["name"]
    assert {"a": "b", "app.kubernetes.io/managed-by": "imagestreams"} == found["metadata"]["labels"]
    assert f"r.io/shop/app@{digest}" == found["dockerImageReference"]
    assert [STORED_LAYER] == found["dockerImageLayers"]
    described = found["dockerImageMetadata"]
    told = (described["Architecture"], described["Config"]["Cmd"], described["Id"])
    assert ("arm64", ["run"], digest_of(CONFIG)) == told
    assert {"dockerImageManifest", "dockerImageConfig", "signatures"}.isdisjoint(found)


def test_what_the_manifest_says_is_so() -> None:
    """Layers, media type and metadata that were sent beside it and say otherwise are not stored."""
    order = {"image.openshift.io/dockerLayersOrder": "descending"}
    sent = manifested(
        json.dumps({"mediaType": OCI, **json.loads(MANIFEST)}),
        dockerImageConfig=CONFIG,
        dockerImageLayers=LIES,
        dockerImageManifests=[{"digest": NEW}],
        dockerImageManifestMediaType="x",
        dockerImageMetadata={"Id": "lie", "Architecture": "s390x"},
    )
    sent["metadata"]["annotations"] = order
    found = stored_image(sent)
    assert ([STORED_LAYER], OCI) == (found["dockerImageLayers"], found["dockerImageManifestMediaType"])
    assert "dockerImageManifests" not in found
    assert "arm64" == found["dockerImageMetadata"]["Architecture"]
    assert {"image.openshift.io/dockerLayersOrder": "ascending"} == found["metadata"]["annotations"]
    index = stored_image(manifested(WITH_CHILD, dockerImageLayers=LIES, dockerImageConfig=CONFIG))
    assert [OLD] == [child["digest"] for child in index["dockerImageManifests"]]
    assert {"dockerImageLayers", "dockerImageConfig"}.isdisjoint(index)
    assert "dockerImageLayers" not in stored_image(manifested('{"layers": []}', dockerImageLayers=LIES))


def test_what_a_manifest_does_not_say_stays_as_it_was_sent() -> None:
    """How the image is run, where no config came; everything, where there is no manifest or a signed one."""
    metadata = {"Id": "i", "Architecture": "s390x"}
    found = stored_image(manifested(MANIFEST, dockerImageMetadata=metadata))
    told = found["dockerImageMetadata"]
    assert ("s390x", digest_of(CONFIG)) == (told["Architecture"], told["Id"])
    assert MANIFEST == found["dockerImageManifest"]
    for more in ({}, {"dockerImageManifest": SIGNED}):
        found = stored_image(image(dockerImageMetadata=metadata, dockerImageLayers=LIES, **more))
        assert (metadata, LIES) == (found["dockerImageMetadata"], found["dockerImageLayers"])


@pytest.mark.parametrize(
    "sent_image",
    [
        manifested(MANIFEST),
        manifested(MANIFEST, dockerImageConfig=CONFIG),
        manifested(WITH_CHILD, dockerImageConfig=CONFIG),
        manifested(UNSIGNED),
        manifested(SIGNED, NEW),
        manifested("no JSON"),
    ],
)
def test_a_manifest_that_names_the_image_is_taken(sent_image: dict[str, Any]) -> None:
    """Of whatever type it is; which image a signed schema 1 names cannot be known from it."""
    assert sent_image["metadata"]["name"] == read_mapping(sent(image=sent_image), "shop").digest


@pytest.mark.parametrize(
    ("sent_image", "field", "got", "named"),
    [
        (manifested(MANIFEST, NEW), "Manifest", MANIFEST, NEW),
        (manifested("no JSON", NEW), "Manifest", "no JSON", NEW),
        (manifested(UNSIGNED, NEW), "Manifest", UNSIGNED, NEW),
        (manifested(MANIFEST, dockerImageConfig="{}"), "Config", "{}", digest_of(CONFIG)),
    ],
)
def test_a_manifest_that_does_not_is_refused(
    sent_image: dict[str, Any], field: str, got: str, named: str
) -> None:
    """And so is a config that the manifest does not name: what was got and what was expected is told."""
    with pytest.raises(StatusError) as caught:
        read_mapping(sent(image=sent_image), "shop")
    (cause,) = caught.value.details["causes"]
    assert (422, f"image.dockerImage{field}") == (caught.value.code, cause["field"])
    assert [digest_of(got), named] == re.findall("sha256:[0-9a-f]{64}", cause["message"])


def test_a_push_comes_in_front_of_the_history() -> None:
    """The tag gets an event of the stream's generation; a tag that follows it gets it as well."""
    follower = {"name": "live", "from": {"kind": "ImageStreamTag", "name": "1"}}
    before = stream([{"tag": "1", "items": [event(OLD, created=THEN, generation=2)]}], follower)
    found = tags_of(pushed(before))
    assert [event(NEW), event(OLD, created=THEN, generation=2)] == found["1"]["items"]
    assert "intent" not in found["1"]
    assert [event(NEW)] == found["live"]["items"]


def test_the_first_push_makes_the_tag_and_the_same_again_changes_nothing() -> None:
    """A tag needs no spec; pushed twice, an image is there once, and there is nothing to write."""
    first = pushed(stream([]))
    assert [event(NEW)] == tags_of(first)["1"]["items"]
    assert first.status == pushed(first).status


def test_a_push_to_a_tag_that_is_held_is_what_is_available() -> None:
    """Who holds a tag does not want it to move; the image is there for when it is released."""
    hold = {"name": "1", "annotations": {"imagestreams.dev/hold": OLD}}
    found = tags_of(pushed(stream([{"tag": "1", "items": [event(OLD, created=THEN)]}], hold)))["1"]
    assert OLD == found["items"][0]["image"]
    assert NEW == found["available"]["image"]
    assert "NewerAvailable" == found["conditions"][0]["reason"]


def test_what_an_index_was_is_forgotten() -> None:
    """The pushed image is none of the index that the one before it was chosen from."""
    tag = {"name": "1", "from": {"kind": "DockerImage", "name": "r.io/shop/app:1"}}
    intent = {"kind": "DockerImage", "name": "r.io/shop/app:1", "importMode": "Legacy", "generation": 2}
    known = {"tag": "1", "items": [event(OLD)], "intent": intent, "index": f"sha256:{'3' * 64}"}
    found = tags_of(pushed(stream([known], tag)))["1"]
    assert "index" not in found
    assert intent == found["intent"]


def test_a_push_ends_a_failure() -> None:
    """The tag has an image now: that none could be imported is over, as in the original."""
    failure = {"type": "ImportSuccess", "status": "False", "reason": "NotFound", "lastTransitionTime": THEN}
    found = tags_of(pushed(stream([{"tag": "1", "items": None, "conditions": [failure]}])))["1"]
    assert [event(NEW)] == found["items"]
    assert "conditions" not in found


@pytest.mark.parametrize(
    "spec",
    [
        (),
        ({"name": "1"},),
        ({"name": "1", "from": {"kind": "DockerImage", "name": "r.io/shop/app:1"}},),
    ],
    ids=["no spec tag", "no source", "imported once"],
)
def test_the_operator_leaves_what_was_pushed_alone(spec: tuple[dict[str, Any], ...]) -> None:
    """Neither is a registry asked for a pushed tag, nor is its history changed when the status is written."""
    intent = {"kind": "DockerImage", "name": "r.io/shop/app:1", "importMode": "Legacy", "generation": 2}
    known: dict[str, Any] = {"tag": "1", "items": [event(OLD, created=THEN)]}
    if any("from" in tag for tag in spec):
        known["intent"] = intent
    after = effective(pushed(stream([known], *spec)), NOTHING_KNOWN, Defaults())
    again = record(after, {}, now="2026-03-03T00:00:00Z", lookup=lambda _: None, permitted=lambda _: OWN)
    assert after.status.tags == again.tags
    assert NEW == again.tags[0].items[0].image


@pytest.mark.parametrize(
    ("before", "latest", "expected"),
    [
        ([], [{"tag": "1", "items": [event(OLD)]}], True),
        ([{"tag": "1", "items": [event(OLD)]}], [{"tag": "1", "items": [event(OLD, created=THEN)]}], True),
        ([{"tag": "1", "items": [event(OLD)]}], [{"tag": "1", "items": [event(NEW)]}], False),
        ([{"tag": "1", "items": [event(OLD)]}], [], False),
    ],
)
def test_a_tag_that_moved_meanwhile_is_told_from_one_that_did_not(
    before: list[dict[str, Any]], latest: list[dict[str, Any]], expected: bool
) -> None:
    """Times and generations do not count, and where there was no image there is nothing to lose."""
    assert expected == same_place("1", stream(before), stream(latest))
