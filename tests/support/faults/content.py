"""What the registry holds in memory: repositories with manifests, tags and blobs, and the answers to readers.

A good registry by the OCI distribution specification; it knows nothing of faults and credentials. Writers
take a lock, readers do not: each of their steps is one look-up in a dictionary.
"""

import json
from dataclasses import dataclass, field
from threading import Lock

from .answers import Answer, error_answer, json_answer
from .connection import Request
from .images import Image, digest_of


@dataclass(slots=True)
class Repository:
    """One repository; `answers` holds a ready answer for each manifest, by digest."""

    answers: dict[str, Answer] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Content:
    """All repositories. `page` is the longest tags page served, whatever the client asks (None: no limit).

    With `tells_digests` a list holds a map of the manifests, as Google's registries answer.
    """

    page: int | None = None
    tells_digests: bool = False
    _repositories: dict[str, Repository] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def put_manifest(self, repository: str, tag: str | None, body: bytes, media_type: str) -> str:
        """Store a manifest as it is, point `tag` at it, return its digest."""
        digest = digest_of(body)
        answer = Answer(
            200,
            {
                "Content-Type": media_type,
                "Docker-Content-Digest": digest,
                "Docker-Distribution-Api-Version": "registry/2.0",
                "Etag": f'"{digest}"',
            },
            body,
        )
        with self._lock:
            held = self._repositories.setdefault(repository, Repository())
            held.answers[digest] = answer
            if tag is not None:
                held.tags[tag] = digest
        return digest

    def put_image(self, repository: str, tag: str | None, image: Image) -> str:
        """Store an image with its config and layer, return the manifest's digest."""
        digest = self.put_manifest(repository, tag, image.manifest, image.media_type)
        self.put_blob(repository, image.config)
        self.put_blob(repository, image.layer)
        return digest

    def put_blob(self, repository: str, body: bytes) -> str:
        """Store a blob, return its digest."""
        digest = digest_of(body)
        with self._lock:
            self._repositories.setdefault(repository, Repository()).blobs[digest] = body
        return digest

    def move(self, repository: str, tag: str, digest: str) -> None:
        """Point `tag` at a manifest that is there; raises KeyError where it is not."""
        with self._lock:
            held = self._repositories[repository]
            held.answers[digest]
            held.tags[tag] = digest

    def delete(self, repository: str, reference: str) -> None:
        """Remove a tag, or a manifest with all its tags; raises KeyError where there is none."""
        with self._lock:
            held = self._repositories[repository]
            if not reference.startswith("sha256:"):
                del held.tags[reference]
                return
            del held.answers[reference]
            held.tags = {tag: digest for tag, digest in held.tags.items() if digest != reference}

    def digest(self, repository: str, tag: str) -> str:
        """Return the digest that `tag` points at; raises KeyError where there is none."""
        return self._repositories[repository].tags[tag]

    def manifest_answer(self, request: Request, repository: str, reference: str) -> Answer:
        """Answer a HEAD or GET of a manifest by tag or digest."""
        held = self._repositories.get(repository)
        if held is None:
            return error_answer(404, "NAME_UNKNOWN", "repository name not known to registry")
        answer = held.answers.get(held.tags.get(reference, reference))
        if answer is None:
            return error_answer(404, "MANIFEST_UNKNOWN", f"manifest unknown: {reference}")
        accept = request.headers.get("accept", "*/*")
        media_type = answer.headers["Content-Type"]
        if "*/*" not in accept and media_type not in accept:
            return error_answer(404, "MANIFEST_UNKNOWN", f"Accept header does not allow {media_type}")
        if answer.headers["Etag"] == request.headers.get("if-none-match"):
            return Answer(304, {"Etag": answer.headers["Etag"]})
        return answer

    def blob_answer(self, repository: str, digest: str) -> Answer:
        """Answer a HEAD or GET of a blob."""
        held = self._repositories.get(repository)
        body = None if held is None else held.blobs.get(digest)
        if body is None:
            return error_answer(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return Answer(
            200, {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}, body
        )

    def tags_answer(self, request: Request, repository: str) -> Answer:
        """Answer tags/list: lexical order, `n` and `last`, a Link to the next page while there is more."""
        held = self._repositories.get(repository)
        if held is None:
            return error_answer(404, "NAME_UNKNOWN", "repository name not known to registry")
        parameters = request.parameters()
        asked = parameters.get("n", [""])[0]
        if asked and not asked.isdigit():
            return error_answer(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
        last = parameters.get("last", [""])[0]
        tags = sorted(tag for tag in list(held.tags) if tag > last)
        limits = [limit for limit in (int(asked) if asked else None, self.page) if limit is not None]
        size = min(limits, default=len(tags))
        headers = {}
        if 0 < size < len(tags):
            headers["Link"] = f'</v2/{repository}/tags/list?last={tags[size - 1]}&n={size}>; rel="next"'
        body: dict[str, object] = {"name": repository, "tags": tags[:size]}
        if self.tells_digests:
            body |= {"child": [], "manifest": _manifest_map(held, set(tags[:size]))}
        return json_answer(200, body, headers)

    def children(self, repository: str, digest: str) -> dict[str, str]:
        """Return platform ("linux/arm64/v8") -> digest of an index; raises KeyError where there is none."""
        body = self._repositories[repository].answers[digest].body
        manifests = json.loads(body if isinstance(body, bytes) else b"{}").get("manifests", [])
        return {
            "/".join(
                child["platform"][key]
                for key in ("os", "architecture", "variant")
                if key in child["platform"]
            ): child["digest"]
            for child in manifests
        }


def _manifest_map(held: Repository, tags: set[str]) -> dict[str, dict[str, object]]:
    named: dict[str, dict[str, object]] = {}
    for digest, answer in held.answers.items():
        pointing = [tag for tag, target in held.tags.items() if target == digest and tag in tags]
        named[digest] = {
            "imageSizeBytes": "0",
            "layerId": "",
            "mediaType": answer.headers["Content-Type"],
            "tag": pointing,
            "timeCreatedMs": "1700000000000",
            "timeUploadedMs": "1700000000000",
        }
    return named
