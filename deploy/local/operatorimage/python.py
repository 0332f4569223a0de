"""The layers above the base: the locked requirements, and this project's own package.

Installed by pip as the Dockerfile does it, into the folder where Debian's Python looks for what is local.
"""

import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from localcluster.images import Layer
from localcluster.progress import Progress
from localcluster.state import PROJECT
from operatorimage.debian import PYTHON, architecture
from operatorimage.layers import build, cached, run

_PACKAGES = f"usr/local/lib/{PYTHON}/dist-packages"
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "operator")


def requirements_layer(progress: Progress) -> Layer:
    """Return the layer of what requirements/run.txt locks, from the cache unless that changed."""
    locked = PROJECT / "requirements" / "run.txt"

    def fill(root: Path) -> None:
        _pip(root, "--require-hashes", "--only-binary=:all:", "--requirement", str(locked))

    return cached("requirements", f"{PYTHON}\n{architecture()}\n{locked.read_text()}", fill, progress)


def package_layer() -> Layer:
    """Return the layer of the operator itself, as it is in the tree now."""
    return build(_install)


def _install(root: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # A build leaves files beside the sources, and what it finds there from the last one it packs again.
        for name in _SOURCES:
            source, copy = PROJECT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
            else:
                shutil.copy(source, copy)
        # Installed from a list of wheels, because pip would write down the path of a single one.
        run(*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder)
        _pip(root, "--no-deps", "--no-index", "--find-links", folder, "imagestreams")
    commands = root / "usr/local/bin"
    commands.mkdir()
    for installed in metadata.distributions(path=[str(root / _PACKAGES)]):
        for point in installed.entry_points.select(group="console_scripts"):
            script = f"#!/usr/bin/{PYTHON}\nimport sys\nfrom {point.module} import {point.attr}\n"
            (commands / point.name).write_text(f"{script}sys.exit({point.attr}())\n")
            (commands / point.name).chmod(0o755)


def _pip(root: Path, *arguments: str) -> None:
    run(*_PIP, "install", "--no-compile", "--target", str(root / _PACKAGES), *arguments)
    # The commands of the packages, written for the Python that pip runs on.
    shutil.rmtree(root / _PACKAGES / "bin", ignore_errors=True)
