"""The pinned Go programs."""

from pathlib import Path

import pytest

from localcluster import binaries
from localcluster.binaries import TOOLS, Tool
from localcluster.errors import LocalClusterError


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS.keys())
def test_every_tool_has_its_version_from_its_module_file(tool: Tool) -> None:
    """The folder in the cache starts with the tool's name and pinned version."""
    assert binaries.folder(tool).name.startswith(f"{tool.name}-{binaries.version(tool)}-")


def test_a_program_is_found_in_the_build_of_its_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of a tool of many and the only one of another are both found by their own names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert binaries.folder(TOOLS["kubernetes"]) / "bin" / "kubelet" == binaries.binary("kubelet")
    assert binaries.folder(TOOLS["etcd"]) / "bin" / "etcd" == binaries.binary("etcd")
    assert binaries.cache_root().is_relative_to(tmp_path)


def test_an_unknown_program_is_an_error() -> None:
    """A name that no tool builds is told."""
    with pytest.raises(LocalClusterError, match="no tool builds a program named docker"):
        binaries.binary("docker")
