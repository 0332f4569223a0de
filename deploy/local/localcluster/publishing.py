"""Bringing images to a registry over its HTTP API, and taking them away.

A small client for tests and demos, on purpose not the product's own: what the product reads was written by
other hands. `images` makes what is pushed here.
"""

from types import TracebackType
from typing import Self

import requests

from localcluster.errors import LocalClusterError
from localcluster.images import MEDIA_TYPES, Manifest, digest_of

_TIMEOUT = 30
_MANIFESTS = ", ".join(
    media_types[kind] for media_types in MEDIA_TYPES.values() for kind in ("index", "manifest")
)


class Publisher:
    """Pushes to and deletes from one registry.

    `registry` is host:port. Plain HTTP unless `verify` is given: a CA file, or True for the system's CAs, or
    False for TLS without verification. `user` and `password` are sent as basic auth.
    """

    def __init__(
        self, registry: str, *, user: str = "", password: str = "", verify: str | bool | None = None
    ) -> None:
        self._base = f"{'http' if verify is None else 'https'}://{registry}/v2/"
        self._session = requests.Session()
        self._session.verify = True if verify is None else verify
        # Neither a proxy nor a .netrc has a say in what happens on loopback.
        self._session.trust_env = False
        if user:
            self._session.auth = (user, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def push(self, repository: str, reference: str, manifest: Manifest) -> str:
        """Push an image or an index, with all it needs, under a tag or its own digest; returns its digest."""
        for blob in manifest.blobs:
            self._push_blob(repository, blob)
        for child in manifest.children:
            self.push(repository, child.digest, child)
        self._request(
            "PUT",
            f"{repository}/manifests/{reference}",
            data=manifest.content,
            headers={"Content-Type": manifest.media_type},
        )
        return manifest.digest

    def delete(self, repository: str, reference: str) -> None:
        """Delete a manifest by digest, or what a tag points at now; other tags of that digest go too."""
        digest = reference if ":" in reference else self.digest(repository, reference)
        self._request("DELETE", f"{repository}/manifests/{digest}")

    def digest(self, repository: str, reference: str) -> str:
        """Return the digest that the registry has for a tag."""
        answer = self._request("HEAD", f"{repository}/manifests/{reference}", headers={"Accept": _MANIFESTS})
        return answer.headers["Docker-Content-Digest"]

    def _push_blob(self, repository: str, blob: bytes) -> None:
        digest = digest_of(blob)
        if self._session.head(f"{self._base}{repository}/blobs/{digest}", timeout=_TIMEOUT).ok:
            return
        where = self._request("POST", f"{repository}/blobs/uploads/").headers["Location"]
        self._request(
            "PUT",
            requests.compat.urljoin(self._base, where),
            params={"digest": digest},
            data=blob,
            headers={"Content-Type": "application/octet-stream"},
        )

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        url = path if path.startswith("http") else self._base + path
        answer = self._session.request(
            method, url, params=params, data=data, headers=headers, timeout=_TIMEOUT
        )
        if not answer.ok:
            raise LocalClusterError(f"{method} {url}: {answer.status_code} {answer.text[:500]}")
        return answer
