"""Every baseline the benchmarks compare with, as fast as a careful user would write it.

Each is a program of its own, run as `python -m bench.baselines NAME`, so that it pays for nothing that it
does not need.
"""

from __future__ import annotations

import asyncio
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
        page = json.loads(answer.content)
        kept += page["items"]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    print(time.monotonic() - began)


BASELINES: dict[str, Callable[..., None]] = {
    "imports": imports,
    "empty-operator": empty_operator,
    "paged-list": paged_list,
}

if __name__ == "__main__":
    BASELINES[sys.argv[1]](*sys.argv[2:])
