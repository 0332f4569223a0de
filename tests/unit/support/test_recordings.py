"""Reading recordings."""

from __future__ import annotations

import pytest
import yaml

from support import recordings

_TEXT = """# 99-x
$ oc create -f 01.yaml
--- 01.yaml
kind: ImageStream
---
created
2> a warning
[exit 1]
[registry] 5100 "GET /v2/ HTTP/1.1" 200 2 ""
[after: oc get is]
NAME   IMAGE REPOSITORY   TAGS
app                       1.0

$ oc get is
No resources found in sc-99-x namespace.
"""


def test_a_step_has_all_that_came_of_a_command() -> None:
    """Inputs, both outputs, the exit code, requests and the state afterwards are told apart."""
    first, second = recordings.parse(_TEXT).steps
    assert (1, "oc create -f 01.yaml", 1) == (first.number, first.command, first.exit)
    assert {"01.yaml": "kind: ImageStream\n"} == first.inputs
    assert ("created\n", "a warning\n") == (first.output, first.error)
    assert ('5100 "GET /v2/ HTTP/1.1" 200 2 ""',) == first.requests
    assert [{"NAME": "app", "IMAGE REPOSITORY": "", "TAGS": "1.0"}] == recordings.table(
        first.after["oc get is"]
    )
    assert (2, 0, {}) == (second.number, second.exit, second.after)
    assert [] == recordings.table(second.output)


@pytest.mark.parametrize("name", recordings.names())
def test_every_recording_can_be_read(name: str) -> None:
    """Each has steps, each table its heading, and what is YAML is YAML."""
    found = recordings.read(name)
    assert name == found.name
    assert found.steps
    for step in found.steps:
        assert step.command.startswith(("oc ", "kubectl "))
        for command, text in step.after.items():
            if command == "oc get is,istag -o yaml":
                assert "List" == yaml.load(text, yaml.CSafeLoader)["kind"]
            elif command in {"oc get is", "oc get istag"}:
                assert all(row["NAME"] for row in recordings.table(text))


def test_there_are_recordings() -> None:
    """The folder was not lost."""
    assert 12 == len(recordings.names())


def test_what_does_not_begin_with_its_name_is_refused() -> None:
    """A file that is no recording is not read as an empty one."""
    with pytest.raises(ValueError, match="begins with"):
        recordings.parse("nothing")
