"""Which part of the registry a request asks for."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from .authorization import repositories_of
from .connection import Request
from .records import Kind

TOKEN_PATH = "/token"
PARTS = re.compile(r"/v2/(?P<repository>.+)/(?:(?P<part>manifests|blobs)/(?P<reference>[^/]+)|tags/list)")


@dataclass(frozen=True, slots=True)
class Route:
    """The part asked for; `reference` is a tag or digest, both fields are "" where the part has none.

    The repository of a token request is the first that its scope names.
    """

    kind: Kind
    repository: str = ""
    reference: str = ""


def route(request: Request) -> Route:
    """Return the part of the registry that a request asks for; what is no part of it is "other"."""
    path = request.path
    if path == TOKEN_PATH and request.method in ("GET", "POST"):
        form = request.parameters() | parse_qs(request.body.decode("latin-1"))
        return Route("token", next(iter(repositories_of(form.get("scope", []))), ""))
    if path in ("/v2", "/v2/"):
        return Route("ping")
    parts = PARTS.fullmatch(path)
    if parts is None or request.method not in ("GET", "HEAD"):
        return Route("other")
    kind: Kind = "tags"
    if parts["part"] == "manifests":
        kind = "manifest-head" if request.method == "HEAD" else "manifest-get"
    elif parts["part"] == "blobs":
        kind = "blob"
    return Route(kind, parts["repository"], parts["reference"] or "")
