"""The kinds of the image API that have no CRD, as OpenAPI v3 schemas; and names of parts of those that do.

Data for imageapi.openapi, which lifts the parts of the CRDs' schemas that `PARTS` names into schemas of their
own, so that these kinds can refer to them. Fields, texts and names follow api/image/v1/types.go of the
original.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

PREFIX = "com.github.openshift.api.image.v1"
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
REFERENCE = "io.k8s.api.core.v1.ObjectReference"
SECRETS = "io.k8s.api.core.v1.SecretList"

PARTS: dict[str, dict[tuple[str, ...], str]] = {
    "ImageStream": {
        ("spec",): f"{PREFIX}.ImageStreamSpec",
        ("spec", "lookupPolicy"): f"{PREFIX}.ImageLookupPolicy",
        ("spec", "tags", "[]"): f"{PREFIX}.TagReference",
        ("spec", "tags", "[]", "from"): REFERENCE,
        ("spec", "tags", "[]", "importPolicy"): f"{PREFIX}.TagImportPolicy",
        ("spec", "tags", "[]", "referencePolicy"): f"{PREFIX}.TagReferencePolicy",
        ("status",): f"{PREFIX}.ImageStreamStatus",
        ("status", "tags", "[]"): f"{PREFIX}.NamedTagEventList",
        ("status", "tags", "[]", "items", "[]"): f"{PREFIX}.TagEvent",
        ("status", "tags", "[]", "conditions", "[]"): f"{PREFIX}.TagEventCondition",
    },
    "Image": {
        ("dockerImageLayers", "[]"): f"{PREFIX}.ImageLayer",
        ("dockerImageManifests", "[]"): f"{PREFIX}.ImageManifest",
        ("signatures", "[]"): f"{PREFIX}.ImageSignature",
        ("signatures", "[]", "conditions", "[]"): f"{PREFIX}.SignatureCondition",
        ("signatures", "[]", "issuedBy"): f"{PREFIX}.SignatureIssuer",
        ("signatures", "[]", "issuedTo"): f"{PREFIX}.SignatureSubject",
    },
}
"""Where, in the schema of a kind with a CRD, the parts stand that get a name; "[]" are a list's items."""

MERGED: dict[str, dict[tuple[str, ...], dict[str, str]]] = {
    "ImageStream": {
        ("spec", "tags"): {"x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"},
        ("status", "tags"): {"x-kubernetes-patch-merge-key": "tag", "x-kubernetes-patch-strategy": "merge"},
    },
    "Image": {
        ("dockerImageMetadata",): {"x-kubernetes-patch-strategy": "replace"},
        ("signatures",): {"x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"},
        ("signatures", "[]", "conditions"): {
            "x-kubernetes-patch-merge-key": "type",
            "x-kubernetes-patch-strategy": "merge",
        },
    },
}
"""How strategic merge patches join the lists of those schemas, as the tags of the original's Go types say."""


def ref(name: str) -> Schema:
    """Refer to a schema by its full name."""
    return {"$ref": f"#/components/schemas/{name}"}


