"""Every baseline the benchmarks compare with, as fast as a careful user would write it.

Each is a program of its own, run as `python -m bench.baselines NAME`, so that it pays for nothing that it
does not need.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def imports() -> None:
    """Import what any Kopf operator that asks registries and serves metrics needs, and nothing else."""
    import aiohttp.web  # noqa: F401, PLC0415
    import kopf  # noqa: F401, PLC0415
    import prometheus_client  # noqa: F401, PLC0415
    import requests  # noqa: F401, PLC0415
    from kubernetes import client, config  # noqa: F401, PLC0415


def empty_operator() -> None:
    """Run a Kopf operator that watches what ours watches, and does nothing with it."""
    import kopf  # noqa: PLC0415

    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_via_client)

    async def nothing(**_: Any) -> None:
        return

    kopf.on.event("image.openshift.io", "v1alpha1", "imagestreams", registry=registry)(nothing)
    kopf.on.event("v1", "secrets", registry=registry)(nothing)
    kopf.on.event("apps", "v1", "deployments", registry=registry)(nothing)
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False

    async def run() -> None:
        ready = asyncio.Event()
        operator = asyncio.create_task(
            kopf.operator(
                registry=registry, settings=settings, standalone=True, clusterwide=True, ready_flag=ready
            )
        )
        await ready.wait()
        print("ready", flush=True)
        await operator

    asyncio.run(run())


def watching(count: str) -> None:
    """Run a Kopf operator with settings as ours that does nothing with so many Deployments; say "seen"."""
    import kopf  # noqa: PLC0415

    # Storages that store nothing, as ours: Kopf then neither copies nor compares bodies.
    none = dict.fromkeys(("fetch", "store", "purge", "touch"), lambda *_, **__: None)
    diffs = type("D", (kopf.DiffBaseStorage,), {**none, "build": lambda *_, **__: kopf.BodyEssence()})
    progress = type("P", (kopf.ProgressStorage,), {**none, "clear": lambda _, essence: essence})
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = diffs()
    settings.persistence.progress_storage = progress()
    settings.watching.chunk_size = 500
    settings.queueing.idle_timeout = 0.1
    seen = itertools.count(1)
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_via_client)

    async def nothing(**_: Any) -> None:
        return

    async def counted(**_: Any) -> None:
        if next(seen) == int(count):
            print("seen", flush=True)

    kopf.on.event("image.openshift.io", "v1alpha1", "imagestreams", registry=registry)(nothing)
    for plural in ("statefulsets", "daemonsets"):
        kopf.on.event("apps", "v1", plural, registry=registry)(nothing)
    kopf.on.event("batch", "v1", "cronjobs", registry=registry)(nothing)
    kopf.on.event("apps", "v1", "deployments", registry=registry)(counted)
    asyncio.run(kopf.operator(registry=registry, settings=settings, standalone=True, clusterwide=True))


def paged_list(kubeconfig: str) -> None:
    """List all streams in pages of 500 over one kept connection, and print how many seconds that took."""
    import json  # noqa: PLC0415
    import time  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from bench.populate import Admin  # noqa: PLC0415

    admin = Admin(Path(kubeconfig))
    path = f"{admin.server}/apis/image.openshift.io/v1alpha1/imagestreams"
    began = time.monotonic()
    token, kept = "", []
    while True:
        answer = admin.session().get(path, params={"limit": "500", "continue": token}, timeout=60)
        if not answer.ok:
            sys.exit(f"{path}: {answer.status_code} {answer.text[:300]}")
        page = json.loads(answer.content)
        kept += page["items"]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    print(time.monotonic() - began)


def first_import(host: str, repository: str, tags: str) -> None:
    """Ask for the tags v0, v1 ... of a repository and get their manifests; print how many seconds."""
    import time  # noqa: PLC0415

    import requests  # noqa: PLC0415

    from imagestreams.registry.manifests import ACCEPT  # noqa: PLC0415

    base = f"http://{host}/v2/{repository}/manifests"
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Accept"] = ACCEPT
        began = time.monotonic()
        for number in range(int(tags)):
            found = session.head(f"{base}/v{number}", timeout=10)
            found.raise_for_status()
            session.get(f"{base}/{found.headers['Docker-Content-Digest']}", timeout=10).raise_for_status()
        print(time.monotonic() - began)


def heads(host: str, prefix: str, shape: str, threads: str, seconds: str) -> None:
    """Ask for tags over and over, a session a thread; print how many a second, and seconds of processor each.

    With the shape 100x50 they are v0 to v49 of prefix-0 to prefix-99.
    """
    import threading  # noqa: PLC0415
    import time  # noqa: PLC0415

    import requests  # noqa: PLC0415

    from imagestreams.registry.manifests import ACCEPT  # noqa: PLC0415

    repositories, _, tags = shape.partition("x")
    urls = [
        f"http://{host}/v2/{prefix}-{repository}/manifests/v{tag}"
        for repository in range(int(repositories))
        for tag in range(int(tags))
    ]
    counts = [0] * int(threads)

    def ask(mine: int, until: float) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Accept"] = ACCEPT
            for url in itertools.cycle(urls[mine :: int(threads)]):
                found = session.head(url, timeout=10)
                found.raise_for_status()
                if not found.headers["Docker-Content-Digest"]:
                    raise RuntimeError(f"{url} has no digest")
                counts[mine] += 1
                if time.monotonic() >= until:
                    return

    began, used = time.monotonic(), time.process_time()
    asking = [
        threading.Thread(target=ask, args=(mine, began + float(seconds))) for mine in range(int(threads))
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    print(sum(counts) / (time.monotonic() - began), (time.process_time() - used) / sum(counts))


BASELINES: dict[str, Callable[..., None]] = {
    "imports": imports,
    "empty-operator": empty_operator,
    "watching": watching,
    "paged-list": paged_list,
    "first-import": first_import,
    "heads": heads,
}

if __name__ == "__main__":
    BASELINES[sys.argv[1]](*sys.argv[2:])
