"""What an edit costs at the registry: the requests of what was edited, and no other."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from e2e.reading import current
from imagestreams import __version__
from support.faults import FaultRegistry, Headers
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import Kubectl
    from localrun import OperatorProcess


def asked(registry: FaultRegistry) -> dict[str, int]:
    """Count the requests by what was asked for, whatever the connection cost."""
    counts: dict[str, int] = {}
    for record in registry.requests:
        if record.kind != "handshake":
            counts[record.path] = counts.get(record.path, 0) + 1
    return counts


def generation_seen(kubectl: Kubectl) -> bool:
    """Tell whether the operator has seen the stream as it is."""
    found = kubectl.get("is", "fifty")
    (ready,) = found["status"]["conditions"]
    return bool(ready["observedGeneration"] == found["metadata"]["generation"])


def patch(kubectl: Kubectl, number: int, **fields: object) -> None:
    """Change fields of one tag."""
    operations = [
        {"op": "add", "path": f"/spec/tags/{number}/{field}", "value": value}
        for field, value in fields.items()
    ]
    kubectl("patch", "is", "fifty", "--type=json", "-p", json.dumps(operations))


def test_editing_one_tag_of_fifty_costs_that_tag_alone(operator: OperatorProcess, kubectl: Kubectl) -> None:
    """A new source, a request by annotation: one tag's requests; a policy that asks nothing: none."""
    assert operator.alive
    with FaultRegistry() as registry:
        digests = {f"t{number}": registry.put_image("team/app", f"t{number}") for number in range(50)}
        # Of its own in each run: an Image that is there already would not be asked for.
        other = registry.put_image("team/app", "other", secrets.token_hex(8))
        source = f"{registry.host}/team/app"
        kubectl.apply(stream("fifty", *(tag(name, f"{source}:{name}") for name in digests)))
        kubectl("wait", "--for=condition=Ready", "is/fifty", "--timeout=60s")
        images: Mapping[str, object] = {}

        def all_described() -> bool:
            nonlocal images
            images = {image["metadata"]["name"]: image for image in kubectl.get("images")["items"]}
            return {digest.replace(":", "-") for digest in digests.values()} <= images.keys()

        eventually(all_described, within=30, what="the Images")
        first = asked(registry)
        assert 50 * [1] == [first[f"/v2/team/app/manifests/{name}"] for name in digests]

        registry.reset()
        patch(kubectl, 7, **{"from": {"kind": "DockerImage", "name": f"{source}:other"}})
        eventually(lambda: current(kubectl, "fifty", "t7") == other, within=10, what="the edited tag")
        eventually(lambda: registry.count("blob") == 1, within=10, what="its Image")
        manifest = f"/v2/team/app/manifests/{other}"
        (config,) = (path for path in asked(registry) if "/blobs/" in path)
        assert {"/v2/team/app/manifests/other": 1, manifest: 1, config: 1} == asked(registry)

        registry.reset()
        patch(kubectl, 8, annotations={"imagestreams.dev/requested-at": "now"})
        eventually(lambda: generation_seen(kubectl) and registry.requests, within=10, what="the request")
        assert {"/v2/team/app/manifests/t8": 1} == asked(registry)

        registry.reset()
        patch(kubectl, 9, referencePolicy={"type": "Local"}, annotations={"a": "b"})
        eventually(lambda: generation_seen(kubectl), within=10, what="the edit to be seen")
        assert {} == asked(registry)


def test_a_registry_is_told_who_asks_and_its_quota_is_a_metric(
    operator: OperatorProcess, kubectl: Kubectl
) -> None:
    """Its log can tell us from others, and what it still allows is on the operator's page of metrics."""
    with FaultRegistry() as registry:
        registry.put_image("team/app", "v1")
        registry.fail(Headers({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}))
        kubectl.apply(stream("told", tag("v1", f"{registry.host}/team/app:v1")))
        kubectl("wait", "--for=condition=Ready", "is/told", "--timeout=60s")

        agents = {record.user_agent for record in registry.requests if record.kind != "handshake"}
        assert {f"imagestreams/{__version__}"} == agents
        quota = f'imagestreams_registry_quota_remaining{{registry="{registry.host}"}} 76.0'
        assert quota in operator.metrics()
