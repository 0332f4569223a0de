"""What a tag costs that moved: every request of the check that sees it, and of the Image stored of it.

Twenty tags of single images, and twenty of indexes of four platforms of which Legacy takes one, all moved
between two rounds. A GET of a manifest is what registries count as a pull. The registry is of
support.faults: it tells requests apart by what they ask for.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bench.populate import Admin, create
from bench.reading import between_rounds, current, path_of, wait_ready
from bench.report import Figure
from support.faults import FaultRegistry, separate_registry
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from bench.bench import Bench
    from localrun import OperatorProcess

_SPACE = "moved"
_TAGS = 20
_PLATFORMS = ("linux/amd64", "linux/arm64/v8", "linux/s390x", "linux/ppc64le")
_NAMES = [f"v{number}" for number in range(_TAGS)]


def measure(bench: Bench) -> list[Figure]:
    """Count both kinds, one after the other."""
    admin = Admin(bench.cluster.kubeconfig)
    figures: list[Figure] = []
    for kind, most, pulls in (("single", 3, 1), ("index", 4, 2)):
        with separate_registry() as registry, bench.namespaces(_SPACE), bench.operator() as operator:
            bench.say(f"moved: {_TAGS} tags, {kind} ...")
            asked, fetched = _count(admin, operator, registry, kind)
        what = "an index of four platforms, Legacy" if kind == "index" else "a single image"
        figures += [
            Figure("moved", f"requests a tag, {what}", asked / _TAGS, "requests", most, n=_TAGS),
            Figure("moved", f"of these pulls, {what}", fetched / _TAGS, "GETs", pulls, n=_TAGS),
        ]
    return figures


def _count(admin: Admin, operator: OperatorProcess, registry: FaultRegistry, kind: str) -> tuple[int, int]:
    for name in _NAMES:
        _put(registry, kind, name)
    tags = (tag(name, f"{registry.host}/team/app:{name}", scheduled=True) for name in _NAMES)
    create(admin, [(_SPACE, stream("app", *tags, interval="10s"))])
    wait_ready(admin, [_SPACE])
    _await_images(registry)
    digests = {name: _put(registry, kind, None) for name in _NAMES}
    # What is asked between the reset and the move would count without having moved.
    heads = registry.count("manifest-head")
    eventually(lambda: registry.count("manifest-head") >= heads + _TAGS, within=30, what="a whole round")
    between_rounds(operator, [registry.host], registry.reset)
    for name, digest in digests.items():
        registry.move("team/app", name, digest)
    expected = {name: _chosen(registry, kind, digest) for name, digest in digests.items()}
    eventually(
        lambda: current(admin.request("GET", path_of(_SPACE, "app"))) == expected,
        within=30,
        what="all tags moved",
    )
    _await_images(registry)
    return registry.count(), registry.count("manifest-get")


def _put(registry: FaultRegistry, kind: str, name: str | None) -> str:
    # Of its own in each run: an Image that is there already would not be asked for.
    content = secrets.token_hex(8)
    if kind == "index":
        return registry.put_index("team/app", name, _PLATFORMS, content)
    return registry.put_image("team/app", name, content)


def _chosen(registry: FaultRegistry, kind: str, digest: str) -> str:
    return registry.children("team/app", digest)[_PLATFORMS[0]] if kind == "index" else digest


def _await_images(registry: FaultRegistry) -> None:
    eventually(lambda: registry.count("blob") >= _TAGS, within=30, what="the Image of each tag")
