"""How long a first import takes: from the apply of a stream of many tags to its complete status.

The registry is a real one, as quick as it has to be; each run has a repository and images of its own, so
that nothing is remembered. Compared with a bare sequential loop of the requests that the status needs, a
HEAD and the manifest of each tag, in one session. The original takes 8.7 s for 20 tags and 23.7 s for 50, by
its own limiter.
"""

from __future__ import annotations

import secrets
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench.populate import Admin, create
from bench.reading import Watch, is_ready, path_of
from bench.report import Figure
from localcluster import Publisher, images
from support.manifests import stream, tag

if TYPE_CHECKING:
    from bench.bench import Bench

_SPACE = "first-import"
_SIZES = (20, 50)
_RUNS = 5


def measure(bench: Bench) -> list[Figure]:
    """Measure both sizes several times, the loop and the operator by turns."""
    admin = Admin(bench.cluster.kubeconfig)
    figures: list[Figure] = []
    with bench.namespaces(_SPACE), bench.operator():
        # The first of all pays for connections, as no stream after it does.
        _import(bench, admin, 1)
        for size in _SIZES:
            bench.say(f"first import: {size} tags, {_RUNS} times ...")
            pairs = [(_import(bench, admin, size), _loop(bench, size)) for _ in range(_RUNS)]
            ours = statistics.median(seconds for seconds, _ in pairs)
            ratio = ours / statistics.median(seconds for _, seconds in pairs)
            what = f"apply to complete status, {size} tags"
            figures += [
                Figure("first import", what, ours, "s", n=_RUNS),
                Figure("first import", what, ratio, "ratio", 2.0, "a sequential loop", _RUNS),
            ]
    return figures


def _push(bench: Bench, size: int) -> str:
    repository = f"bench/{secrets.token_hex(6)}"
    with Publisher(bench.cluster.registry) as publisher:
        for number in range(size):
            publisher.push(repository, f"v{number}", images.image({"f": images.File(secrets.token_bytes(8))}))
    return repository


def _import(bench: Bench, admin: Admin, size: int) -> float:
    repository = _push(bench, size)
    source = f"{bench.cluster.registry}/{repository}"
    manifest = stream(
        repository.rpartition("/")[2], *(tag(f"v{number}", f"{source}:v{number}") for number in range(size))
    )
    watch = Watch(admin, path_of(_SPACE))
    try:
        began = time.monotonic()
        create(admin, [(_SPACE, manifest)])
        done = next(when for when, found in watch.changed(within=60) if is_ready(found))
    finally:
        watch.close()
    return done - began


def _loop(bench: Bench, size: int) -> float:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.baselines",
            "first-import",
            bench.cluster.registry,
            _push(bench, size),
            str(size),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
