"""What the original was recorded to answer is what the image API answers, command by command."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from conftest import Kubectl
from e2e.imageapi.deviations import DEVIATIONS, NOT_RENDERED, NOT_REPLAYED
from e2e.imageapi.stage import Stage
from imagestreams.imageapi.resources import find
from support import recordings
from support.likeness import Difference, Likeness
from support.oc import Done, Oc, Rest
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from localcluster import Cluster
    from localrun import FacadeProcess, OperatorProcess
    from support.recordings import Step

_SETTLED_WITHIN = 12.0
_DOCUMENT = re.compile(r"^(apiVersion: |\{).*?(?=^Name:\t|\Z)", re.MULTILINE | re.DOTALL)
_AFTER = ("oc get is", "oc get istag", "oc get is,istag -o yaml")
_READS = re.compile(r"(oc|kubectl) (get|describe|explain|status|api-resources)\b")
_STREAMS = "/apis/image.openshift.io/v1/namespaces/{}/imagestreams"
_used: set[int] = set()


class _Seconds:
    """Lets a second begin before a stream is changed that changed in this one already.

    What came to one stream in one second is in no order; the recorded commands were seconds apart.
    """

    def __init__(self, rest: Rest, *namespaces: str) -> None:
        self._rest = rest
        self._namespaces = namespaces
        self._versions: dict[str, str] = {}
        self._changed: dict[str, int] = {}
        self._following = False

    def before(self, step: Step) -> None:
        """Wait where the step may change such a stream: it names it, or there are some that follow others."""
        if _READS.match(step.command):
            return
        said = f"{step.command} {step.inputs}"
        seconds = [
            second
            for name, second in self._changed.items()
            if self._following or re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said)
        ]
        last = max(seconds, default=0)
        eventually(lambda: int(time.time()) > last, within=2, every=0.02, what="the next second")

    def after(self) -> None:
        """Look which streams changed."""
        found = [self._rest("GET", _STREAMS.format(each)).body["items"] for each in self._namespaces]
        streams = [stream for items in found for stream in items]
        for stream in streams:
            uid, name, version = (stream["metadata"][key] for key in ("uid", "name", "resourceVersion"))
            if version != self._versions.get(uid):
                self._versions[uid], self._changed[name] = version, int(time.time())
        self._following = any('"kind": "ImageStream' in json.dumps(each["spec"]) for each in streams)


class _Replay:
    """One scenario on its way."""

    def __init__(self, rest: Rest, stage: Stage, scenario: str) -> None:
        self._stage = stage
        self._scenario = scenario
        self._oc = Oc(rest, stage.namespace)
        self._likeness = Likeness(stage.names)
        self._seconds = _Seconds(rest, stage.namespace, stage.other)
        self.undeclared: list[str] = []
        self.replayed = 0

    def step(self, step: Step) -> None:
        """Send what the command sends, and compare what comes of it now and in the end."""
        self._seconds.before(step)
        self._stage.before(step.number)
        if any(
            re.search(pattern, f"{self._scenario}/{step.number} {step.command}")
            for pattern, _ in NOT_REPLAYED
        ):
            return
        self._replayed(step)
        self._seconds.after()

    def _replayed(self, step: Step) -> None:
        command, grep = step.command, ""
        if " | grep " in command:
            command, _, grep = command.partition(" | grep ")
        inputs = {name: self._likeness.now(text) for name, text in step.inputs.items()}
        place = f"{self._scenario}/{step.number}"
        self.replayed += 1

        def tried(likeness: Likeness) -> list[Difference]:
            done = self._oc.run(self._stage.login(likeness.now(command)), inputs)
            if grep:
                there = likeness.now(f"127.0.0.1:5100/{grep}")
                kept = [line for line in done.output.splitlines() if there in line]
                # In the order of their digests, which are others now.
                then = likeness.now(step.output).splitlines()
                kept.sort(key=lambda line: then.index(line) if line in then else len(then))
                done = Done("".join(f"{line}\n" for line in kept), done.error, done.exit)
            return _differences(likeness, step, done)

        if command.startswith(("oc get", "kubectl get")):
            self._settles(place, tried)
        else:
            self._judge(place, tried(self._likeness))
        for command, text in step.after.items():
            if command in _AFTER:
                self._settles(f"{place} after", functools.partial(self._after, command, text))

    def _after(self, command: str, recorded: str, likeness: Likeness) -> list[Difference]:
        return _printed(likeness, command, recorded, self._oc.run(command).output)

    def _settles(self, place: str, tried: Callable[[Likeness], list[Difference]]) -> None:
        """Wait until it is as recorded: much of what was recorded came a moment after the command."""
        deadline = time.monotonic() + _SETTLED_WITHIN
        while True:
            likeness = copy.deepcopy(self._likeness)
            found = tried(likeness)
            if all(_explained(place, each) is not None for each in found) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self._likeness = likeness
        self._judge(place, found)

    def _judge(self, place: str, found: list[Difference]) -> None:
        for each in found:
            at = _explained(place, each)
            if at is None:
                self.undeclared.append(f"{place} {each}")
            else:
                _used.add(at)


def _scenarios() -> list[str]:
    """Name the recordings whose commands ask for nothing but what is served."""
    if find("imagestreamimports"):
        return recordings.names()
    wanting = re.compile(r"import-image|new-app|ImageStreamImport")
    return [
        name
        for name in recordings.names()
        if not any(wanting.search(f"{step.command} {step.inputs}") for step in recordings.read(name).steps)
    ]


@pytest.mark.parametrize("scenario", _scenarios())
def test_recorded_commands_are_answered_as_the_original_did(
    operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster, tmp_path: Path, scenario: str
) -> None:
    """Output, errors, exit codes, tables and YAML of each step are those of the recording."""
    assert operator.alive
    assert facade.alive
    recording = recordings.read(scenario)
    with _stage(cluster, scenario, tmp_path) as stage, contextlib.closing(Rest(cluster.kubeconfig)) as rest:
        replay = _Replay(rest, stage, scenario)
        for step in recording.steps:
            replay.step(step)
    assert replay.replayed
    assert [] == replay.undeclared, "\n".join(["", *replay.undeclared])


@pytest.mark.last
def test_no_deviation_is_declared_in_vain() -> None:
    """Every entry explained a difference in this run. Alone it fails, by design."""
    assert [] == [each.where for at, each in enumerate(DEVIATIONS) if at not in _used]


@contextlib.contextmanager
def _stage(cluster: Cluster, scenario: str, folder: Path) -> Iterator[Stage]:
    kubectl = Kubectl(cluster)
    named = any(step.command.startswith("oc -n openshift ") for step in recordings.read(scenario).steps)
    with Stage(cluster, scenario, folder) as stage:
        made = [stage.namespace, stage.other, *(["openshift"] if named else [])]
        for namespace in made:
            kubectl("create", "namespace", namespace)
        try:
            yield stage
        finally:
            kubectl("delete", "namespace", *made, "--wait=false")


def _explained(place: str, difference: Difference) -> int | None:
    return next((at for at, each in enumerate(DEVIATIONS) if each.explains(place, difference)), None)


def _differences(likeness: Likeness, step: Step, done: Done) -> list[Difference]:
    found = likeness.differences(step.exit, done.exit, "exit")
    found += likeness.lines(step.error, done.error, "stderr")
    if any(re.search(pattern, step.command) for pattern, _ in NOT_RENDERED):
        return found
    if step.command.startswith("oc import-image"):
        return found + likeness.lines(_first(step.output), done.output, "stdout")
    return found + _printed(likeness, step.command, step.output, done.output)


def _printed(likeness: Likeness, command: str, recorded: str, answered: str) -> list[Difference]:
    values: list[Any]
    if "--raw" in command:
        values = [json.loads(recorded or "null"), json.loads(answered or "null")]
    elif re.search(r"-o (yaml|json)", command):
        # Of several commands at once it is one that prints YAML, and the last describes.
        texts = [_DOCUMENT.search(text) for text in (recorded, answered)]
        values = [list(yaml.load_all(found[0] if found else "", yaml.CSafeLoader)) for found in texts]
        if all(len(documents) == 1 for documents in values):
            values = [documents[0] for documents in values]
    elif command.startswith("oc get") and " | " not in command:
        values = [[rows for rows in recordings.tables(text) if rows] for text in (recorded, answered)]
        values[1] = [_of_scenario(likeness, rows) for rows in values[1]]
    else:
        return likeness.lines(recorded, answered, "stdout")
    return likeness.differences(values[0], values[1])


def _of_scenario(likeness: Likeness, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Leave out what other scenarios have in their namespaces."""
    return [row for row in rows if likeness.then(row.get("NAMESPACE", "sc-")).startswith("sc-")]


def _first(text: str) -> str:
    return f"{text.splitlines()[0]}\n" if text else ""
