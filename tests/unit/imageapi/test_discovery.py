"""What the image API says of itself (imageapi.discovery), as the original does."""

from __future__ import annotations

from imagestreams.imageapi import discovery
from imagestreams.imageapi.resources import RESOURCES

NAMES = {
    "images": ("", False, "Image"),
    "imagesignatures": ("", False, "ImageSignature"),
    "imagestreamimages": ("isimage", True, "ImageStreamImage"),
    "imagestreamimports": ("", True, "ImageStreamImport"),
    "imagestreammappings": ("", True, "ImageStreamMapping"),
    "imagestreams": ("is", True, "ImageStream"),
    "imagestreamtags": ("istag", True, "ImageStreamTag"),
    "imagetags": ("itag", True, "ImageTag"),
}
"""As `oc api-resources` was recorded: short name, whether in namespaces, kind."""


def test_the_resources_have_the_originals_names() -> None:
    """Short names, scopes and kinds are those that were recorded."""
    listed = {
        each["name"]: each for each in discovery.resource_list()["resources"] if "/" not in each["name"]
    }
    assert NAMES == {
        name: (each.get("shortNames", [""])[0], each["namespaced"], each["kind"])
        for name, each in listed.items()
    }


def test_both_forms_say_the_same() -> None:
    """The plain list and the aggregated document name the same resources, subresources and verbs."""
    plain = {each["name"]: each["verbs"] for each in discovery.resource_list()["resources"]}
    (item,) = discovery.aggregated()["items"]
    told = {}
    for resource in item["versions"][0]["resources"]:
        told[resource["resource"]] = resource["verbs"]
        for below in resource.get("subresources", ()):
            told[f"{resource['resource']}/{below['subresource']}"] = below["verbs"]
    assert plain == told
    assert {resource.path for resource in RESOURCES} == set(told)


def test_streams_are_in_get_all() -> None:
    """As in the original, `kubectl get all` shows them."""
    (streams,) = [each for each in discovery.resource_list()["resources"] if each["name"] == "imagestreams"]
    assert ["all"] == streams["categories"]


def test_v1_is_the_one_version() -> None:
    """The group lists it and prefers it."""
    (group,) = discovery.groups()["groups"]
    assert (
        "image.openshift.io/v1"
        == group["preferredVersion"]["groupVersion"]
        == group["versions"][0]["groupVersion"]
    )
