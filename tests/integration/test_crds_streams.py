"""ImageStreams at the API server: what the original takes is accepted, what can never work is refused.

Every refusal is held to its words: the field, the reason, and what to write instead. Image references have
a file of their own, test_crds_references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.admission import DIGEST, Admission, admission, stream, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def api(quiet_cluster: Cluster) -> Iterator[Admission]:
    """A namespace for the rows of this file."""
    with admission(quiet_cluster) as found:
        yield found


ACCEPTED = {
    "no spec": stream(),
    "empty list": stream(tags=[]),
    "no tags, said with null": stream(tags=None),
    "a repository": stream(dockerImageRepository="quay.io:443/org/App".lower()),
    "a repository without a host": stream(dockerImageRepository="org/app"),
    "a repository, empty": stream(dockerImageRepository=""),
    "lookup policy": stream(lookupPolicy={"local": True}),
    "lookup policy, empty": stream(lookupPolicy={}),
    "a tag without a source": stream({"name": "pushed"}),
    "a source that is null": stream({"name": "pushed", "from": None}),
    "a reference": stream(tag("quay.io/org/app:1", reference=True)),
    "every policy": stream(
        tag(
            "quay.io/org/app:1",
            annotations={"description": "x", "importer.image.openshift.io/prefer-arch": "arm64"},
            generation=7,
            importPolicy={"insecure": True, "scheduled": True, "importMode": "PreserveOriginal"},
            referencePolicy={"type": "Local"},
        )
    ),
    "empty policies": stream(tag("a", importPolicy={}, referencePolicy={})),
    "policies said with empty words": stream(
        tag("a", importPolicy={"importMode": ""}, referencePolicy={"type": ""})
    ),
    "a digest that is scheduled": stream(tag(f"quay.io/a@{DIGEST}", importPolicy={"scheduled": True})),
    "an alias in the stream": stream(tag("1.0", "ImageStreamTag")),
    "an alias that is not scheduled": stream(tag("1", "ImageStreamTag", importPolicy={"scheduled": False})),
    "a tag of another stream": stream(
        {"name": "a", "from": {"kind": "ImageStreamTag", "name": "other.app:1_0", "namespace": "shared"}}
    ),
    "an image of a stream": stream(tag(f"app@{DIGEST}", "ImageStreamImage")),
    "an image by the beginning of its digest": stream(tag("app@3c87c5", "ImageStreamImage")),
    "an image of this stream": stream(tag(DIGEST, "ImageStreamImage")),
    "every field of an object reference": stream(
        {
            "name": "a",
            "from": {
                "kind": "DockerImage",
                "name": "a",
                "namespace": "x",
                "apiVersion": "v1",
                "uid": "u",
                "resourceVersion": "1",
                "fieldPath": "f",
            },
        }
    ),
    "tag names as oc takes them": stream(*({"name": name} for name in ("1", "_x", "V1.0-rc_2", "t" * 128))),
    "a name with dots and dashes": stream(name="a.b-c.1"),
}


@pytest.mark.parametrize("manifest", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_original_takes_is_accepted(api: Admission, manifest: dict[str, Any]) -> None:
    """A manifest that the original accepts is accepted, with strict checking of unknown fields."""
    api.accepted(manifest)


BAD_STREAMS = {
    "two dashes in the name": (
        stream(name="a--b"),
        'metadata.name: Invalid value: "object": "a--b" is not a stream name: write lower-case letters',
    ),
    "capitals in the name": (stream(name="App"), 'metadata.name: Invalid value: "App"'),
    "the same tag twice": (
        stream({"name": "a"}, {"name": "a"}),
        'spec.tags[1]: Duplicate value: {"name":"a"}',
    ),
    "a tag without a name": (stream({"from": None}), "spec.tags[0].name: Required value"),
    "an empty tag name": (
        stream({"name": ""}),
        'spec.tags[0].name: Invalid value: "object": "" is not a tag: begin',
    ),
    "a tag name with a slash": (
        stream({"name": "a/b"}),
        '"a/b" is not a tag: begin with a letter, a digit or "_"',
    ),
    "a tag name with a colon": (stream({"name": "a:b"}), '"a:b" is not a tag'),
    "a tag name with a blank": (stream({"name": "a b"}), '"a b" is not a tag'),
    "a tag name with a dash first": (stream({"name": "-a"}), '"-a" is not a tag'),
    "a tag name of 129 characters": (stream({"name": "t" * 129}), "spec.tags[0].name: Too long"),
    "an empty source": (
        stream(tag("")),
        'spec.tags[0].from.name: Required value: tag "latest": write the name of the image',
    ),
    "a source without a name": (
        stream({"name": "a", "from": {"kind": "DockerImage"}}),
        "from.name: Required value",
    ),
    "a source without a kind": (stream({"name": "a", "from": {"name": "a"}}), "from.kind: Required value"),
    "a source of an unknown kind": (
        stream(tag("a", "Image")),
        'spec.tags[0].from.kind: Unsupported value: "Image": supported values: "DockerImage", "ImageStream',
    ),
    # A text with a line break in it is not repeated: the API server shows no message of several lines.
    "a source with a line break": (
        stream(tag("foo\n")),
        'spec.tags[0].from.name: Invalid value: "object": invalid reference format: write [HOST[:PORT]/]PATH',
    ),
    "a source of 513 characters": (stream(tag("a" * 513)), "spec.tags[0].from.name: Too long"),
    "two separators in an ImageStreamTag": (
        stream(tag("a:b:c", "ImageStreamTag")),
        'tag "latest": "a:b:c" is not an ImageStreamTag: write TAG for a tag of this stream, STREAM:TAG',
    ),
    "a digest in an ImageStreamTag": (
        stream(tag(f"a@{DIGEST}", "ImageStreamTag")),
        "is not an ImageStreamTag",
    ),
    "two separators in an ImageStreamImage": (
        stream(tag("a@b@c", "ImageStreamImage")),
        'tag "latest": "a@b@c" is not an ImageStreamImage: write STREAM@sha256:DIGEST',
    ),
    "a tag in an ImageStreamImage": (stream(tag("app:1", "ImageStreamImage")), "is not an ImageStreamImage"),
    "an alias that is scheduled": (
        stream(tag("1", "ImageStreamTag", importPolicy={"scheduled": True})),
        'spec.tags[0].importPolicy.scheduled: Invalid value: "object": tag "latest": only tags pointing to',
    ),
    "an image that is scheduled": (
        stream(tag(f"a@{DIGEST}", "ImageStreamImage", importPolicy={"scheduled": True})),
        "only tags pointing to Docker repositories may be scheduled for background import: remove scheduled",
    ),
    "an unknown import mode": (
        stream(tag("a", importPolicy={"importMode": "legacy"})),
        'importMode: Unsupported value: "legacy": supported values: "", "Legacy", "PreserveOriginal"',
    ),
    "an unknown reference policy": (
        stream(tag("a", referencePolicy={"type": "local"})),
        'referencePolicy.type: Unsupported value: "local": supported values: "", "Source", "Local"',
    ),
    "a boolean in quotes": (
        stream(tag("a", importPolicy={"scheduled": "true"})),
        'importPolicy.scheduled: Invalid value: "string"',
    ),
    "an unknown field": (stream({"name": "a", "form": {}}), 'unknown field "spec.tags[0].form"'),
    "a repository with a tag": (
        stream(dockerImageRepository="quay.io/org/app:1"),
        "the repository name may not contain a tag: remove the last",
    ),
    "a repository with a digest": (
        stream(dockerImageRepository=f"quay.io/org/app@{DIGEST}"),
        "the repository name may not contain an ID: remove the",
    ),
    "a repository with a scheme": (
        stream(dockerImageRepository="https://quay.io/org/app"),
        'spec.dockerImageRepository: Invalid value: "string": "https://quay.io/org/app" is not a repository',
    ),
    "a repository in capitals": (
        stream(dockerImageRepository="quay.io/org/App"),
        "is not a repository: write",
    ),
    "2,001 tags": (
        stream(*({"name": f"t{number}"} for number in range(2001))),
        "spec.tags: Too many: 2001: must have at most 2000 items",
    ),
}


@pytest.mark.parametrize(("manifest", "words"), BAD_STREAMS.values(), ids=BAD_STREAMS)
def test_what_cannot_work_is_refused_with_the_field_and_the_reason(
    api: Admission, manifest: dict[str, Any], words: str
) -> None:
    """A manifest that can never work is refused at once, and kubectl says where, why and what to write."""
    assert words in api.refused(manifest)


def test_a_good_reference_gives_no_complaint_beside_a_bad_one(api: Admission) -> None:
    """One bad tag among good ones is the only one complained of, and only once."""
    said = api.refused(stream(tag("quay.io/a", tag_name="a"), tag("B/c", tag_name="b"), {"name": "c"}))

    assert list(_lone(said)) == ["spec.tags[1].from.name"]


def _lone(said: str) -> Iterator[str]:
    for line in said.strip().removeprefix('The ImageStream "app" is invalid: ').splitlines():
        yield line.strip().removeprefix("* ").split(": ")[0]
