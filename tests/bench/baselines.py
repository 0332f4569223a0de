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


def patches(kubeconfig: str, namespace: str, shape: str, before: str, after: str) -> None:
    """Give Deployments another image, guarded by the one they have; print how many seconds that took.

    With the shape 1000x4 they are web-0 to web-999, patched by four threads.
    """
    import threading  # noqa: PLC0415
    import time  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from bench.populate import Admin  # noqa: PLC0415

    admin = Admin(Path(kubeconfig))
    body = _image_patch(before, after)
    count, _, threads = shape.partition("x")

    def write(mine: int) -> None:
        session = admin.session()
        for number in range(mine, int(count), int(threads)):
            _patch_image(session, admin.server, namespace, f"web-{number}", body)

    writing = [threading.Thread(target=write, args=(mine,)) for mine in range(int(threads))]
    began = time.monotonic()
    for thread in writing:
        thread.start()
    for thread in writing:
        thread.join()
    print(time.monotonic() - began)


def watch_then_patch(kubeconfig: str, namespace: str) -> None:
    """Watch the streams of a namespace; give the Deployment of the same name the image of each that moves."""
    import json  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    import requests  # noqa: PLC0415

    from bench.populate import Admin  # noqa: PLC0415

    admin = Admin(Path(kubeconfig))
    path = f"{admin.server}/apis/image.openshift.io/v1alpha1/namespaces/{namespace}/imagestreams"
    listed = admin.session().get(path, timeout=60).json()
    images = {one["metadata"]["name"]: _first_image(one) for one in listed["items"]}
    version = listed["metadata"]["resourceVersion"]
    watched = admin.session().get(
        path, params={"watch": "1", "resourceVersion": version}, stream=True, timeout=(5, 300)
    )
    print("ready", flush=True)
    with requests.Session() as session:
        session.trust_env = False
        session.verify, session.cert = admin.session().verify, admin.session().cert
        for line in watched.iter_lines(chunk_size=None):
            stream = json.loads(line)["object"]
            name, image = stream["metadata"]["name"], _first_image(stream)
            if image != images[name]:
                _patch_image(session, admin.server, namespace, name, _image_patch(images[name], image))
                images[name] = image


def _first_image(stream: dict[str, Any]) -> str:
    image: str = stream["status"]["tags"][0]["items"][0]["dockerImageReference"]
    return image


def _image_patch(before: str, after: str) -> str:
    import json  # noqa: PLC0415

    path = "/spec/template/spec/containers/0/image"
    resolved = f"web=app:v1@{after.rpartition('@')[2]}"
    return json.dumps(
        [
            {"op": "test", "path": path, "value": before},
            {"op": "add", "path": path, "value": after},
            {"op": "add", "path": "/metadata/annotations/imagestreams.dev~1resolved", "value": resolved},
        ]
    )


def _patch_image(session: Any, server: str, namespace: str, name: str, body: str) -> None:
    session.patch(
        f"{server}/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
        data=body,
        headers={"Content-Type": "application/json-patch+json"},
        timeout=30,
    ).raise_for_status()


BASELINES: dict[str, Callable[..., None]] = {
    "imports": imports,
    "empty-operator": empty_operator,
    "watching": watching,
    "paged-list": paged_list,
    "first-import": first_import,
    "heads": heads,
    "patches": patches,
    "watch-then-patch": watch_then_patch,
}

if __name__ == "__main__":
    BASELINES[sys.argv[1]](*sys.argv[2:])
