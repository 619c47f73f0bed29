"""Programs of Debian for tests: downloaded by apt once, unpacked into the user's cache, and never installed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_debian = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("apt-get", "dpkg-deb", "unshare", "nsenter", "ip"))),
    reason="runs Debian's programs in namespaces, as root",
)


@dataclass(frozen=True)
class Unpacked:
    """The files of some packages, below a folder."""

    root: Path

    @property
    def env(self) -> dict[str, str]:
        """Search paths for programs and libraries of the packages, before this machine's own."""
        folders = [self.root / each for each in ("usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")]
        libraries = [str(path) for path in (self.root / "usr/lib").glob("*-linux-gnu*")]
        return {
            "PATH": ":".join([*map(str, folders), os.environ["PATH"], "/usr/sbin"]),
            "LD_LIBRARY_PATH": ":".join(libraries),
        }


def unpacked(*packages: str) -> Unpacked:
    """Return the files of Debian's packages, of this machine's release; the test fails where apt cannot get them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stopgap"
    cache.mkdir(parents=True, exist_ok=True)
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    root = cache / f"debian-{hashlib.sha256(' '.join([release, *packages]).encode()).hexdigest()[:16]}"
    lock = os.open(cache / "debian.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                _fetch(packages, Path(scratch))
                (Path(scratch) / "root").rename(root)
    finally:
        os.close(lock)
    return Unpacked(root)


def _fetch(packages: Sequence[str], scratch: Path) -> None:
    scratch.chmod(0o755)  # apt's own account writes there
    (scratch / "root").mkdir()
    words = ["apt-get", "-q", "download", *packages]
    done = subprocess.run(words, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"apt-get cannot download {' '.join(packages)}: {done.stderr[-500:]}")
    for package in sorted(scratch.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(scratch / "root")], check=True)
