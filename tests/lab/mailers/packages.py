"""Debian packages for a host of the lab: chosen and downloaded by apt for its image, once, and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab_hosts import image


def downloaded(base: Path, packages: Sequence[str]) -> Path:
    """Return the folder with the packages and with whatever each needs beyond the image `base`.

    Raises RuntimeError where apt cannot get them.
    """
    name = hashlib.sha256(" ".join([base.name, *packages]).encode()).hexdigest()[:16]
    folder = image.cache_directory() / f"packages-{name}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            archives = Path(scratch) / "archives"
            (archives / "partial").mkdir(parents=True)
            Path(scratch).chmod(0o755)  # apt's own account writes there
            words = [
                *("apt-get", "-q", "-y", "--download-only", "--no-install-recommends"),
                *("-o", f"Dir::State::status={base}/var/lib/dpkg/status"),
                *("-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1"),
                *("install", *packages),
            ]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"apt-get cannot download {' '.join(packages)}: {done.stderr[-500:]}")
            if not folder.is_dir():
                archives.rename(folder)
    os.utime(folder)
    return folder
