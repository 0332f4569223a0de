"""The image's base: Python, its standard library and the C library, as files of Debian packages.

The packages are those of this machine's Debian, for the version of Python that runs here, so that what pip
installs here runs there. Nothing is installed on the machine.
"""

import re
import sys
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.images import Layer
from localcluster.progress import Progress
from operatorimage.layers import cached, run

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_ROOTS = (f"{PYTHON}-minimal", f"lib{PYTHON}-stdlib")
_NOT_FOLLOWED = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
# Nobody reads them in a container.
_UNREAD = ("usr/share/man", "usr/share/locale", "usr/share/lintian")


def architecture() -> str:
    """Return this machine's architecture as Debian and, for amd64 and arm64, image indexes spell it."""
    return run("dpkg", "--print-architecture").strip()


def base_layer(progress: Progress) -> Layer:
    """Return the base layer, from the cache when Debian has no newer package.

    Raises LocalClusterError where apt is missing or has no package of this Python.
    """
    try:
        return _layer(progress)
    except LocalClusterError:
        # A fresh machine has no lists of packages, a stale one names files that are gone.
        progress("renewing the lists of Debian packages")
        run("apt-get", "--quiet", "update")
        return _layer(progress)


def _layer(progress: Progress) -> Layer:
    wanted = [f"{name}={version}" for name, version in sorted(_versions().items())]

    def fill(root: Path) -> None:
        progress(f"downloading {len(wanted)} Debian packages")
        run("apt-get", "--quiet", "download", *wanted, where=root)
        for package in sorted(root.glob("*.deb")):
            run("dpkg-deb", "--extract", str(package), str(root))
            package.unlink()
        for path in _UNREAD:
            run("rm", "-rf", str(root / path))
        # Newer packages leave these links to the installation of a whole system.
        for name in ("bin", "lib", "lib64", "sbin"):
            if not (root / name).exists() and (root / "usr" / name).exists():
                (root / name).symlink_to(f"usr/{name}")
        (root / "usr/bin/python3").symlink_to(PYTHON)

    return cached(f"debian-{PYTHON}", "\n".join((architecture(), *wanted)), fill, progress)


def _versions() -> dict[str, str]:
    """Return the newest version of every package of the base."""
    listed = run("apt-cache", "show", "--no-all-versions", *sorted(_packages()))
    names = re.findall(r"^Package: (\S+)$", listed, re.MULTILINE)
    versions = re.findall(r"^Version: (\S+)$", listed, re.MULTILINE)
    return dict(zip(names, versions, strict=True))


def _packages() -> set[str]:
    """Return what the roots need to run: libraries, and theirs in turn, not what installing them takes."""
    skip = [f"--no-{kind}" for kind in _NOT_FOLLOWED]
    needs: dict[str, set[str]] = {}
    for line in run("apt-cache", "depends", "--recurse", *skip, *_ROOTS).splitlines():
        if not line.startswith((" ", "<")):
            needs[line] = current = set()
        elif (name := line.partition("epends: ")[2]).startswith(("lib", "zlib")):
            current.add(name)
    found: set[str] = set()
    waiting = list(_ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs[name]
    return found
