"""Whether who asks may do it: the API server's answer to a SubjectAccessReview, remembered for a moment.

As delegated authorization in Kubernetes: what is allowed is remembered for ten seconds, what is not for ten.
Called by imageapi.server for every request, with exactly its attributes.
"""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Any

from imagestreams.errors import StatusError
from imagestreams.imageapi import answers
from imagestreams.imageapi.resources import GROUP, VERSION
from imagestreams.kube.resources import SUBJECT_ACCESS_REVIEWS
from imagestreams.model import border

if TYPE_CHECKING:
    from imagestreams.imageapi.asking import Ask
    from imagestreams.kube.upstream import Upstream

_REMEMBERED = 10.0
_MOST = 4096

_Key = tuple[object, ...]


class Authority:
    """Asks the API server, and remembers its answers."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._known: collections.OrderedDict[_Key, tuple[float, bool, str]] = collections.OrderedDict()

    async def check(self, ask: Ask) -> None:
        """Raise StatusError (403) where who asks may not, in the words of Kubernetes; 503 if not known."""
        key = (
            ask.user, ask.verb, ask.resource, ask.subresource, ask.namespace, ask.name
        )  # fmt: skip
        now = asyncio.get_running_loop().time()
        until, allowed, why = self._known.get(key, (0.0, False, ""))
        if until <= now:
            allowed, why = await self._review(ask)
            self._remember(key, (now + _REMEMBERED, allowed, why))
        if not allowed:
            raise answers.forbidden(ask.resource, ask.name, _words(ask) + (f": {why}" if why else ""))

    def _remember(self, key: _Key, known: tuple[float, bool, str]) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    async def _review(self, ask: Ask) -> tuple[bool, str]:
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": review_spec(ask),
        }
        try:
            found = await self._upstream.request("POST", SUBJECT_ACCESS_REVIEWS.path(), body=body)
        except StatusError as error:
            raise answers.unavailable(f"whether {ask.user.name} may do that is not known: {error}") from error
        status = border.mapping(found.get("status"))
        return status.get("allowed") is True, border.text(status.get("reason"))


def review_spec(ask: Ask) -> dict[str, Any]:
    """Write the spec of the SubjectAccessReview for a request."""
    attributes = border.without_empty(
        namespace=ask.namespace,
        verb=ask.verb,
        group=GROUP,
        version=VERSION,
        resource=ask.resource,
        subresource=ask.subresource,
        name=ask.name,
    )
    return {
        "user": ask.user.name,
        "resourceAttributes": attributes,
        **border.without_empty(
            groups=list(ask.user.groups),
            uid=ask.user.uid,
            extra={key: list(values) for key, values in ask.user.extra},
        ),
    }


def _words(ask: Ask) -> str:
    path = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
    where = f' in the namespace "{ask.namespace}"' if ask.namespace else " at the cluster scope"
    return f'User "{ask.user.name}" cannot {ask.verb} resource "{path}" in API group "{GROUP}"{where}'
