"""Wheel and sdist, the same bytes again from the same sources."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from release_build.sources import ROOT, epoch


def build(to: Path, *kinds: str) -> list[Path]:
    """Build `wheel` and `sdist`, as asked, into a folder; return the files."""
    env = os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    targets = [word for kind in kinds for word in ("-t", kind)]
    words = [sys.executable, "-m", "hatchling", "build", *targets, "-d", str(to)]
    subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True)
    return files(to)


def files(folder: Path) -> list[Path]:
    """Return wheel and sdist in a folder."""
    return sorted((*folder.glob("stopgap-*.whl"), *folder.glob("stopgap-*.tar.gz")))


def digests(files: list[Path]) -> dict[str, str]:
    """Return the SHA-256 of files by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
