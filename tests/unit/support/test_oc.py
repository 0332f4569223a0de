"""The rendering of the original's command line sends what the original's was seen to send."""

from __future__ import annotations

import re
from typing import Any

import pytest

from e2e.imageapi.deviations import NOT_REPLAYED
from support import recordings
from support.oc import Oc
from support.oc.rest import Answer

_DIGEST = f"sha256:{'a' * 64}"
_BASE = "/apis/image.openshift.io/v1/namespaces/here"


class _Server:
    """Answers what it was told to, else 404; keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {key.replace("_", " ", 1): value for key, value in answers.items()}
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[Any] = []

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        del options
        self.asked.append((method, path.removeprefix(_BASE)))
        if body is not None:
            self.bodies.append(body)
        found = self.answers.get(f"{method} {path.rsplit('/', maxsplit=1)[-1]}")
        if found is None:
            return Answer(
                404, {"reason": "NotFound", "message": f"{path.rsplit('/', maxsplit=1)[-1]} not found"}, {}
            )
        return Answer(200, found, {})


def _stream(*tags: dict[str, Any], items: dict[str, str] | None = None) -> dict[str, Any]:
    status = [
        {"tag": name, "items": [{"image": image, "dockerImageReference": f"r/a@{image}"}]}
        for name, image in (items or {}).items()
    ]
    return {
        "kind": "ImageStream",
        "metadata": {"name": "app", "resourceVersion": "7"},
        "spec": {"tags": list(tags)},
        "status": {"tags": status},
    }


def _docker(name: str, source: str, **policy: Any) -> dict[str, Any]:
    return {"name": name, "from": {"kind": "DockerImage", "name": source}, "importPolicy": policy}


def test_an_import_reads_the_stream_and_posts_one_object() -> None:
    """The stream's resourceVersion and the old tag's policy go along; nothing else is asked."""
    imported = {"status": {"images": [{"tag": "1", "status": {"status": "Success"}}]}}
    server = _Server(GET_app=_stream(_docker("1", "r/a:1", insecure=True)), POST_imagestreamimports=imported)
    done = Oc(server, "here").run("oc import-image app:1")  # type: ignore[arg-type]
    assert ("imagestream.image.openshift.io/app imported\n", "", 0) == (done.output, done.error, done.exit)
    assert [("GET", "/imagestreams/app"), ("POST", "/imagestreamimports")] == server.asked
    (body,) = server.bodies
    assert "7" == body["metadata"]["resourceVersion"]
    assert {
        "import": True,
        "images": [
            {
                "from": {"kind": "DockerImage", "name": "r/a:1"},
                "to": {"name": "1"},
                "importPolicy": {"importMode": "Legacy", "insecure": True},
                "referencePolicy": {"type": ""},
            }
        ],
    } == body["spec"]


def test_an_import_that_failed_prints_why_and_exits_with_1() -> None:
    """Each failed tag is told on stderr."""
    failed = {"status": "Failure", "message": "no"}
    server = _Server(POST_imagestreamimports={"status": {"images": [{"tag": "1", "status": failed}]}})
    done = Oc(server, "here").run("oc import-image app:1 --from=r/a:1 --confirm")  # type: ignore[arg-type]
    assert "error: tag 1 failed: no\nerror: imported completed with errors\n" == done.error
    assert ("imagestream.image.openshift.io/app imported with errors\n", 1) == (done.output, done.exit)


def test_a_tag_of_a_stream_is_a_copy_of_what_it_leads_to_now() -> None:
    """The client resolves the source; the destination is written blindly, and made where it is not there."""
    server = _Server(GET_app=_stream(items={"1": _DIGEST}), POST_imagestreamtags={})
    done = Oc(server, "here").run("oc tag app:1 other:prod")  # type: ignore[arg-type]
    assert f"Tag other:prod set to app@{_DIGEST}.\n" == done.output, done
    assert [
        ("GET", "/imagestreams/app"),
        ("PUT", "/imagestreamtags/other:prod"),
        ("POST", "/imagestreamtags"),
    ] == server.asked
    assert server.bodies[0] == server.bodies[1]
    wanted = server.bodies[0]["tag"]
    assert {"kind": "ImageStreamImage", "name": f"app@{_DIGEST}"} == wanted["from"]
    assert (None, "Source") == (wanted["generation"], wanted["referencePolicy"]["type"])


def test_a_tag_of_an_image_asks_for_an_import() -> None:
    """Generation 0 is what makes the server import anew."""
    server = _Server(**{"PUT_app:1": {}})
    done = Oc(server, "here").run("oc tag registry:5000/a:1 app:1 --insecure")  # type: ignore[arg-type]
    assert "Tag app:1 set to registry:5000/a:1.\n" == done.output
    (body,) = server.bodies
    assert {"kind": "DockerImage", "name": "registry:5000/a:1"} == body["tag"]["from"]
    assert (0, True) == (body["tag"]["generation"], body["tag"]["importPolicy"]["insecure"])


@pytest.mark.parametrize("scenario", recordings.names())
def test_every_command_that_is_replayed_is_understood(scenario: str) -> None:
    """No recorded command is left out silently: it is rendered, or listed with its reason."""
    server, left_out, understood = _Server(), 0, 0
    for step in recordings.read(scenario).steps:
        if any(re.search(pattern, f"{scenario}/{step.number} {step.command}") for pattern, _ in NOT_REPLAYED):
            left_out += 1
            continue
        command = step.command.partition(" | grep ")[0]
        # LookupError is how a command that is not known ends.
        done = Oc(server, "here").run(command, step.inputs)  # type: ignore[arg-type]
        understood += done.exit in {0, 1}
    assert len(recordings.read(scenario).steps) == understood + left_out
    assert understood > left_out or scenario in {"17-n-set-triggers", "18-o-new-app"}
