"""One file that runs wherever Python does: a zip application of shiv, unpacked below ~/.shiv at its first start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from release_build.sources import epoch, version


def build_single(to: Path, site: Path, tools: Path) -> Path:
    """Build the file from an installed site-packages folder, for the Python that runs this; return its path.

    `tools` is the folder in which shiv is installed.
    """
    made = to / f"stopgap-{version()}-py{sys.version_info[0]}{sys.version_info[1]}-x86_64.pyz"
    words = [sys.executable, "-m", "shiv", "--site-packages", str(site), "--reproducible", "--compressed"]
    words += ["--console-script", "stopgap", "--python", "/usr/bin/env python3", "-o", str(made)]
    env = os.environ | {"SOURCE_DATE_EPOCH": str(epoch()), "PYTHONPATH": str(tools)}
    subprocess.run(words, env=env, check=True, capture_output=True)
    return made
