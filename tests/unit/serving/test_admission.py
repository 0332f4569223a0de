"""The webhook over real HTTPS: reviews are answered as the API server expects, all else with a reason."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import json
import socket
import ssl
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError, StartError
from imagestreams.metrics import Metrics
from imagestreams.serving import admission
from imagestreams.serving.admission import PATH, AdmissionServer, parse_review
from imagestreams.serving.certificates import Certificates
from imagestreams.triggering.admit import Admitter
from imagestreams.triggering.patch import own_namespace
from imagestreams.triggering.targets import TARGETS
from unit.triggering.deployments import A, deployment, stream, trigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from imagestreams.model.stream import Stream, StreamKey

NOW = dt.datetime.now(dt.UTC)
DEPLOYMENTS = {"group": "apps", "version": "v1", "resource": "deployments"}


def admitter(known: Stream | None = None) -> Admitter:
    """Decide with one stream."""

    def stream_of(key: StreamKey) -> Stream | None:
        return known if known is not None and known.key == key else None

    return Admitter(
        targets=TARGETS,
        stream_of=stream_of,
        permission=own_namespace,
        held=lambda _: False,
    )


def review(body: Any = None, **request: Any) -> dict[str, Any]:
    """Write a review of the creation of a Deployment, as the API server sends it."""
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "r-1",
            "resource": DEPLOYMENTS,
            "operation": "CREATE",
            "namespace": "shop",
            "object": deployment(trigger()) if body is None else body,
            "oldObject": None,
            "dryRun": True,
            **request,
        },
    }


class Served:
    """A webhook that listens, and a client that trusts it."""

    def __init__(self, port: int, session: aiohttp.ClientSession, metrics: Metrics) -> None:
        self.port = port
        self.session = session
        self.metrics = metrics
        self.url = f"https://127.0.0.1:{port}{PATH}"

    async def post(self, data: Any, **options: Any) -> tuple[int, str]:
        """Post something; JSON unless it is bytes."""
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        async with self.session.post(self.url, data=content, **options) as answer:
            return answer.status, await answer.text()

    async def response(self, data: Any) -> dict[str, Any]:
        """Post a review; what is answered."""
        status, text = await self.post(data)
        assert 200 == status, text
        answer = json.loads(text)
        assert ("admission.k8s.io/v1", "AdmissionReview") == (answer["apiVersion"], answer["kind"])
        found: dict[str, Any] = answer["response"]
        return found

    def counted(self) -> dict[str, float]:
        """Tell how many reviews had which outcome."""
        (family,) = self.metrics.admissions.collect()
        totals = [each for each in family.samples if each.name.endswith("_total") and each.value]
        return {each.labels["outcome"]: each.value for each in totals}


def free_port() -> int:
    """Find a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def serving(decide: Admitter) -> AsyncIterator[Served]:
    """Serve for the length of a block."""
    metrics, certificates = Metrics(), Certificates(["127.0.0.1"], NOW)
    server = AdmissionServer(decide, metrics)
    await server.start(f"127.0.0.1:{(port := free_port())}", certificates.context)
    trusting = ssl.create_default_context(cadata=certificates.bundle.decode())
    connector = aiohttp.TCPConnector(ssl=trusting)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Served(port, session, metrics)
    finally:
        await server.close()


@pytest.mark.asyncio
async def test_a_review_is_answered_with_a_patch() -> None:
    """What is changed comes as a base64 JSON patch under the uid of the review."""
    async with serving(admitter(stream(v1=A))) as served:
        response = await served.response(review())

        assert {"uid": "r-1", "allowed": True, "patchType": "JSONPatch"} == {
            name: value for name, value in response.items() if name != "patch"
        }
        assert [
            {"op": "add", "path": "/spec/template/spec/containers/0/image", "value": f"r.io/app@{A}"},
            {
                "op": "add",
                "path": "/metadata/annotations/imagestreams.dev~1resolved",
                "value": f"web=app:v1@{A}",
            },
        ] == json.loads(base64.b64decode(response["patch"]))
        assert {"changed": 1.0} == served.counted()


@pytest.mark.asyncio
async def test_what_needs_no_change_is_allowed_as_it_is() -> None:
    """Without a stream, for other resources, subresources and operations there is no patch."""
    async with serving(admitter()) as served:
        for changed in (
            {},
            {"resource": {"group": "apps", "resource": "controllerrevisions"}},
            {"subResource": "scale", "object": {}},
            {"operation": "DELETE", "object": None},
            {"operation": "UPDATE", "oldObject": deployment(trigger())},
        ):
            assert {"uid": "r-1", "allowed": True} == await served.response(review(**changed))
        assert {"unchanged": 5.0} == served.counted()


