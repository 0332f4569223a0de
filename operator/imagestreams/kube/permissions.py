"""May a namespace take images of a stream of another? Asked by SubjectAccessReview, as the original does.

Whoever can be named in a namespace counts: the groups of its service accounts. Called by
importing.permitting, which remembers the answers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from imagestreams.kube.resources import GROUP, SUBJECT_ACCESS_REVIEWS
from imagestreams.model.permission import Permission

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from imagestreams.kube.api import Api
    from imagestreams.model.stream import StreamKey


class PermissionAsker:
    """Asks the API server, in threads of its own."""

    def __init__(self, api: Api, threads: Executor) -> None:
        self._api = api
        self._threads = threads

    async def ask(self, namespace: str, stream: StreamKey) -> Permission:
        """Ask whether anybody in a namespace may get a stream's layers. Raises ClusterError."""
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "groups": [
                    f"system:serviceaccounts:{namespace}",
                    "system:serviceaccounts",
                    "system:authenticated",
                ],
                "resourceAttributes": {
                    "group": GROUP,
                    "resource": "imagestreams",
                    "subresource": "layers",
                    "verb": "get",
                    "namespace": stream.namespace,
                    "name": stream.name,
                },
            },
        }
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(
            self._threads,
            lambda: self._api.request("POST", SUBJECT_ACCESS_REVIEWS.path(), body=review),
        )
        granted = bool(answer.get("status", {}).get("allowed"))
        return Permission(granted, "" if granted else how_to_grant(namespace, stream))


def how_to_grant(namespace: str, stream: StreamKey) -> str:
    """Give the command that lets a namespace take images of a stream."""
    return (
        f"kubectl create rolebinding pull-from-{namespace} --namespace={stream.namespace} "
        f"--clusterrole=system:image-puller --group=system:serviceaccounts:{namespace}"
    )
