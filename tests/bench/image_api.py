"""What the image API adds to what the CRD serves: lists, watches, and an import that finds nothing new.

Lists are read by turns over one kept connection, in pages of 500 as kubectl asks, to the parsed end: a
thousand streams of five tags as the CRD's own, as image.openshift.io/v1, and as imagestreamtags. A watch of
each sees the same writes. All go through the API server, as clients have it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any

import requests

from bench.populate import Admin, create
from bench.reading import percentile
from bench.report import Figure
from bench.scale import peak_memory
from imagestreams.imageapi.resources import find
from support.faults import FaultRegistry
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bench.bench import Bench

_SPACE = "image-api"
_STREAMS = 1000
_TAGS = 5
_ROUNDS = 15
_WRITES = 200
_IMPORTS = 20
_OWN = f"/apis/image.openshift.io/v1alpha1/namespaces/{_SPACE}"
_SERVED = f"/apis/image.openshift.io/v1/namespaces/{_SPACE}"


def measure(bench: Bench) -> list[Figure]:
    """Measure the lists and the watches, and the imports where they are served."""
    admin = Admin(bench.cluster.kubeconfig)
    with FaultRegistry() as registry, bench.namespaces(_SPACE):
        figures = _lists(bench, admin)
        return [*figures, *_imports(bench, admin, registry)] if find("imagestreamimports") else figures


def _lists(bench: Bench, admin: Admin) -> list[Figure]:
    named = (
        (
            _SPACE,
            stream(
                f"app-{number}",
                *(tag(f"v{each}", f"registry.example/app-{number}:v{each}") for each in range(_TAGS)),
            ),
        )
        for number in range(_STREAMS)
    )
    create(admin, named, moves=2)
    with bench.facade() as facade:
        began = peak_memory(facade.pid)
        bench.say(f"image-api: {_ROUNDS} lists of each kind, by turns ...")
        wanted = {
            f"{_OWN}/imagestreams": _STREAMS,
            f"{_SERVED}/imagestreams": _STREAMS,
            f"{_SERVED}/imagestreamtags": _STREAMS * _TAGS,
        }
        took: dict[str, list[float]] = {path: [] for path in wanted}
        for number in range(_ROUNDS + 2):
            for path, count in wanted.items():
                seconds = _listed(admin, path, count)
                if number > 1:
                    took[path].append(seconds)
        at_once = statistics.median(
            _listed(admin, f"{_SERVED}/imagestreamtags", _STREAMS * _TAGS, limit="") for _ in range(_ROUNDS)
        )
        _listed(admin, f"{_SERVED}/imagestreams", _STREAMS, limit="")
        peak = peak_memory(facade.pid)
        own, streams, tags = (statistics.median(times) for times in took.values())
        figures = [
            Figure("image-api", f"the CRD's own list of {_STREAMS:,} streams", own, "s", n=_ROUNDS),
            Figure(
                "image-api",
                "list of imagestreams",
                streams / own,
                "ratio",
                3.0,
                "the CRD's own list",
                _ROUNDS,
            ),
            Figure(
                "image-api",
                f"list of {_STREAMS * _TAGS:,} imagestreamtags",
                tags / own,
                "ratio",
                3.0,
                "the CRD's own list of their streams",
                _ROUNDS,
            ),
            Figure(
                "image-api", "the same without a limit", at_once / own, "ratio", None, "as above", _ROUNDS
            ),
            Figure("image-api", "peak memory of the image API", peak, "MiB"),
            Figure("image-api", "of that, for the lists", peak - began, "MiB"),
        ]
        return figures + _watches(bench, admin)


def _listed(admin: Admin, path: str, count: int, *, limit: str = "500") -> float:
    """Read a whole list, in pages where there is a limit; gives the seconds.

    Raises RuntimeError where it is not all there.
    """
    began, found, going_on = time.perf_counter(), 0, ""
    while True:
        query = {"limit": limit, **({"continue": going_on} if going_on else {})}
        answer = admin.session().get(admin.server + path, params=query, timeout=60)
        body = json.loads(answer.content)
        found += len(body["items"])
        going_on = body["metadata"].get("continue", "")
        if not going_on:
            break
    took = time.perf_counter() - began
    if found != count:
        raise RuntimeError(f"{path}: {found} of {count}")
    return took


def _watches(bench: Bench, admin: Admin) -> list[Figure]:
    bench.say(f"image-api: {_WRITES} writes, watched at both ...")
    own, served = (_Watcher(admin, f"{base}/imagestreams") for base in (_OWN, _SERVED))
    written: dict[str, float] = {}
    for number in range(_WRITES):
        name = f"app-{number}"
        body = {"metadata": {"annotations": {"touched": "yes"}}}
        written[name] = time.perf_counter()
        answer = admin.session().patch(
            f"{admin.server}{_OWN}/imagestreams/{name}",
            data=json.dumps(body),
            headers={"Content-Type": "application/merge-patch+json"},
            timeout=30,
        )
        answer.raise_for_status()
        time.sleep(0.02)
    delays = []
    for watcher in (own, served):
        eventually(functools.partial(watcher.saw, written), within=30, what="all events")
        delays.append([watcher.seen[name] - at for name, at in written.items()])
    medians = [statistics.median(each) for each in delays]
    last = [percentile(each, 0.99) for each in delays]
    what = "write to event of a watch"
    return [
        Figure("image-api", f"{what}, median", medians[1] * 1000, "ms", n=_WRITES),
        Figure(
            "image-api",
            f"{what}, median",
            medians[1] / medians[0],
            "ratio",
            None,
            "the CRD's own watch",
            _WRITES,
        ),
        Figure("image-api", f"{what}, p99", last[1] / last[0], "ratio", None, "the CRD's own watch", _WRITES),
    ]


class _Watcher:
    """A watch in a thread of its own, which notes when it saw each name modified."""

    def __init__(self, admin: Admin, path: str) -> None:
        self.seen: dict[str, float] = {}
        query = {"watch": "1", "timeoutSeconds": "120"}
        query["resourceVersion"] = admin.request("GET", f"{path}?limit=1")["metadata"]["resourceVersion"]

        def read() -> None:
            # The end of the image API ends it.
            with (
                contextlib.suppress(requests.RequestException),
                admin.session().get(admin.server + path, params=query, stream=True, timeout=120) as answer,
            ):
                for line in answer.iter_lines(chunk_size=None):
                    now = time.perf_counter()
                    event: dict[str, Any] = json.loads(line)
                    if event["type"] == "MODIFIED":
                        self.seen.setdefault(event["object"]["metadata"]["name"], now)

        threading.Thread(target=read, daemon=True).start()

    def saw(self, names: Collection[str]) -> bool:
        """Tell whether all of these were seen."""
        return all(name in self.seen for name in names)


def _imports(bench: Bench, admin: Admin, registry: FaultRegistry) -> list[Figure]:
    registry.put_image("team/app", "v1")
    body = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamImport",
        "metadata": {"name": "unchanged"},
        "spec": {
            "import": True,
            "images": [
                {
                    "from": {"kind": "DockerImage", "name": f"{registry.host}/team/app:v1"},
                    "to": {"name": "v1"},
                    "importPolicy": {"insecure": True},
                }
            ],
        },
    }

    def imported() -> str:
        answer = admin.request("POST", f"{_SERVED}/imagestreamimports", body)
        status: str = answer["status"]["images"][0]["status"]["status"]
        return status

    with bench.facade(), bench.operator():
        bench.say(f"image-api: {_IMPORTS} imports of an unchanged tag ...")
        _expect(imported)
        time.sleep(2)
        registry.reset()
        began = time.perf_counter()
        for _ in range(_IMPORTS):
            _expect(imported)
        took = (time.perf_counter() - began) / _IMPORTS
        time.sleep(2)
        asked = len(registry.requests) / _IMPORTS
    return [
        Figure(
            "image-api", "import of an unchanged tag", asked, "requests", 1.0, "3 of the original", _IMPORTS
        ),
        Figure("image-api", "import of an unchanged tag", took * 1000, "ms", n=_IMPORTS),
    ]


def _expect(imported: Callable[[], str]) -> None:
    if (status := imported()) != "Success":
        raise RuntimeError(f"the import ended as {status}")
