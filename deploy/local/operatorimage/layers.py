"""A folder as an image's layer, compiled and, where that takes long, kept in the cache.

What is in the folder is up to `debian` and `python`; `image` puts their layers together.
"""

import gzip
import hashlib
import inspect
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from localcluster import images
from localcluster.binaries import cache_root
from localcluster.errors import LocalClusterError
from localcluster.images import File, Layer, Link
from localcluster.locks import exclusive
from localcluster.progress import Progress


def run(*command: str, where: Path | None = None) -> str:
    """Run a command and return what it printed.

    Raises LocalClusterError with what it complained about, or when it is not on this machine.
    """
    try:
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LocalClusterError(f"the operator's image takes {command[0]}, and it is not here") from None
    if done.returncode != 0:
        raise LocalClusterError(f"{' '.join(command[:3])} failed: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def build(fill: Callable[[Path], None]) -> Layer:
    """Return the layer of what `fill` puts into an empty folder, which stands for the image's root."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root)
        # Nothing can be written at run time. The default way to tell a stale file is by the source's time,
        # which a layer does not keep; a file that does not compile is one that nobody imports.
        compiling = ("compileall", "-qq", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", folder)
        subprocess.run([sys.executable, "-m", *compiling, "-p", "/", folder], check=False)
        return images.layer({str(path.relative_to(root)): _entry(path) for path in _leaves(root)})


def cached(name: str, key: str, fill: Callable[[Path], None], progress: Progress) -> Layer:
    """Return the layer that was built for this name and key before, or build and keep it."""
    # How it is made decides the result too.
    code = [Path(source).read_text() for source in (__file__, inspect.getfile(fill))]
    digest = hashlib.sha256("\0".join((key, *code)).encode()).hexdigest()[:12]
    path = cache_root() / "layers" / f"{name}-{digest}.tar.gz"
    with exclusive(path.with_suffix(".lock"), f"building the layer {name}", progress):
        if not path.exists():
            progress(f"building the layer {name} of the operator's image")
            partial = path.with_suffix(".partial")
            partial.write_bytes(build(fill).content)
            partial.rename(path)
    content = path.read_bytes()
    return Layer(content, images.digest_of(gzip.decompress(content)))


def _leaves(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_symlink() or path.is_file()]


def _entry(path: Path) -> File | Link:
    return Link(str(path.readlink())) if path.is_symlink() else File(path.read_bytes(), _mode(path))


def _mode(path: Path) -> int:
    # Whoever builds may have a mask that leaves others out; the operator's user is another.
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
