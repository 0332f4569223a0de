"""What a node with real containers needs from Debian: a container runtime, CNI plugins, a static busybox.

Installed by apt when missing and allowed (root on a Debian-like machine); otherwise the message says what to
install. Also answers whether this machine allows real containers at all.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from localcluster.binaries import cache_root
from localcluster.errors import LocalClusterError
from localcluster.locks import exclusive
from localcluster.progress import Progress, silent

CNI_PLUGINS = Path("/usr/lib/cni")
_ALTERNATIVE_CNI_PLUGINS = Path("/opt/cni/bin")
_INSTALL_TIMEOUT = 600
_LOCK = Path(tempfile.gettempdir()) / f"imagestreams-packages-{os.geteuid()}.lock"


def _on_path(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def cni_plugins() -> Path | None:
    """Return the folder that holds the CNI plugins; None when they are not installed."""
    for folder in (CNI_PLUGINS, _ALTERNATIVE_CNI_PLUGINS):
        if (folder / "bridge").exists() and (folder / "host-local").exists():
            return folder
    return None


def static_busybox() -> Path | None:
    """Return a busybox that needs no library, the user land of the test images; None when there is none."""
    for path in (Path("/bin/busybox"), Path("/usr/bin/busybox"), Path("/usr/local/bin/busybox")):
        # A dynamic executable names its loader; in a container that holds busybox alone it could not start.
        if path.exists() and b"/ld-linux" not in path.read_bytes():
            return path
    return None


def missing(*, node: bool) -> list[str]:
    """Return the Debian packages to install: those of a real node, or only what the test images need."""
    wanted = [] if static_busybox() else ["busybox-static"]
    if node:
        wanted += [] if _on_path("containerd") and _on_path("ctr") else ["containerd"]
        wanted += [] if _on_path("runc") else ["runc"]
        wanted += [] if cni_plugins() else ["containernetworking-plugins"]
        wanted += [] if _on_path("ip") else ["iproute2"]
    return wanted


def can_install() -> bool:
    """Tell whether packages can be installed here: root, with apt."""
    return os.geteuid() == 0 and _on_path("apt-get")


def ensure(*, node: bool, progress: Progress = silent) -> None:
    """Install what is missing.

    Raises LocalClusterError with the packages to install by hand when it may not, or when apt fails.
    """
    if not missing(node=node):
        return
    with exclusive(_LOCK, "installing packages", progress):
        wanted = missing(node=node)
        if wanted:
            _install(wanted, progress)
    still = missing(node=node)
    if still:
        raise LocalClusterError(f"installed, yet not found: {', '.join(still)}")


def _install(wanted: list[str], progress: Progress) -> None:
    by_hand = f"as root: apt-get install --no-install-recommends {' '.join(wanted)}"
    if not can_install():
        raise LocalClusterError(f"missing on this machine: {', '.join(wanted)}; install them {by_hand}")
    progress(f"installing Debian packages: {' '.join(wanted)}")
    # Lists that cannot be renewed may still be good enough: what decides is whether the installation works.
    updated = _apt_get("update")
    installed = _apt_get("install", "--yes", "--no-install-recommends", *wanted)
    if installed.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip()[-1500:] for done in (updated, installed))
        raise LocalClusterError(f"apt-get install failed; try it {by_hand}\n{said}")


def extracted(package: str, path: str, progress: Progress = silent) -> Path:
    """Return a file of a Debian package, unpacked into the user's cache; nothing is installed or started.

    Raises LocalClusterError where apt cannot fetch the package.
    """
    folder = cache_root() / "debian" / package
    found = folder / path
    with exclusive(cache_root() / f".{package}.lock", f"fetching {package}", progress):
        if found.exists():
            return found
        progress(f"fetching the Debian package {package}")
        with tempfile.TemporaryDirectory() as fetched:
            done = _apt_get("download", package, folder=fetched)
            if done.returncode != 0:
                _apt_get("update")
                done = _apt_get("download", package, folder=fetched)
            files = list(Path(fetched).glob("*.deb"))
            if done.returncode != 0 or not files:
                said = (done.stdout + done.stderr).strip()[-1500:]
                raise LocalClusterError(f"apt-get download {package} failed\n{said}")
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg-deb", "--extract", str(files[0]), str(folder)], check=True)
    return found


def _apt_get(*arguments: str, folder: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # Somebody else's installation may be going on: wait for it.
        ["apt-get", "--quiet", "--option=DPkg::Lock::Timeout=300", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=_INSTALL_TIMEOUT,
    )


def why_no_containers() -> str | None:
    """Return why real containers cannot run on this machine, None when they can."""
    if os.geteuid() != 0:
        return "not root"
    if missing(node=True) and not can_install():
        return f"missing {', '.join(missing(node=True))}"
    if not Path("/sys/fs/cgroup").is_dir() or not os.access("/sys/fs/cgroup", os.W_OK):
        return "no writable cgroups"
    probe = subprocess.run(
        ["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode != 0:
        return f"the kernel refuses mounts and network namespaces ({probe.stderr.strip()})"
    return None
