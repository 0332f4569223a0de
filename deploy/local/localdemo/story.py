"""The story: image1 is pushed, imported on schedule, deployed; version two is pushed, and the pods roll.

Every sentence printed is about something that was just seen in the cluster.
"""

import json
import subprocess
import time
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from localcluster import Cluster, Publisher, images
from localdemo.watch import Watch

_NAMESPACE = "demo-image1"
_REPOSITORY = "apasoft/image1"
_FIRST = "Hola, estas en la imagen con la versión primera de la aplicacion"
_SECOND = "Hola, estas en la imagen con la versión segunda de la aplicacion"
_INTERVAL = "5s"


class StoryError(Exception):
    """Something is not as the story says. The message says what."""


class Story:
    """Tells the story on one cluster, with the time since its beginning before each line."""

    def __init__(self, cluster: Cluster, console: Console) -> None:
        self._cluster = cluster
        self._console = console
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line with the time."""
        self._console.print(f"[dim]\\[{time.monotonic() - self._began:6.1f} s][/dim] {text}", highlight=False)

    def tell(self) -> None:
        """Tell it all. Raises StoryError or NotSeenError where it does not come true."""
        self._fresh_namespace()
        source = f"{self._cluster.registry}/{_REPOSITORY}"
        with ExitStack() as stack:
            publisher = stack.enter_context(Publisher(self._cluster.registry))
            first = publisher.push(_REPOSITORY, "latest", images.saying(_FIRST))
            self.say(f"pushed [b]{source}:latest[/b], version one: {first}")

            self._apply(_stream(source))
            self.say(f"applied ImageStream [b]image1[/b], its tag latest scheduled every {_INTERVAL}")
            digests = stack.enter_context(self._watch("is", "image1", "{.status.tags[0].items[0].image}"))
            digests.wait(lambda value: value == first, within=30, what="version one's digest in status")
            self.say("the stream's status has the digest")

            self._apply(_deployment())
            self.say('applied Deployment [b]im1[/b]: its image is " ", its annotation follows image1:latest')
            pods = stack.enter_context(
                self._watch(
                    "pods",
                    "--selector=app=im1",
                    "{.spec.containers[0].image} {.metadata.name} "
                    "{.status.containerStatuses[0].state.running.startedAt}",
                )
            )
            pod = self._running(pods, f"{source}@{first}")
            self._logged(pod, _FIRST)

            fields = stack.enter_context(
                self._watch("deployment", "im1", "{.spec.template.spec.containers[0].image}")
            )
            second = publisher.push(_REPOSITORY, "latest", images.saying(_SECOND))
            pushed = time.monotonic()
            self.say(f"pushed version two under the same tag: {second}")
            self.say("now nobody touches anything")
            in_status, _ = digests.wait(
                lambda value: value == second, within=30, what="version two's digest in status"
            )
            self.say("the schedule came round: the stream's status has the new digest")
            patched, _ = fields.wait(
                lambda value: value.endswith(second), within=30, what="version two in the Deployment"
            )
            self.say("the Deployment's image is the new digest")
            pod = self._running(pods, f"{source}@{second}")
            running, _ = pods.wait(
                lambda value: _runs(value, f"{source}@{second}"), within=1, what="version two's pod"
            )
            self._logged(pod, _SECOND)
        self._untouched()
        self._show("get", "imagestream")
        self._show("describe", "imagestream", "image1")
        self._account(pushed, in_status, patched, running)

    def _fresh_namespace(self) -> None:
        self._kubectl("delete", "namespace", _NAMESPACE, "--ignore-not-found", namespaced=False)
        self._kubectl("create", "namespace", _NAMESPACE, namespaced=False)

    def _running(self, pods: Watch, image: str) -> str:
        _, value = pods.wait(lambda value: _runs(value, image), within=90, what=f"a running pod of {image}")
        pod = value.split()[1]
        self.say(f"pod {pod} runs {image}")
        return pod

    def _logged(self, pod: str, text: str) -> None:
        deadline = time.monotonic() + 20
        while text not in (log := self._kubectl("logs", pod)):
            if time.monotonic() > deadline:
                raise StoryError(f"pod {pod} logged {log!r}, not {text!r}")
            time.sleep(0.2)
        self.say(f"it logged: [green]{log.strip()}[/green]")

    def _untouched(self) -> None:
        found = json.loads(self._kubectl("get", "deployment", "im1", "-o", "json", "--show-managed-fields"))
        writers = [
            entry["manager"]
            for entry in found["metadata"]["managedFields"]
            if '"f:image"' in json.dumps(entry["fieldsV1"])
        ]
        if writers != ["imagestreams"]:
            raise StoryError(f"the image was written by {writers}, not by the operator alone")
        resolved = found["metadata"]["annotations"]["imagestreams.dev/resolved"]
        self.say(f"the image field's only writer is the operator; it noted: {resolved}")

    def _account(self, pushed: float, in_status: float, patched: float, running: float) -> None:
        table = Table(title="From the push of version two", title_justify="left")
        table.add_column("until")
        table.add_column("after", justify="right")
        table.add_row(
            f"its digest is in the stream's status (asked every {_INTERVAL})", f"{in_status - pushed:.2f} s"
        )
        table.add_row("the Deployment is patched", f"{patched - pushed:.2f} s")
        table.add_row("the new pod runs", f"{running - pushed:.2f} s")
        self._console.print(table)
        self._console.print("All of it was seen.", style="bold green")

    def _show(self, *arguments: str) -> None:
        self._console.print(f"\n[b]$ kubectl {' '.join(arguments)}[/b]", highlight=False)
        self._console.print(self._kubectl(*arguments), markup=False, highlight=False, soft_wrap=True)

    def _apply(self, manifest: dict[str, object]) -> None:
        self._kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    def _watch(self, *arguments: str) -> Watch:
        *what, jsonpath = arguments
        return Watch(
            self._cluster.kubectl,
            self._cluster.kubeconfig,
            *what,
            f"--namespace={_NAMESPACE}",
            jsonpath=jsonpath,
        )

    def _kubectl(self, *arguments: str, stdin: str | None = None, namespaced: bool = True) -> str:
        where = [f"--namespace={_NAMESPACE}"] if namespaced else []
        done = subprocess.run(
            [str(self._cluster.kubectl), f"--kubeconfig={self._cluster.kubeconfig}", *where, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StoryError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


def _runs(value: str, image: str) -> bool:
    return value.startswith(f"{image} ") and len(value.split()) == 3


def _stream(source: str) -> dict[str, object]:
    tag = {
        "name": "latest",
        "from": {"kind": "DockerImage", "name": f"{source}:latest"},
        "importPolicy": {"scheduled": True, "insecure": True},
    }
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {"name": "image1", "annotations": {"imagestreams.dev/interval": _INTERVAL}},
        "spec": {"tags": [tag]},
    }


def _deployment() -> dict[str, object]:
    trigger = {
        "from": {"kind": "ImageStreamTag", "name": "image1:latest"},
        "fieldPath": 'spec.template.spec.containers[?(@.name=="im1")].image',
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "im1",
            "annotations": {"image.openshift.io/triggers": json.dumps([trigger])},
        },
        "spec": {
            "selector": {"matchLabels": {"app": "im1"}},
            "template": {
                "metadata": {"labels": {"app": "im1"}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "im1", "image": " "}],
                },
            },
        },
    }
