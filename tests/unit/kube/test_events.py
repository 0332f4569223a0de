"""Events: posted once for what is said once, bounded, and never in anybody's way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagestreams.kube.events import EventPoster, Subject
from support.waiting import eventually

if TYPE_CHECKING:
    from imagestreams.kube.api import Api
    from unit.kube.apiserver import ApiServer

APP = Subject("image.openshift.io/v1", "ImageStream", "shop", "app", "u-1")


def test_an_event_says_what_about_whom(server: ApiServer, api: Api) -> None:
    """Type, reason and message, and the object it is about, as kubectl shows them."""
    with ThreadPoolExecutor(1) as threads:
        EventPoster(api, threads).post(APP, "ImportFailed", "why", warning=True)
    (asked,) = server.requests
    event = asked.body

    assert ("POST", "/api/v1/namespaces/shop/events") == (asked.method, asked.path)
    assert ("Warning", "ImportFailed", "why") == (event["type"], event["reason"], event["message"])
    assert {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "namespace": "shop",
        "name": "app",
        "uid": "u-1",
    } == event["involvedObject"]
    assert event["metadata"]["name"].startswith("app.")
    assert event["firstTimestamp"].endswith("Z")


def test_the_same_warning_again_is_one_event(
    server: ApiServer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """Told again, after a restart say, a warning is there already, and that is no trouble."""
    for _ in range(3):
        with ThreadPoolExecutor(1) as threads:
            EventPoster(api, threads).post(APP, "ImportFailed", "why", warning=True)

    assert 1 == len(server.objects)
    assert "lost" not in caplog.text


@pytest.mark.parametrize(
    "other",
    [
        (APP, "ImportFailed", "else"),
        (APP, "Other", "why"),
        (Subject("image.openshift.io/v1", "ImageStream", "shop", "app", "u-2"), "ImportFailed", "why"),
        (Subject("image.openshift.io/v1", "ImageStream", "shop", "other", "u-1"), "ImportFailed", "why"),
    ],
    ids=["message", "reason", "uid", "name"],
)
def test_what_is_said_otherwise_is_another_event(
    server: ApiServer, api: Api, other: tuple[Subject, str, str]
) -> None:
    """Another message, reason or object is news."""
    with ThreadPoolExecutor(1) as threads:
        poster = EventPoster(api, threads)
        poster.post(APP, "ImportFailed", "why", warning=True)
        poster.post(*other, warning=True)

    assert 2 == len(server.objects)


def test_a_long_message_and_name_are_cut(server: ApiServer, api: Api) -> None:
    """An Event's message has 1,024 characters at most, its name 253."""
    long = Subject("v1", "X", "shop", "n" * 253, "u-1")
    with ThreadPoolExecutor(1) as threads:
        EventPoster(api, threads).post(long, "R", "m" * 5000)
    event = server.requests[0].body

    assert 1024 == len(event["message"])
    assert len(event["metadata"]["name"]) <= 253


def test_an_event_that_is_refused_is_logged_and_forgotten(
    server: ApiServer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """No right to post, or no API server: a line in the log and nothing else."""
    server.canned.append((403, b'{"message": "forbidden"}'))
    with ThreadPoolExecutor(1) as threads:
        EventPoster(api, threads).post(APP, "R", "m")

    assert "the event R on shop/app is lost: forbidden" in caplog.text


def test_events_wait_for_what_matters_more(server: ApiServer, api: Api) -> None:
    """While patches are under way an Event is not posted, for a second at the most."""
    busy = True
    began = time.monotonic()
    with ThreadPoolExecutor(1) as threads:
        poster = EventPoster(api, threads, busy=lambda: busy)
        poster.post(APP, "R", "waits its second")
        eventually(lambda: server.requests, within=5, every=0.01, what="the first Event")
        waited = time.monotonic() - began
        poster.post(APP, "R", "waits for the end")
        busy = False

    assert 1.0 <= waited
    assert 2 == len(server.requests)


def test_events_do_not_pile_up(server: ApiServer, api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """While 2,000 wait, more are dropped, with a line in the log; afterwards they are posted again."""
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        poster = EventPoster(api, threads)
        threads.submit(go_on.wait)
        for number in range(2100):
            poster.post(APP, "R", str(number))
        go_on.set()

    assert 2000 == len(server.requests)
    assert 100 == caplog.text.count("too many events; dropped R on shop/app")