@pytest.mark.asyncio
async def test_warnings_reach_the_client() -> None:
    """What the user should know is in the answer, and the object is allowed all the same."""
    async with serving(admitter()) as served:
        response = await served.response(review(deployment({"from": {}})))

        assert response["allowed"] is True
        assert ["annotation image.openshift.io/triggers: entry 1: from.kind"] == [
            text.partition(" is ")[0] for text in response["warnings"]
        ]


MALFORMED = {
    "nothing": (b"", "the body is not JSON: "),
    "no JSON": (b"{", "the body is not JSON: "),
    "no text": (b"\xff\xfe\xff", "the body is not JSON: "),
    "deep": (b"[" * 100_000, "the body is not JSON: "),
    "a list": ([], "the body must be an AdmissionReview of admission.k8s.io/v1"),
    "another version": (
        {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"},
        "the body must be an AdmissionReview of admission.k8s.io/v1",
    ),
    "another kind": (
        {"apiVersion": "admission.k8s.io/v1", "kind": "Pod"},
        "the body must be an AdmissionReview of admission.k8s.io/v1",
    ),
    "no request": (
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"},
        "the AdmissionReview has no request.uid",
    ),
    "a wrong uid": (review(uid=7), "the AdmissionReview has no request.uid"),
    "no object": (review(object=None), "the AdmissionReview of CREATE has no request.object"),
    "a wrong object": (review(object="x"), "the AdmissionReview of CREATE has no request.object"),
    "no old object": (review(operation="UPDATE"), "the AdmissionReview of UPDATE has no request.oldObject"),
}


@pytest.mark.asyncio
async def test_what_is_no_review_is_refused_with_the_reason() -> None:
    """Whatever is sent, a 400 says what is wrong with it, and the next review is answered."""
    async with serving(admitter(stream(v1=A))) as served:
        for name, (sent, reason) in MALFORMED.items():
            status, text = await served.post(sent)
            assert (name, 400, True) == (name, status, text.startswith(reason)), text
        assert (await served.response(review()))["allowed"] is True
        assert {"malformed": float(len(MALFORMED)), "changed": 1.0} == served.counted()
        async with served.session.get(served.url) as answer:
            assert 405 == answer.status


@pytest.mark.asyncio
async def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than two objects of the API server's bound are not read, and what is packed is not unpacked."""
    monkeypatch.setattr(admission, "_BODY_MOST", 100_000)
    async with serving(admitter()) as served:
        zeros = b"0" * 50_000_000
        packed = zlib.compressobj(wbits=31)
        bomb = packed.compress(zeros) + packed.flush()

        assert 413 == (await served.post(b"0" * 200_000))[0]
        assert 400 == (await served.post(bomb, headers={"Content-Encoding": "gzip"}))[0]
        assert {"malformed": 2.0} == served.counted()


@pytest.mark.asyncio
async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stops in the middle is told so after two seconds; meanwhile others are answered."""
    monkeypatch.setattr(admission, "_BODY_WITHIN", 0.2)
    async with serving(admitter(stream(v1=A))) as served:
        never = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"{"
            await never.wait()

        waiting = asyncio.create_task(
            served.session.post(served.url, data=slow(), headers={"Content-Length": "9"})
        )
        await asyncio.sleep(0)
        assert (await served.response(review()))["allowed"] is True
        answer = await waiting
        assert (408, "the request did not arrive within 0 s\n") == (answer.status, await answer.text())
        answer.close()


@pytest.mark.asyncio
async def test_a_bug_of_ours_lets_the_object_in(caplog: pytest.LogCaptureFixture) -> None:
    """Where deciding fails the object is admitted as it is, and the log has the reason."""

    def broken(_: StreamKey) -> Stream | None:
        raise ZeroDivisionError

    decide = Admitter(targets=TARGETS, stream_of=broken, permission=own_namespace, held=lambda _: False)
    async with serving(decide) as served:
        assert {"uid": "r-1", "allowed": True} == await served.response(review())
        assert {"failed": 1.0} == served.counted()
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.asyncio
@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999"])
async def test_where_it_cannot_listen_it_does_not_start(listen: str) -> None:
    """An address that is none is a StartError that names the setting."""
    server = AdmissionServer(admitter(), Metrics())
    with pytest.raises(StartError, match=r"^IMAGESTREAMS_WEBHOOK_LISTEN=.* cannot be listened at: "):
        await server.start(listen, Certificates(["127.0.0.1"], NOW).context)
    await server.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["CREATE", "UPDATE"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["uid", "resource", "group", "operation", "object", "oldObject", "namespace"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(request=JSON)
def test_a_review_is_read_or_refused_whatever_it_holds(request: Any) -> None:
    """Nothing but InvalidError comes out of reading a review, and what is read can be decided."""
    decide = admitter(stream(v1=A))
    whole = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    with contextlib.suppress(InvalidError):
        uid, found = parse_review(json.dumps(whole).encode(), decide.kind)
        assert uid
        if found is not None:
            decide.admit(found)
