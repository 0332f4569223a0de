"""The operator's image: what is in a layer, and what the Dockerfile says of running it."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

from localcluster.progress import silent
from localcluster.state import PROJECT
from operatorimage import layers
from operatorimage.image import dockerfile_settings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# The flags of a compiled file that is never compared with its source: checked against a hash, but not now.
UNCHECKED = 0b01


def fill(root: Path) -> None:
    """Fill an image's root: a module, a command, a link."""
    (root / "lib").mkdir()
    (root / "lib" / "module.py").write_text("answer = 42\n")
    (root / "lib" / "module.py").chmod(0o600)
    (root / "command").write_text("#!/lib/python\n")
    (root / "command").chmod(0o700)
    (root / "link").symlink_to("command")


def test_a_folder_becomes_a_layer_that_everybody_can_read() -> None:
    """Whatever the builder's mask, others may read and run what is there, and links stay links."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layers.build(fill).content))) as archive:
        entries = {entry.name: entry for entry in archive}

    assert {"lib/module.py": 0o644, "command": 0o755} == {
        name: entries[name].mode for name in ("lib/module.py", "command")
    }
    assert "command" == entries["link"].linkname


def test_modules_are_compiled_for_a_layer_without_times() -> None:
    """Python takes the compiled file as it is: it is not compared with a source whose time is lost."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layers.build(fill).content))) as archive:
        (name,) = [entry.name for entry in archive if entry.name.endswith(".pyc")]
        compiled = archive.extractfile(name)
        assert compiled is not None
        header = compiled.read(8)

    assert UNCHECKED == int.from_bytes(header[4:], "little")


def test_the_same_folder_is_the_same_layer() -> None:
    """The layer depends on what is in the folder alone, so that an unchanged one is pushed once."""
    assert layers.build(fill) == layers.build(fill)


def test_a_layer_is_built_once_for_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was built for a key is used again, another key is built anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def count(root: Path) -> None:
        built.append(root)
        fill(root)

    first = layers.cached("some", "1", count, silent)
    again = layers.cached("some", "1", count, silent)
    layers.cached("some", "2", count, silent)

    assert layers.build(fill) == first == again
    assert 2 == len(built)


def test_the_image_runs_as_the_dockerfile_says() -> None:
    """User, port, command and variables come from the Dockerfile of the project, from its last stage."""
    settings = dockerfile_settings((PROJECT / "Dockerfile").read_text())

    assert "65532:65532" == settings["user"]
    assert ["8080/tcp"] == settings["ports"]
    assert (["imagestreams"], ["run"]) == (settings["entrypoint"], settings["command"])
    assert {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "USER"} <= settings["environment"].keys()