def described(name: str, text: str) -> Schema:
    """Refer to a schema, and say what it is here. OpenAPI v3.0 hides what stands beside a bare $ref."""
    return {"description": text, "allOf": [ref(name)]}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _object(description: str, properties: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    made: Schema = {"type": "object", "description": description, "properties": properties}
    return {**made, "required": list(required)} if required else made


def _kind(description: str, properties: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """Describe what can be sent and got by itself."""
    return _object(
        description,
        {**TYPE_META, "metadata": described(f"{META}.ObjectMeta", "Its metadata."), **properties},
        required,
    )


TYPE_META: dict[str, Schema] = {
    "apiVersion": _text("The version of this schema, image.openshift.io/v1."),
    "kind": _text("The kind of this object."),
}
_STATUS = f"{META}.Status"
_IMPORT_POLICY = described(
    f"{PREFIX}.TagImportPolicy", "How the image is imported, and whether again by itself."
)
_REFERENCE_POLICY = described(f"{PREFIX}.TagReferencePolicy", "How others shall use the image.")
_LOOKUP = described(
    f"{PREFIX}.ImageLookupPolicy", "Whether workloads of the namespace may use the short name."
)
_IMAGE = f"{PREFIX}.Image"
_MANIFESTS = _flag("Asks for the raw manifest of each image in the answer.")
_CONDITIONS = _list(
    ref(f"{PREFIX}.TagEventCondition"), "What is the matter with the tag; empty if nothing is."
)

_TAGS: dict[str, Schema] = {
    "ImageStreamTag": _kind(
        "An ImageStreamTag is one tag of a stream with the image it leads to now. Its name is STREAM:TAG.",
        {
            "tag": described(
                f"{PREFIX}.TagReference", "The tag in the spec of the stream; null if it was only pushed."
            ),
            "generation": {
                "type": "integer",
                "format": "int64",
                "description": "The generation of the tag that led to the image.",
            },
            "lookupPolicy": _LOOKUP,
            "conditions": _CONDITIONS,
            "image": described(_IMAGE, "The image that the tag leads to."),
        },
        ("tag", "generation", "lookupPolicy", "image"),
    ),
    "ImageTag": _kind(
        "An ImageTag is one tag of a stream: what was asked for, and its history. Its name is STREAM:TAG.",
        {
            "spec": described(
                f"{PREFIX}.TagReference", "The tag in the spec of the stream; null if it was only pushed."
            ),
            "status": described(
                f"{PREFIX}.NamedTagEventList", "The images that the tag led to, the newest first."
            ),
            "image": described(_IMAGE, "The image that the tag leads to; not in lists."),
        },
        ("spec", "status", "image"),
    ),
    "ImageStreamImage": _kind(
        "An ImageStreamImage is an image that a stream holds. Its name is STREAM@DIGEST.",
        {"image": described(_IMAGE, "The image.")},
        ("image",),
    ),
}

_IMPORTS: dict[str, Schema] = {
    "ImageStreamImport": _kind(
        "An ImageStreamImport asks registries now, and if import is set fills the stream of its name.",
        {
            "spec": described(f"{PREFIX}.ImageStreamImportSpec", "What to import."),
            "status": described(f"{PREFIX}.ImageStreamImportStatus", "What came of it."),
        },
        ("spec", "status"),
    ),
    "ImageStreamImportSpec": _object(
        "What to import.",
        {
            "import": _flag("Whether the images are put into the stream, or only looked at."),
            "repository": described(
                f"{PREFIX}.RepositoryImportSpec", "A repository whose tags are imported."
            ),
            "images": _list(ref(f"{PREFIX}.ImageImportSpec"), "Single images to import."),
        },
        ("import",),
    ),
    "ImageImportSpec": _object(
        "One image to import.",
        {
            "from": described(REFERENCE, "The image; of kind DockerImage."),
            "to": described(
                "io.k8s.api.core.v1.LocalObjectReference", "The tag to put it at; else the one that from has."
            ),
            "importPolicy": _IMPORT_POLICY,
            "referencePolicy": _REFERENCE_POLICY,
            "includeManifest": _MANIFESTS,
        },
        ("from",),
    ),
    "RepositoryImportSpec": _object(
        "A repository to import.",
        {
            "from": described(REFERENCE, "The repository, without tag or digest; of kind DockerImage."),
            "importPolicy": _IMPORT_POLICY,
            "referencePolicy": _REFERENCE_POLICY,
            "includeManifest": _MANIFESTS,
        },
        ("from",),
    ),
    "ImageStreamImportStatus": _object(
        "What came of an import.",
        {
            "import": described(f"{PREFIX}.ImageStream", "The stream after the import."),
            "repository": described(f"{PREFIX}.RepositoryImportStatus", "What came of the repository."),
            "images": _list(
                ref(f"{PREFIX}.ImageImportStatus"), "What came of each image, in the order asked for."
            ),
        },
    ),
    "ImageImportStatus": _object(
        "What came of one image.",
        {
            "status": described(_STATUS, "Whether it was imported, and why not."),
            "image": described(_IMAGE, "The image."),
            "manifests": _list(ref(_IMAGE), "The images of an index, where it is kept whole."),
            "tag": _text("The tag that it is at."),
        },
        ("status",),
    ),
    "RepositoryImportStatus": _object(
        "What came of a repository.",
        {
            "status": described(_STATUS, "Whether its tags could be listed, and why not."),
            "images": _list(ref(f"{PREFIX}.ImageImportStatus"), "What came of each tag."),
            "additionalTags": _list(
                {"type": "string"}, "Tags that were not imported, for there were too many."
            ),
        },
    ),
    "ImageStreamMapping": _kind(
        "An ImageStreamMapping puts an image at a tag of the stream of its name, as a push does.",
        {"image": described(_IMAGE, "The image."), "tag": _text("The tag.")},
        ("image", "tag"),
    ),
}

_LAYERS: dict[str, Schema] = {
    "ImageStreamLayers": _kind(
        "ImageStreamLayers are the blobs of all images that a stream holds.",
        {
            "blobs": {
                "type": "object",
                "additionalProperties": ref(f"{PREFIX}.ImageLayerData"),
                "description": "The layers and configs, by digest.",
            },
            "images": {
                "type": "object",
                "additionalProperties": ref(f"{PREFIX}.ImageBlobReferences"),
                "description": "What each image consists of, by digest.",
            },
        },
        ("blobs", "images"),
    ),
    "ImageLayerData": _object(
        "One blob.",
        {
            "size": {
                "type": "integer",
                "format": "int64",
                "nullable": True,
                "description": "Its size in bytes.",
            },
            "mediaType": _text("Its media type."),
        },
        ("size", "mediaType"),
    ),
    "ImageBlobReferences": _object(
        "What an image consists of.",
        {
            "imageMissing": _flag("The image itself is not known any more."),
            "layers": _list({"type": "string"}, "The digests of its layers, the lowest first."),
            "config": _text("The digest of its config."),
            "manifests": _list({"type": "string"}, "The digests of the images of an index."),
        },
    ),
}

VIRTUAL: dict[str, Schema] = {
    **{f"{PREFIX}.{name}": schema for name, schema in {**_TAGS, **_IMPORTS, **_LAYERS}.items()},
    "io.k8s.api.core.v1.LocalObjectReference": _object("Names something near.", {"name": _text("Its name.")}),
    SECRETS: _object(
        "The Secrets that a pull from the stream may use.",
        {
            **TYPE_META,
            "items": _list({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "The Secrets."),
        },
        ("items",),
    ),
}
"""Schemas by full name."""
