"""`new-app` of an image or of a stream's tag: the calls of the image API, and the stream that it makes.

The Deployment and the Service that it makes besides are no part of the image API, and are not made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.oc.failing import checked, failed

if TYPE_CHECKING:
    import argparse

    from support.oc.rest import Rest

_GROUP = "/apis/image.openshift.io/v1"


def new_app(rest: Rest, namespace: str, flags: argparse.Namespace) -> str:
    """Run `new-app [NS/]STREAM:TAG` or `new-app --image=REFERENCE`; nothing that it prints is given."""
    if flags.image:
        _of_image(rest, namespace, flags)
    else:
        _of_stream(rest, namespace, flags.image_stream or flags.names[0])
    return ""


def _of_stream(rest: Rest, namespace: str, term: str) -> None:
    there, _, name = term.rpartition("/")
    stream, _, tag = name.partition(":")
    for where in [there] if there else [namespace, "openshift"]:
        listed = checked(rest("GET", f"{_GROUP}/namespaces/{where}/imagestreams")).body["items"]
        for found in listed:
            if found["metadata"]["name"] != stream:
                continue
            digest = _current(found, tag)
            image = checked(
                rest("GET", f"{_GROUP}/namespaces/{where}/imagestreamimages/{stream}@{digest}")
            ).body
            if "Config" not in image["image"]["dockerImageMetadata"]:
                raise failed(f"{term}: unable to read image metadata")
            return
    raise failed(f'unable to locate any images in image streams with name "{term}"')


def _current(stream: dict[str, Any], tag: str) -> str:
    """Give the digest of a tag; without one of the first that has an image."""
    tags = {
        each["tag"]: each["items"][0]["image"] for each in stream["status"].get("tags") or () if each["items"]
    }
    digest: str = tags[tag] if tag else next(iter(tags.values()))
    return digest


def _of_image(rest: Rest, namespace: str, flags: argparse.Namespace) -> None:
    base = f"{_GROUP}/namespaces/{namespace}"
    policy = {"insecure": True} if flags.insecure_registry else {}
    source = {"kind": "DockerImage", "name": flags.image}
    asked = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamImport",
        "metadata": {"name": "newapp", "namespace": namespace},
        "spec": {"import": False, "images": [{"from": source, "importPolicy": policy}]},
    }
    found = checked(rest("POST", f"{base}/imagestreamimports", asked)).body["status"]["images"][0]
    if found["status"]["status"] != "Success":
        raise failed(f"can't lookup images: {found['status']['message']}")
    labels = {
        "app": flags.name,
        "app.kubernetes.io/component": flags.name,
        "app.kubernetes.io/instance": flags.name,
    }
    made = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {
            "name": flags.name,
            "labels": labels,
            "annotations": {"openshift.io/generated-by": "OpenShiftNewApp"},
            "creationTimestamp": None,
        },
        "spec": {
            "lookupPolicy": {"local": False},
            "tags": [
                {
                    "name": flags.image.rpartition(":")[2],
                    "annotations": {"openshift.io/imported-from": flags.image},
                    "from": source,
                    "generation": None,
                    "importPolicy": {**policy, "importMode": "Legacy"},
                    "referencePolicy": {"type": ""},
                }
            ],
        },
        "status": {"dockerImageRepository": ""},
    }
    if rest("GET", f"{base}/imagestreams/{flags.name}").code == 404:
        checked(rest("POST", f"{base}/imagestreams", made))
