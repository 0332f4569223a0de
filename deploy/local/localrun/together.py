"""The operator, and one replica of the image API beside it: started, minded, ended in order.

The operator's end is the end of all, with its exit code. The image API is started again after a pause, as its
Deployment would: it ends by design where the API server gets another CA. On the way back it stops first and
hands v1 to the custom resources, then the operator stops. Used by `make run`.
"""

import asyncio
import dataclasses
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from localcluster import aggregated
from localcluster.errors import LocalClusterError
from localrun.child import Child, tell

_OPERATOR_READY_WITHIN = 60.0
_SERVED_WITHIN = 20.0
_LOOK_EVERY = 0.5
_PAUSE = 5.0
_IMAGE_API_STOPS_WITHIN = 5.0
_OPERATOR_STOPS_WITHIN = 10.0
_V1 = "/apis/image.openshift.io/v1"


@dataclasses.dataclass(frozen=True, slots=True)
class Admin:
    """Who may see and mend what the two cannot: the administrator that started them."""

    kubectl: Path
    kubeconfig: Path

    def sees_the_image_api(self) -> bool:
        """Tell whether the API server asks an image API for v1; takes five seconds at most."""
        command = [str(self.kubectl), f"--kubeconfig={self.kubeconfig}", "--request-timeout=5s"]
        done = subprocess.run([*command, "get", "--raw", _V1], capture_output=True, text=True, check=False)
        # The one resource that no custom resource definition has, whoever installed which.
        return '"imagestreams/layers"' in done.stdout

    def hand_back(self) -> None:
        """Give v1 back to the custom resources if nobody answers for it."""
        try:
            aggregated.hand_back(self.kubectl, self.kubeconfig, lambda line: tell("run", line))
        except LocalClusterError as error:
            tell("run", f"v1 could not be handed back: {error}; the next operator does it when it starts")


async def run_together(
    operator: Mapping[str, str], image_api: Mapping[str, str] | None, admin: Admin, *, health: str
) -> int:
    """Run them until told to stop, or the operator ends; the answer is the exit code.

    `operator` and `image_api` are their environments beside ours; without the second the operator runs alone.
    `health` is HOST:PORT where the operator tells that it is ready.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    child = Child("operator", "run", operator)
    await child.start()
    waits = [asyncio.create_task(child.wait()), asyncio.create_task(stop.wait())]
    beside = [asyncio.create_task(_beside(image_api, admin, health))] if image_api is not None else []
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in (*waits, *beside):
        task.cancel()
    # What went wrong beside is no reason to leave the operator running.
    for wrong in await asyncio.gather(*beside, return_exceptions=True):
        if isinstance(wrong, Exception):
            tell("run", f"nobody minded the image API any more: {wrong!r}")
    code = await child.stop(_OPERATOR_STOPS_WITHIN)
    # Before it listens for the signal it ends by it, which is what it was told.
    return 0 if stop.is_set() and code == 128 + signal.SIGTERM else code


async def _beside(settings: Mapping[str, str], admin: Admin, health: str) -> None:
    """Run the image API, again and again; returns where the API server does not reach it."""
    # An operator that starts reads v1, which must not change hands meanwhile.
    await _until_ready(health)
    reached = False
    while True:
        child = Child("image API", "apiserver", settings)
        await child.start()
        try:
            reached = reached or await _is_reached(child, admin)
            if not reached and not child.ended:
                tell(
                    "run",
                    f"without the image API: {_SERVED_WITHIN:.0f} s the API server did not reach it here",
                )
                return
            code = await child.wait()
        finally:
            if await child.stop(_IMAGE_API_STOPS_WITHIN) != 0:
                await asyncio.to_thread(admin.hand_back)
        tell("run", f"the image API ended with {code}; it is started again in {_PAUSE:.0f} s")
        await asyncio.sleep(_PAUSE)


async def _is_reached(child: Child, admin: Admin) -> bool:
    limit = time.monotonic() + _SERVED_WITHIN
    while time.monotonic() < limit and not child.ended:
        if await asyncio.to_thread(admin.sees_the_image_api):
            tell("run", "image.openshift.io/v1 is served by the image API now")
            return True
        await asyncio.sleep(_LOOK_EVERY)
    return False


async def _until_ready(health: str) -> None:
    limit = time.monotonic() + _OPERATOR_READY_WITHIN
    while time.monotonic() < limit:
        if await asyncio.to_thread(_ready, health):
            return
        await asyncio.sleep(_LOOK_EVERY)


def _ready(health: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{health}/readyz", timeout=2):  # the operator's own
            return True
    except OSError:
        return False
