"""Ten thousand streams of five tags: how long a start takes, what it costs in memory, whether idle is idle.

Every stream has the status that the operator itself would have given it (4 KB), every tag its Image, and a
quick registry serves what that status says: nothing moved, and nothing is to be written. A start is over
when every stream is stored and has its due time; it is compared with a bare paged LIST of the same objects.
The registry is a quick one of tests/support: a real one would have to be filled with 50,000 tags first, and
counts nothing.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.planting import Etcd, key_of, like
from bench.populate import Admin, Population, create, settled
from bench.report import Figure
from imagestreams.model.image import Image
from imagestreams.model.stream import Stream
from support.manifests import stream, tag
from support.quick import manifest_of, quick_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.bench import Bench
    from localrun import OperatorProcess
    from support.manifests import Manifest
    from support.quick import QuickRegistry

_SIZES = (1_000, 3_000, 10_000)
_VERSION = "image.openshift.io/v1"
_TAGS = 5
_MOVES = 2
_RUNS = 3
_WITHIN = 120.0
_SETTLE = 5.0
_IDLE = 70.0
"""In the first minute after a start each tag is asked for once, where the machine has time for it."""


class _Start:
    """One start of the operator, and what it took."""

    def __init__(self, bench: Bench, streams: int) -> None:
        began = time.monotonic()
        with bench.operator() as operator:
            _wait_until_known(operator, streams)
            self.seconds = time.monotonic() - began
            _wait_for(operator, lambda told: told("images") >= streams * _TAGS)
            time.sleep(_SETTLE)
            self.peak = peak_memory(operator.pid)


def measure(bench: Bench) -> list[Figure]:
    """Measure at a thousand, three thousand and ten thousand streams."""
    figures: list[Figure] = []
    empties = [_Start(bench, 0) for _ in range(_RUNS)]
    nothing = statistics.median(start.seconds for start in empties)
    bare = max(start.peak for start in empties)
    times: dict[int, float] = {}
    peaks: dict[int, float] = {}
    population = Population(_SIZES[-1], 20, "scale")
    with contextlib.ExitStack() as stack:
        registry = stack.enter_context(quick_registry())
        stack.enter_context(bench.namespaces(*population.spaces()))
        field = _Field(bench, registry, population)
        stack.callback(field.clear)
        there = 0
        for size in _SIZES:
            bench.say(f"scale: making {size - there} streams ...")
            field.fill(there, size)
            there = size
            # By turns: whatever else the machine does meanwhile then weighs on both alike.
            pairs = [(_list_time(bench), _Start(bench, size)) for _ in range(_RUNS)]
            starts = [start for _, start in pairs]
            times[size] = statistics.median(start.seconds for start in starts)
            peaks[size] = max(start.peak for start in starts)
            lists = [took for took, _ in pairs]
            told = f"{size} streams: start {times[size]:.1f} s, LIST {statistics.median(lists):.1f} s"
            bench.say(f"scale: {told}, peak {peaks[size]:.0f} MiB")
            if size == _SIZES[-1]:
                ratio = statistics.median(start.seconds / took for took, start in pairs)
                figures += [
                    Figure("scale", "start to all known", times[size], "s", n=_RUNS),
                    Figure("scale", "start to all known", ratio, "ratio", 3.0, "a paged LIST", _RUNS),
                    Figure("scale", "peak memory", peaks[size], "MiB", 350, n=_RUNS),
                    *_idle(bench, registry, size),
                ]
    small, large = _SIZES[0], _SIZES[-1]
    extent = math.log(large / small)
    grown = math.log((peaks[large] - bare) / max(peaks[small] - bare, 1.0)) / extent
    took = math.log((times[large] - nothing) / max(times[small] - nothing, 0.01)) / extent
    what = f"{small} to {large} streams, over a start with none"
    return [
        *figures,
        Figure("growth", "time to start", took, "exponent", 1.1, what, _RUNS),
        Figure("growth", "peak memory", grown, "exponent", 1.1, what, _RUNS),
    ]


class _Field:
    """Where streams and the Images of their tags are planted."""

    def __init__(self, bench: Bench, registry: QuickRegistry, population: Population) -> None:
        self._registry = registry
        self._etcd = Etcd(bench.cluster.etcd)
        self._names = list(population.names())
        self._prefix = population.prefix
        admin = Admin(bench.cluster.kubeconfig)
        namespace, name = self._names[0]
        create(admin, [(namespace, self._stream(name))], moves=_MOVES)
        self._stream_pattern = self._etcd.stored(key_of("imagestreams", namespace, name))
        first, body = self._image(name, 0)
        admin.request("POST", "/apis/image.openshift.io/v1/images", {"apiVersion": _VERSION, **body})
        self._image_pattern = self._etcd.stored(key_of("images", first))

    def fill(self, start: int, end: int) -> None:
        """Plant streams by their numbers, and what they name."""
        self._etcd.plant(self._streams(start, end))
        self._etcd.plant(self._images(start, end))

    def clear(self) -> None:
        """Take all of it away: Images outlive their namespaces, and to delete so many takes minutes."""
        self._etcd.uproot(key_of("imagestreams", f"{self._prefix}-"))
        self._etcd.uproot(key_of("images", ""))

    def _streams(self, start: int, end: int) -> Iterator[tuple[str, dict[str, Any]]]:
        for namespace, name in self._names[max(start, 1) : end]:
            planted = like(self._stream_pattern, name=name, namespace=namespace)
            planted["spec"], planted["status"] = self._stream(name)["spec"], {}
            planted["status"] = settled(Stream.parse(planted), _MOVES)
            yield key_of("imagestreams", namespace, name), planted

    def _images(self, start: int, end: int) -> Iterator[tuple[str, dict[str, Any]]]:
        for _, name in self._names[max(start, 1) : end]:
            for number in range(_TAGS):
                yield self._planted_image(name, number)
        if start == 0:
            for number in range(1, _TAGS):
                yield self._planted_image(self._names[0][1], number)

    def _planted_image(self, name: str, number: int) -> tuple[str, dict[str, Any]]:
        image, body = self._image(name, number)
        return key_of("images", image), {
            **like(self._image_pattern, name=image),
            "dockerImageReference": body["dockerImageReference"],
        }

    def _stream(self, name: str) -> Manifest:
        tags = [tag(f"v{number}", self._source(name, number), scheduled=True) for number in range(_TAGS)]
        return stream(name, *tags)

    def _source(self, name: str, number: int) -> str:
        # As in a real cluster no two streams name the same digest: equal texts are kept once.
        return f"{self._registry.host}/team/{name}:{name}-v{number}"

    def _image(self, name: str, number: int) -> tuple[str, Manifest]:
        digest = manifest_of(f"{name}-v{number}")[0]
        image = Image(digest, "application/vnd.oci.image.manifest.v1+json")
        return image.name, image.to_json(f"{self._registry.host}/team/{name}@{digest}")


def _idle(bench: Bench, registry: QuickRegistry, streams: int) -> list[Figure]:
    registry.reset()
    with bench.operator({"IMAGESTREAMS_SWEEP_INTERVAL": "40s"}) as operator:
        _wait_until_known(operator, streams)
        before = _processor(operator.pid)
        bench.say("scale: a minute of checks ...")
        time.sleep(_IDLE)
        checks = registry.counts().get("HEAD", 0)
        used = _processor(operator.pid) - before
        if not checks:
            raise RuntimeError("no tag was asked for in the first minute")
        peak = peak_memory(operator.pid)
        writes = sum(
            float(count)
            for count in re.findall(
                r"^imagestreams_writes_total{.*} (\S+)$", operator.metrics(), re.MULTILINE
            )
        )
    return [
        Figure("scale", "peak memory after the first minute", peak, "MiB", 350),
        Figure("scale", "checks in the first minute", checks, "checks"),
        Figure("scale", "processor time for 1,000 checks", used / checks * 1000, "s", n=checks),
        Figure("scale", "writes while nothing moves", writes, "writes", 0),
        Figure("scale", "manifests fetched while nothing moves", registry.counts().get("GET", 0), "GETs", 0),
    ]


def _wait_until_known(operator: OperatorProcess, streams: int) -> None:
    _wait_for(operator, lambda told: told("streams") == told("streams_looked_at") == streams)


def _wait_for(operator: OperatorProcess, done: Callable[[Callable[[str], float]], bool]) -> None:
    """Wait until what the operator's metrics tell, by name, is as it has to be; raises RuntimeError."""
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        text = operator.metrics()
        if done(functools.partial(_told, text)):
            return
        time.sleep(0.1)
    raise RuntimeError(f"after {_WITHIN:.0f} s the operator does not know all that there is:\n{text}")


def _told(text: str, name: str) -> float:
    found = re.search(rf"^imagestreams_{name} (\S+)", text, re.MULTILINE)
    return float(found[1]) if found else math.nan


def _list_time(bench: Bench) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.baselines", "paged-list", str(bench.cluster.kubeconfig)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def peak_memory(pid: int) -> float:
    """Give the most memory that a process ever had, in MiB. RuntimeError where it is gone."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError(f"process {pid} is gone")
    return int(found[1]) / 1024


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
