"""A sample of the points at which scripts/chaos breaks runs: nothing is lost, and one command puts it right."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from .conftest import ROOT, Lab

POINTS = 8


def test_a_run_that_is_broken_anywhere_loses_nothing_and_converges(lab: Lab) -> None:
    words = ("--points", str(POINTS), "--minutes", "30", "--only", "contain-brief")
    done = subprocess.run(
        [sys.executable, "-m", "chaos_points", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    total = re.search(r"^all +(\d+) +(\d+)", done.stdout, re.MULTILINE)
    assert total is not None, done.stdout
    struck, not_reached = int(total[1]), int(total[2])
    assert struck + not_reached == POINTS, done.stdout
    assert struck > POINTS / 2, f"most boundaries were never reached:\n{done.stdout}"
