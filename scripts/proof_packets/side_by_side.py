"""Columns in several labs at once, each in a place of its own (`scripts/lab alone`), for one table."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from lab_hosts.state import ROOT

from proof_packets.course import Measured


def keep(measured: Measured, path: Path) -> None:
    """Write a column for the process that started this one."""
    path.write_bytes(pickle.dumps(measured))


def measure(names: Sequence[str], phases: Sequence[str], labs: int) -> list[Measured]:
    """Give the columns of these devices, in order, from as many labs at once; a column that failed is left out.

    Interrupted, the columns that are done are given.
    """
    with tempfile.TemporaryDirectory(prefix="proof-") as folder, ThreadPoolExecutor(labs) as pool:
        paths = [Path(folder, name) for name in names]
        with suppress(KeyboardInterrupt):
            list(pool.map(lambda path: _column(path, phases), paths))
        pool.shutdown(cancel_futures=True)
        return [pickle.loads(path.read_bytes()) for path in paths if path.exists()]


def _column(path: Path, phases: Sequence[str]) -> None:
    began = time.monotonic()
    words = ["--only", path.name, "--into", str(path), *(word for phase in phases for word in ("--phase", phase))]
    alone = [str(ROOT / "scripts" / "lab"), "alone", sys.executable, "-m", "proof_packets", *words]
    done = subprocess.run(alone, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    failed = "" if path.exists() else f"; failed: {done.stderr[-2000:]}"
    print(f"{path.name}: {time.monotonic() - began:.0f} s{failed}", file=sys.stderr, flush=True)
