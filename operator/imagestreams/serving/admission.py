"""The admission webhook, over HTTPS: what the API server asks, and our answer as a JSON patch.

Thin: triggering.admit decides. Whatever comes in, an answer goes out at once: what is no review is a 400 that
says why. Nothing is written anywhere, so a dry run may ask too. Started by app, with a certificate of
serving.certificates.
"""

from __future__ import annotations

import base64
import json
import logging
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.model import border
from imagestreams.serving.posts import Posts, PostServer, Reply
from imagestreams.triggering.admit import Admitted
from imagestreams.triggering.lookup import Review

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from imagestreams.metrics import Metrics
    from imagestreams.triggering.admit import Admitter
    from imagestreams.triggering.targets import Target

_log = logging.getLogger(__name__)

PATH = "/admit"
_VERSION = "admission.k8s.io/v1"
_BODY_MOST = 8 * 1024 * 1024
"""The API server takes objects of 3 MiB; a review of an update holds two."""
_BODY_WITHIN = 2.0
"""As long as the API server itself waits."""
_CLOSING = 1.0
_OUTCOMES = ("changed", "unchanged", "malformed", "failed")


class AdmissionServer:
    """Serves until it is closed."""

    def __init__(self, admitter: Admitter, metrics: Metrics) -> None:
        self._admitter = admitter
        self._counted = {each: metrics.admissions.labels(each) for each in _OUTCOMES}
        self._server = PostServer(
            Posts(PATH, self._answer, self._refuse, most=_BODY_MOST, within=_BODY_WITHIN)
        )

    async def start(self, listen: str, context: ssl.SSLContext) -> None:
        """Listen at HOST:PORT. Raises StartError when that cannot be had.

        `context` holds the certificate; another one that is loaded into it counts from then on.
        """
        await self._server.start(listen, "IMAGESTREAMS_WEBHOOK_LISTEN", context)

    async def close(self) -> None:
        """Stop serving; what is being answered is answered."""
        await self._server.close(within=_CLOSING)

    def _answer(self, body: bytes) -> Reply:
        try:
            uid, review = parse_review(body, self._admitter.kind)
        except InvalidError as error:
            return self._refuse(400, str(error))
        try:
            admitted = self._admitter.admit(review) if review is not None else Admitted()
        except Exception:  # noqa: BLE001
            # A bug of ours about one object must not keep it from being stored.
            _log.exception("admission of one object failed; it is admitted as it is")
            self._counted["failed"].inc()
            admitted = Admitted()
        else:
            self._counted["changed" if admitted.operations else "unchanged"].inc()
        return Reply(200, json.dumps(render(uid, admitted)).encode())

    def _refuse(self, status: int, reason: str) -> Reply:
        self._counted["malformed"].inc()
        return Reply(status, f"{reason}\n".encode(), "text/plain; charset=utf-8")


def parse_review(body: bytes, kind: Callable[[str, str], Target | None]) -> tuple[str, Review | None]:
    """Read an AdmissionReview: its uid, and what is asked; None where nothing is ever changed.

    Raises InvalidError, which says what is wrong with it.
    """
    try:
        content = border.mapping(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"the body is not JSON: {str(error)[:200]}") from None
    if (content.get("apiVersion"), content.get("kind")) != (_VERSION, "AdmissionReview"):
        raise InvalidError(f"the body must be an AdmissionReview of {_VERSION}")
    request = border.mapping(content.get("request"))
    uid = border.text(request.get("uid"))
    if not uid:
        raise InvalidError("the AdmissionReview has no request.uid")
    resource = border.mapping(request.get("resource"))
    target = kind(border.text(resource.get("group")), border.text(resource.get("resource")))
    operation = request.get("operation")
    if target is None or request.get("subResource") or operation not in {"CREATE", "UPDATE"}:
        return uid, None
    namespace = border.text(request.get("namespace"))
    found, old = request.get("object"), request.get("oldObject")
    if not isinstance(found, dict):
        raise InvalidError(f"the AdmissionReview of {operation} has no request.object")
    if operation == "UPDATE" and not isinstance(old, dict):
        raise InvalidError("the AdmissionReview of UPDATE has no request.oldObject")
    # A name may still be missing here; the namespace counts as the API server names it.
    border.mapping(found.get("metadata"))["namespace"] = namespace
    return uid, Review(target, namespace, found, old if operation == "UPDATE" else None)


def render(uid: str, admitted: Admitted) -> dict[str, Any]:
    """Spell the answer to a review: whatever is found, the object is allowed."""
    response: dict[str, Any] = {"uid": uid, "allowed": True}
    if admitted.operations:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(admitted.operations).encode()).decode()
    if admitted.warnings:
        response["warnings"] = list(admitted.warnings)
    return {"apiVersion": _VERSION, "kind": "AdmissionReview", "response": response}
